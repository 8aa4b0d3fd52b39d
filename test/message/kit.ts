/** Real agents with a scripted model that refuses, as providers do, whatever is no valid list of messages. */
import { AIMessage, type BaseMessage, type ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { type HITLBackend, HITLToolNode } from "holdpoint";
import { areMessagesValid, unansweredToolCalls } from "../../src/nodes/message/tool-calls.ts";

export { gate, openAsk, pending, toolOf } from "../nodes/kit.ts";

export const call = (name: string, id: string, args: Record<string, unknown> = {}): ToolCall => ({
  type: "tool_call",
  name,
  id,
  args,
});

/** As a provider answers 400 to. @throws Error */
export function assertAccepted(messages: readonly BaseMessage[]): void {
  if (areMessagesValid(messages)) return;
  const ids = unansweredToolCalls(messages).map((open) => open.call.id);
  throw new Error(
    `tool_use ids were found without tool_result: ${ids.join(", ")}\n${said(messages).join("\n")}`,
  );
}

/** One line for each message. */
export function said(messages: unknown): string[] {
  const list = Array.isArray(messages) ? messages : (messages as { messages: BaseMessage[] }).messages;
  return (list as BaseMessage[]).map((message) => {
    const calls = (message as AIMessage).tool_calls ?? [];
    if (message.getType() === "tool") return `${(message as ToolMessage).tool_call_id}: ${message.text}`;
    const text = calls.length > 0 ? calls.map(({ id }) => `→${id}`).join(" ") : message.text;
    return `${message.getType()}: ${text}`;
  });
}

/** What the model says after a message of a user; without an entry: "ok <text>". */
export type Script = Readonly<Record<string, readonly ToolCall[]>>;

export interface ChatOptions {
  readonly backend: HITLBackend;
  readonly tools: readonly StructuredToolInterface[];
  readonly script: Script;
  readonly checkpointer?: BaseCheckpointSaver;
  readonly leaseMs?: number;
  /** Instead of the script. */
  readonly reply?: (messages: readonly BaseMessage[]) => AIMessage;
  readonly onModel?: (messages: readonly BaseMessage[]) => void | Promise<void>;
}

/** The model answers the last message of a user: by its calls, then, when they have results, by a text. */
export function replyTo(messages: readonly BaseMessage[], script: Script): AIMessage {
  assertAccepted(messages);
  const at = messages.findLastIndex((message) => message.getType() === "human");
  const text = messages[at]?.text ?? "";
  const called = messages.slice(at).some((message) => ((message as AIMessage).tool_calls ?? []).length > 0);
  const tool_calls = called ? [] : [...(script[text] ?? [])];
  return new AIMessage({ content: tool_calls.length > 0 ? "" : `ok ${text}`, tool_calls });
}

// The type of a compiled graph names its nodes; it is inferred.
export function chatOf({ backend, tools, script, checkpointer, leaseMs, reply, onModel }: ChatOptions) {
  const node = new HITLToolNode([...tools], { backend, ...(leaseMs === undefined ? {} : { leaseMs }) });
  const model = async ({ messages }: typeof MessagesAnnotation.State): Promise<{ messages: AIMessage[] }> => {
    const message = (reply ?? ((seen) => replyTo(seen, script)))(messages);
    await onModel?.(messages);
    return { messages: [message] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("model", model)
    .addNode("tools", node)
    .addEdge("__start__", "model")
    .addConditionalEdges("model", ({ messages }) =>
      ((messages.at(-1) as AIMessage).tool_calls ?? []).length > 0 ? "tools" : "__end__",
    )
    .addEdge("tools", "model")
    .compile({ checkpointer: checkpointer ?? new MemorySaver() });
}

export const thread = (thread_id: string) => ({ configurable: { thread_id }, durability: "sync" }) as const;
