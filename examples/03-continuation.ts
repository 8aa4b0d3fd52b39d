/** Continuation mode: a tool in three rounds. It is called again with its own state and the answer, until it is done. */
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { HITLSuspend, HITLToolNode, InMemoryHITLBackend, respondAndResume, resumption } from "holdpoint";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();
const FIELDS = ["name", "city"] as const;

function ask(field: string, known: Record<string, string>): HITLSuspend {
  return new HITLSuspend({
    hitl_type: "ask_user",
    data: { message: `Your ${field}?` },
    resume_mode: "continuation",
    tool_state: { field, known },
  });
}

const signUp = tool(
  () => {
    const resumed = resumption();
    if (!resumed) throw ask(FIELDS[0], {});
    const { field, known } = resumed.tool_state as { field: string; known: Record<string, string> };
    const { answer } = resumed.response as { answer: string };
    const all = { ...known, [field]: answer };
    const next = FIELDS.find((name) => all[name] === undefined);
    if (next) throw ask(next, all);
    return `signed up ${all["name"]} of ${all["city"]}`;
  },
  { name: "sign_up", description: "Signs a customer up.", schema: z.object({}) },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "sign_up", args: {} }]))
  .addNode("tools", new HITLToolNode([signUp], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const config = { configurable: { thread_id: "visitor" } };
await graph.invoke({ messages: [] }, config);
for (const answer of ["Ann", "Oslo"]) {
  const { items } = await backend.list({ thread_id: "visitor", status: "pending" });
  for (const { hitl_id, data } of items) {
    console.log(data["message"]);
    await respondAndResume(graph, { backend, hitl_id, response: { answer } });
  }
}
// prints: Your name?
// prints: Your city?
const { values } = await graph.getState(config);
console.log(values.messages.at(-2)?.text); // prints: signed up Ann of Oslo
