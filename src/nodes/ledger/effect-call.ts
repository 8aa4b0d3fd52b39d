/** The call as the ledger knows it: what it belongs to, and what makes another call the same one. */
import { isAIMessage, isBaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { HoldpointError } from "../../core/errors.ts";
import { hashJson, isValidForeignId } from "../../core/ids.ts";
import { validateArgs } from "../../ledger/idem-key.ts";
import type { ResourceDescriptor, ToolCall as EffectCall } from "../../ledger/types.ts";
import { type CheckedRule, ruleCallOf } from "./ledger-rule.ts";

/** Resources of the engine's own. */
const NAMESPACE = "langgraph";

/** Where a call is made. */
export interface CallPlace {
  readonly thread_id: string;
  readonly session_id: string;
  /** As its message tells it from its siblings; null where it has no identity. */
  readonly tool_call_id: string | null;
  /** Of the AI message. Models may number their calls anew in each message. */
  readonly message_id: string | undefined;
}

/**
 * @param call - with the arguments that the tool is about to get (P7)
 * @throws EffectLedgerValidationError, HoldpointError `ERR_HITL_NO_CALL_IDENTITY`, what the rule's own key throws
 */
export function effectCallOf(rule: CheckedRule, call: ToolCall, place: CallPlace): EffectCall {
  const { thread_id, session_id, tool_call_id } = place;
  const { name: tool, args } = call;
  const { key } = rule;
  return {
    workflow_id: thread_id,
    session_id,
    tool,
    args,
    ...(isValidForeignId(tool_call_id) ? { call_id: tool_call_id } : {}),
    ...(key === "call" ? { resource: callResource(tool, args, place) } : {}),
    ...(typeof key === "function" ? { resource: key(ruleCallOf(call)) } : {}),
    ...(Array.isArray(key) ? { idempotency_keys: key as readonly string[] } : {}),
  };
}

/** A fork in which the call has other arguments is another call: it never gets what came of these. */
function callResource(
  tool: string,
  args: Readonly<Record<string, unknown>>,
  { tool_call_id, message_id }: CallPlace,
): ResourceDescriptor {
  if (tool_call_id === null) {
    throw new HoldpointError(
      "ERR_HITL_NO_CALL_IDENTITY",
      `${tool} is behind the ledger, and was not called by a model: there is no tool call to tell it from others. Call it with { type: "tool_call", id, name, args }, or give the rule another key.`,
      { details: { tool_name: tool } },
    );
  }
  return {
    namespace: NAMESPACE,
    type: "tool_call",
    id: {
      ...(message_id === undefined ? {} : { message_id }),
      tool_call_id,
      args_hash: hashJson(validateArgs(args)),
    },
  };
}

/** A step of a call that is behind the ledger; `idem_key` is that of the call. */
export function effectCallOfStep(
  call: EffectCall,
  idem_key: string,
  name: string,
  occurrence: number,
): EffectCall {
  const { workflow_id, session_id, tool, call_id } = call;
  const step = { step: name, occurrence };
  return {
    workflow_id,
    session_id,
    tool,
    ...(call_id === undefined ? {} : { call_id }),
    args: step,
    resource: { namespace: NAMESPACE, type: "step", id: { call: idem_key, ...step } },
  };
}

interface TaskInput {
  readonly state?: unknown;
  readonly configurable?: { readonly __pregel_scratchpad?: { readonly currentTaskInput?: unknown } };
}

/** The id of the AI message with this call, as far as the host shows the messages. */
export function messageIdOf(
  call: ToolCall,
  config: LangGraphRunnableConfig,
  state?: unknown,
): string | undefined {
  const { state: shown, configurable } = config as TaskInput;
  const input = state ?? shown ?? configurable?.__pregel_scratchpad?.currentTaskInput;
  const messages = Array.isArray(input)
    ? input
    : (input as { messages?: unknown } | null | undefined)?.messages;
  if (!Array.isArray(messages)) return undefined;
  const asking = (messages as unknown[]).findLast(
    (message) =>
      isBaseMessage(message) &&
      isAIMessage(message) &&
      message.tool_calls?.some(({ id, name }) => id === call.id && name === call.name),
  );
  return (asking as { id?: string } | undefined)?.id;
}
