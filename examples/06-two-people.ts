/** Several questions at once: visible together, answered out of order by two people; each call goes on with its own. */
import type { BaseMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { confirm, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();

const pay = tool(
  async ({ to, amount }) => {
    const { confirmed } = await confirm({
      message: `Pay ${amount} EUR to ${to}?`,
      assignee: amount > 1000 ? "finance" : "support",
    });
    if (confirmed) console.log(`paid ${to}`);
    return confirmed ? `paid ${to}` : `${to} was not paid`;
  },
  { name: "pay", description: "Pays.", schema: z.object({ to: z.string(), amount: z.number() }) },
);
const note = tool(() => "noted", { name: "note", description: "Notes.", schema: z.object({}) });

const graph = new StateGraph(MessagesAnnotation)
  .addNode(
    "model",
    scriptedModel([
      { name: "pay", args: { to: "Ann", amount: 5000 } },
      { name: "note", args: {} },
      { name: "pay", args: { to: "Bob", amount: 10 } },
    ]),
  )
  .addNode("tools", new HITLToolNode([pay, note], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const config = { configurable: { thread_id: "bills" } };
await graph.invoke({ messages: [] }, config);

async function answer(assignee: string, confirmed: boolean): Promise<void> {
  const { items } = await backend.list({ assignee, status: "pending" });
  for (const { hitl_id, data } of items) {
    console.log(assignee, "is asked:", data["message"]);
    const actor = { id: assignee, role: "user" } as const;
    const { resume } = await respondAndResume(graph, { backend, hitl_id, response: { confirmed }, actor });
    console.log(`${resume?.pending.length} open`);
  }
}

// The second question first. Its call goes on at once; the other one waits, and nothing runs twice.
await answer("support", true);
// prints: support is asked: Pay 10 EUR to Bob?
// prints: paid Bob
// prints: 1 open
await answer("finance", false);
// prints: finance is asked: Pay 5000 EUR to Ann?
// prints: 0 open

const { values } = await graph.getState(config);
console.log(values.messages.slice(1, 4).map(({ text }: BaseMessage) => text)); // prints: [ 'Ann was not paid', 'noted', 'paid Bob' ]
