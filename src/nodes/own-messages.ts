/** The messages of one tool call in what its tool gave: the message itself, or those in the update of a command. */
import { isBaseMessage, ToolMessage } from "@langchain/core/messages";
import { Command, isCommand } from "@langchain/langgraph";
import type { ToolOutput } from "./tool-outcome.ts";

type Change = (message: ToolMessage) => ToolMessage;

/**
 * The output with each message of the call as `change` makes it.
 *
 * @param ids - under which the call's messages may stand in a command
 */
export function withOwnMessages(
  output: ToolOutput,
  ids: readonly (string | undefined)[],
  change: Change,
): ToolOutput {
  if (!isCommand(output)) return change(output);
  const { graph, goto, update } = output;
  return new Command({
    goto: goto as never,
    ...(graph === undefined ? {} : { graph }),
    ...(update === undefined ? {} : { update: changedIn(update, ids, change) as never }),
  });
}

/** A command's update: the state's keys, or a list of messages or pairs. */
function changedIn(update: unknown, ids: readonly (string | undefined)[], change: Change): unknown {
  if (Array.isArray(update)) return update.map((entry) => changedIn(entry, ids, change));
  if (isBaseMessage(update))
    return ToolMessage.isInstance(update) && ids.includes(update.tool_call_id) ? change(update) : update;
  if (typeof update !== "object" || update === null || Object.getPrototypeOf(update) !== Object.prototype)
    return update;
  return Object.fromEntries(
    Object.entries(update).map(([key, value]) => [
      key,
      Array.isArray(value) || isBaseMessage(value) ? changedIn(value, ids, change) : value,
    ]),
  );
}

export interface MessageChange {
  readonly content?: ToolMessage["content"];
  readonly tool_call_id?: string;
  /** Left out: the message keeps its own. */
  readonly id?: string | undefined;
  /** Beside what is in `response_metadata.holdpoint` already. */
  readonly mark?: object;
}

/** A copy: what a tool gave may be somebody else's, too. */
export function changedMessage(message: ToolMessage, change: MessageChange): ToolMessage {
  const { content, name, status, artifact, additional_kwargs, response_metadata, tool_call_id } = message;
  const id = "id" in change ? change.id : message.id;
  const known = (response_metadata as { readonly holdpoint?: object }).holdpoint;
  return new ToolMessage({
    content: change.content ?? content,
    tool_call_id: change.tool_call_id ?? tool_call_id,
    additional_kwargs,
    response_metadata: change.mark
      ? { ...response_metadata, holdpoint: { ...known, ...change.mark } }
      : response_metadata,
    ...(name === undefined ? {} : { name }),
    ...(status === undefined ? {} : { status }),
    ...(artifact === undefined ? {} : { artifact: artifact as unknown }),
    ...(id === undefined ? {} : { id }),
  });
}
