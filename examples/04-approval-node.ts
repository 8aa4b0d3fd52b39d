/** An approval node in any StateGraph: typed on the state, routed by outcome, and the draft may be edited on the way. */
import { Annotation, END, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { approvalNode, configureHoldpoint, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import { z } from "zod";

const backend = new InMemoryHITLBackend();
configureHoldpoint({ backend });

const State = Annotation.Root({ draft: Annotation<string>, feedback: Annotation<string | null> });

const review = approvalNode(
  State,
  { message: ({ draft }) => `Publish "${draft}"?`, editable: { draft: z.string().max(40) } },
  {
    approved: "publish",
    edited: "publish",
    // Leave this route out, and it does not compile.
    rejected: { goto: "write", update: ({ comment }) => ({ feedback: comment }) },
  },
);

const graph = new StateGraph(State)
  .addNode("write", ({ feedback }) => ({ draft: feedback ? "We are closed on Sunday." : "We are closed." }))
  .addNode("review", review, { ends: review.ends })
  .addNode("publish", ({ draft }) => {
    console.log("published:", draft);
    return {};
  })
  .addEdge(START, "write")
  .addEdge("write", "review")
  .addEdge("publish", END)
  .compile({ checkpointer: new MemorySaver() });

const config = { configurable: { thread_id: "notice" } };
await graph.invoke({}, config);

async function answer(response: object): Promise<void> {
  const { items } = await backend.list({ thread_id: "notice", status: "pending" });
  for (const { hitl_id, data } of items) {
    console.log(data["message"]);
    const { status } = await respondAndResume(graph, { backend, hitl_id, response });
    console.log(status);
  }
}

await answer({ decision: "reject", comment: "When?" });
// prints: Publish "We are closed."?
// prints: accepted
await answer({ decision: "edit", values: { draft: "x".repeat(41) } });
// prints: Publish "We are closed on Sunday."?
// prints: invalid
await answer({ decision: "edit", values: { draft: "We are closed on Sundays." } });
// prints: Publish "We are closed on Sunday."?
// prints: published: We are closed on Sundays.
// prints: accepted
