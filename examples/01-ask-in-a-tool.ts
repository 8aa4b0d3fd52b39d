/** A tool asks a human in its middle: `confirm` reads from top to bottom, and what must not repeat goes in a `step`. */
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { confirm, HITLToolNode, InMemoryHITLBackend, respondAndResume, step } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();

const refund = tool(
  async ({ order, amount }) => {
    const balance = await step("balance", () => {
      console.log("looked up the balance"); // prints: looked up the balance
      return 100;
    });
    const { confirmed, comment } = await confirm({
      message: `Refund ${amount} of ${balance} EUR for ${order}?`,
      risk_level: "high",
    });
    return confirmed ? `refunded ${amount} EUR` : `not refunded: ${comment ?? "no reason given"}`;
  },
  {
    name: "refund",
    description: "Refunds an order.",
    schema: z.object({ order: z.string(), amount: z.number() }),
  },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "refund", args: { order: "A-17", amount: 40 } }]))
  .addNode("tools", new HITLToolNode([refund], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

// The graph runs until the tool asks, and pauses. The body will run again after the answer, its step will not.
const config = { configurable: { thread_id: "order-A-17" } };
await graph.invoke({ messages: [] }, config);

const { items } = await backend.getByThread("order-A-17", { limit: 1 });
for (const { hitl_id, data } of items) {
  console.log(data["message"]); // prints: Refund 40 of 100 EUR for A-17?
  const { status } = await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true } });
  console.log(status); // prints: accepted
}

const { values } = await graph.getState(config);
console.log(values.messages.at(-2)?.text); // prints: refunded 40 EUR
