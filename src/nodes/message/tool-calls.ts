/**
 * Which message lists a provider accepts: the tool messages of an AI message follow it at once, one for each of its
 * calls, and there are no others. Pure: no store, no graph.
 */
import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";

export interface UnansweredToolCall {
  /** Where the AI message with the call is in the list. */
  readonly index: number;
  readonly call: ToolCall;
}

/**
 * The tool calls without a tool message right behind their AI message (before any other message), in their order.
 * A model that is given such a list fails: "tool_use ids were found without tool_result".
 *
 * A call without an id is answered by a tool message whose `tool_call_id` is empty.
 *
 * @example
 * ```ts
 * import type { BaseMessage } from "@langchain/core/messages";
 * import { unansweredToolCalls } from "holdpoint";
 *
 * export function isReadyForModel(messages: readonly BaseMessage[]): boolean {
 *   return unansweredToolCalls(messages).length === 0;
 * }
 * ```
 */
export function unansweredToolCalls(messages: readonly BaseMessage[]): readonly UnansweredToolCall[] {
  return messages.flatMap((message, index) => {
    const answers = new Map<string, number>();
    for (const answer of answersBehind(messages, index)) count(answers, answer.tool_call_id, 1);
    return toolCallsOf(message)
      .filter(({ id = "" }) => !takeOne(answers, id))
      .map((call) => ({ index, call }));
  });
}

/**
 * The list as a provider accepts it: each call gets one tool message, right behind its AI message. One that came too
 * late is moved to its place, one that answers no call (or one a second time) is left out, and what is missing is made
 * by `fill`. A list that is valid is returned as it is.
 */
export function repairMessages(
  messages: readonly BaseMessage[],
  fill: (call: ToolCall) => ToolMessage,
): readonly BaseMessage[] {
  if (areMessagesValid(messages)) return messages;
  const strays = strayAnswers(messages);
  const repaired: BaseMessage[] = [];
  for (const [index, message] of messages.entries()) {
    if (isToolMessage(message)) continue;
    repaired.push(message);
    const near = answersBehind(messages, index);
    for (const call of toolCallsOf(message)) {
      const { id = "" } = call;
      repaired.push(takeFirst(near, id) ?? takeFirst(strays, id) ?? fill(call));
    }
  }
  return repaired;
}

/** True if a provider accepts the list as far as tool calls are concerned. */
export function areMessagesValid(messages: readonly BaseMessage[]): boolean {
  return unansweredToolCalls(messages).length === 0 && strayAnswers(messages).length === 0;
}

function strayAnswers(messages: readonly BaseMessage[]): ToolMessage[] {
  const placed = new Set<BaseMessage>();
  for (const [index, message] of messages.entries()) {
    const near = answersBehind(messages, index);
    for (const { id = "" } of toolCallsOf(message)) {
      const answer = takeFirst(near, id);
      if (answer) placed.add(answer);
    }
  }
  return messages.filter(isToolMessage).filter((message) => !placed.has(message));
}

function answersBehind(messages: readonly BaseMessage[], index: number): ToolMessage[] {
  const answers: ToolMessage[] = [];
  for (let at = index + 1; at < messages.length; at += 1) {
    const message = messages[at];
    if (!message || !isToolMessage(message)) break;
    answers.push(message);
  }
  return answers;
}

/** By its type's name: an application may hold two copies of LangChain. */
export function isToolMessage(message: BaseMessage): message is ToolMessage {
  return message.getType() === "tool";
}

/** Empty for a message that is not of a model. */
export function toolCallsOf(message: BaseMessage): readonly ToolCall[] {
  return message.getType() === "ai" ? ((message as AIMessage).tool_calls ?? []) : [];
}

function count(counts: Map<string, number>, id: string, change: number): void {
  counts.set(id, (counts.get(id) ?? 0) + change);
}

function takeOne(counts: Map<string, number>, id: string): boolean {
  if ((counts.get(id) ?? 0) === 0) return false;
  count(counts, id, -1);
  return true;
}

function takeFirst(answers: ToolMessage[], id: string): ToolMessage | undefined {
  const at = answers.findIndex((answer) => (answer.tool_call_id ?? "") === id);
  return at < 0 ? undefined : answers.splice(at, 1)[0];
}
