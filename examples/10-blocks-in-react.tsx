/** The run as React components: every question with its form, before and after the answer. Rendered on a server here. */
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { confirm, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { blockEvents, createBlockStore } from "holdpoint/blocks";
import { BlockList, type Respond } from "holdpoint/react";
import { renderToStaticMarkup } from "react-dom/server";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend({ clock: { now: () => Date.UTC(2026, 0, 31, 12) } });

const refund = tool(
  async ({ order }) => {
    const { confirmed } = await confirm({ message: `Refund <b>${order}</b>?`, risk_level: "high" });
    return confirmed ? "refunded" : "not refunded";
  },
  { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
);

const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "refund", args: { order: "A-17" } }]))
  .addNode("tools", new HITLToolNode([refund], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

const store = createBlockStore();

// In a browser this is a fetch to your server, which answers and resumes.
const respond: Respond = (hitl_id, response) =>
  respondAndResume(graph, { backend, hitl_id, response, onBlock: (event) => store.dispatch(event) });

/** All texts of the page, in their order. Markup in a question is text, too. */
function show(): void {
  const page = renderToStaticMarkup(<BlockList store={store} respond={respond} />);
  const texts = page.split(/<[^>]*>/).map((text) => text.replaceAll(/\s+/g, " ").trim());
  console.log(texts.filter((text) => text !== "").join(" · "));
}

const config = { configurable: { thread_id: "order" }, streamMode: "custom" as const };
for await (const event of blockEvents(await graph.stream({ messages: [] }, config))) store.dispatch(event);
show();
// prints: Tool refund · waiting · Arguments · { &quot;order&quot;: &quot;A-17&quot; } · Please confirm · Refund &lt;b&gt;A-17&lt;/b&gt;? · Asked by refund · Risk: high · Comment · (optional) · Yes, go on · No

const [question] = (await backend.getByThread("order")).items;
const { status } = await respond(question?.hitl_id ?? "", { confirmed: true, comment: "Sorry!" });
console.log("--", status);
show();
// prints: -- accepted
// prints: Tool refund · success · Arguments · { &quot;order&quot;: &quot;A-17&quot; } · Please confirm · Refund &lt;b&gt;A-17&lt;/b&gt;? · Asked by refund · Risk: high · Answered. · Answered by somebody, · 1/31/2026, 12:00:00 PM · The answer · { &quot;confirmed&quot;: true, &quot;comment&quot;: &quot;Sorry!&quot; }
