/** Forks and new input on a thread that waits at a node. */
import { Annotation, END, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend, resumeThread } from "../../src/index.ts";
import { approvalNode } from "../../src/nodes/interrupt-nodes/approval-node.ts";
import { answer, Counter, openAsk, pending, thread } from "../nodes/kit.ts";

const State = Annotation.Root({
  item: Annotation<string>,
  done: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

const approve = { decision: "approve" } as const;
describe("time travel", () => {
  it("P2 a fork asks anew; the old approval neither answers the new question nor is lost", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const review = approvalNode(
      State,
      { message: ({ item }) => `Ship ${item}?`, backend },
      { approved: "ship", rejected: END },
    );
    const graph = new StateGraph(State)
      .addNode("make", () => (counter.hit("make"), {}))
      .addNode("review", review, { ends: review.ends })
      .addNode("ship", ({ item }) => (counter.hit(`ship ${item}`), {}))
      .addEdge(START, "make")
      .addEdge("make", "review")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ item: "v1" }, thread("t"));
    const before = (await graph.getState(thread("t"))).config;
    const old = await openAsk(backend, "t", "Ship v1?");
    await answer(graph, backend, "t", "Ship v1?", approve);
    expect(counter.of("ship v1")).toBe(1);

    const fork = await graph.updateState(before, { item: "v2" }, "make");
    await graph.invoke(null, fork);
    const fresh = await openAsk(backend, "t", "Ship v2?");
    expect(fresh.hitl_id).not.toBe(old.hitl_id);
    expect(await backend.respond(old.hitl_id, approve)).toMatchObject({ status: "duplicate" });
    expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({
      status: "nothing_to_resume",
    });
    expect(counter.of("ship v2")).toBe(0);
    await answer(graph, backend, "t", "Ship v2?", approve);
    expect(counter.all()).toEqual({ make: 1, "ship v1": 1, "ship v2": 1 });

    // The same state once more, from the same checkpoint: another question all the same.
    await graph.invoke(null, before);
    const replayed = await openAsk(backend, "t", "Ship v1?");
    expect(replayed.hitl_id).not.toBe(old.hitl_id);
    expect(counter.of("ship v1")).toBe(1);
  });

  it("P8 new input takes the question away: an answer that comes late approves nothing", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const review = approvalNode(
      State,
      { message: ({ item }) => `Ship ${item}?`, backend },
      { approved: "ship", rejected: END },
    );
    const graph = new StateGraph(State)
      .addNode("review", review, { ends: review.ends })
      .addNode("ship", ({ item }) => (counter.hit(`ship ${item}`), {}))
      .addEdge(START, "review")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ item: "v1" }, thread("t"));
    const old = await openAsk(backend, "t");
    await graph.invoke({ item: "v2" }, thread("t"));
    expect(await backend.respond(old.hitl_id, approve)).toMatchObject({ status: "cancelled" });
    expect((await pending(backend, "t")).map(({ data }) => data["message"])).toEqual(["Ship v2?"]);
    await answer(graph, backend, "t", "Ship v2?", approve);
    expect(counter.all()).toEqual({ "ship v2": 1 });
  });
});
