/** Compile-time tests (`npx tsc -p .`): sending messages fits LangGraph's and langchain's types. Nothing here runs. */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { createAgent } from "langchain";
import { InMemoryHITLBackend } from "../../src/index.ts";
import {
  sendMessage,
  type SendMessageResult,
  waitingMessages,
  withdrawMessage,
} from "../../src/nodes/message/send-message.ts";
import { unansweredToolCalls } from "../../src/nodes/message/tool-calls.ts";

declare const llm: BaseChatModel;
const backend = new InMemoryHITLBackend();
const checkpointer = new MemorySaver();
const graph = new StateGraph(MessagesAnnotation)
  .addNode("n", () => ({}))
  .addEdge(START, "n")
  .compile({ checkpointer });
const named = new StateGraph(Annotation.Root({ chat: MessagesAnnotation.spec.messages }))
  .addNode("n", () => ({}))
  .addEdge(START, "n")
  .compile({ checkpointer });
const to = { backend, thread_id: "t" };

export async function sending(): Promise<void> {
  const sent = await sendMessage(graph, { ...to, message: "hi" });
  if (sent.status === "delivered") void sent.result?.messages.length;
  // @ts-expect-error only a delivered message has a result
  else void sent.result;
  if (sent.status === "busy") void sent.until?.toFixed();
  if (sent.status === "invalid") void sent.issues[0]?.path;
  if (sent.status === "answered") void sent.resume?.status;
  await sendMessage(named, { ...to, message: { role: "user", content: "hi" }, messagesKey: "chat" });
  await sendMessage(createReactAgent({ llm, tools: [], checkpointer }), {
    ...to,
    message: new HumanMessage("hi"),
  });
  await sendMessage(createAgent({ model: llm, tools: [], checkpointer }), { ...to, message: "hi" });
  // @ts-expect-error a user does not speak for the model
  await sendMessage(graph, { ...to, message: new AIMessage("hi") });
  // @ts-expect-error nor for the system
  await sendMessage(graph, { ...to, message: { role: "system", content: "hi" } });
  // @ts-expect-error there is no such mode
  await sendMessage(graph, { ...to, message: "hi", whenPending: "drop" });
  // @ts-expect-error a thread is needed
  await sendMessage(graph, { backend, message: "hi" });
  // @ts-expect-error a message is needed
  await sendMessage(graph, to);
  const [first] = await waitingMessages(to);
  if (first) await withdrawMessage({ ...to, message_id: first.message_id });
  // @ts-expect-error which one
  await withdrawMessage(to);
  void unansweredToolCalls([new AIMessage("hi")])[0]?.call.name;
}

export function everyOutcome(result: SendMessageResult): number {
  switch (result.status) {
    case "delivered":
    case "waiting":
    case "busy":
    case "answered":
    case "invalid":
    case "forbidden":
    case "withdrawn":
      return result.pending.length;
    default:
      return result satisfies never;
  }
}
