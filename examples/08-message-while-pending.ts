/** A user writes while a human is asked: the message waits its turn, cancels what is open, or answers it. */
import type { BaseMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { askUser, HITLToolNode, InMemoryHITLBackend, respondAndResume, sendMessage } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();

const order = tool(
  async ({ dish }) => {
    const { answer } = await askUser({ message: `Which size of ${dish}?` });
    return `ordered ${dish}, ${answer}`;
  },
  { name: "order", description: "Orders.", schema: z.object({ dish: z.string() }) },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "order", args: { dish: "soup" } }]))
  .addNode("tools", new HITLToolNode([order], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

async function ordering(thread_id: string): Promise<string> {
  const message = "A soup, please.";
  const { pending } = await sendMessage(graph, { backend, thread_id, message, ifNotExists: "create" });
  return pending[0]?.hitl_id ?? "";
}

async function show(thread_id: string): Promise<void> {
  const { values } = await graph.getState({ configurable: { thread_id } });
  const said = (values.messages as BaseMessage[]).filter(({ text }) => text !== "");
  console.log(said.map((message) => `${message.getType()}: ${message.text}`).join(" | "));
}

// wait: the message goes in after the tool's result, where a provider accepts it.
const hitl_id = await ordering("table-1");
const waits = await sendMessage(graph, { backend, thread_id: "table-1", message: "And water." });
console.log(waits.status, waits.pending.length); // prints: waiting 1
await respondAndResume(graph, { backend, hitl_id, response: { answer: "small" } });
await show("table-1");
// prints: human: A soup, please. | tool: ordered soup, small | ai: done | human: And water. | ai: done

// answer: the text answers the open question.
await ordering("table-2");
const answers = await sendMessage(graph, {
  backend,
  thread_id: "table-2",
  message: "large",
  whenPending: "answer",
});
console.log(answers.status); // prints: answered
await show("table-2"); // prints: human: A soup, please. | tool: ordered soup, large | ai: done

// cancel: what is open is cancelled, and the run goes on with the message.
await ordering("table-3");
const message = "Stop, the bill please.";
await sendMessage(graph, { backend, thread_id: "table-3", message, whenPending: "cancel" });
const [question] = (await backend.getByThread("table-3")).items;
console.log(question?.status, question?.reason); // prints: cancelled new_message
