/** Forks, replays, new input, retries: an old approval never answers a new question (P2, F5, F11). */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, describe, expect, it } from "vitest";
import {
  configureHoldpoint,
  confirm,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
} from "../../src/index.ts";
import {
  ai,
  answer,
  Counter,
  input,
  nodeGraph,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  wake,
} from "./kit.ts";

const yes = { confirmed: true };
let restore = (): void => {};
afterEach(() => restore());

function setUp(kind: "HITLToolNode" | "holdpointTools" = "HITLToolNode") {
  const backend = new InMemoryHITLBackend();
  const counter = new Counter();
  const pay = toolOf("pay", async ({ to = "ann" }) => {
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    counter.hit(`${String(to)} ${confirmed}`);
    return `${String(to)} ${confirmed}`;
  });
  const node =
    kind === "HITLToolNode"
      ? new HITLToolNode([pay], { backend })
      : new ToolNode(holdpointTools([pay], { backend }));
  const graph = toolsGraph(node, new MemorySaver(), () => counter.hit("after"));
  const start = (to = "ann") => graph.invoke(input({ name: "pay", args: { to }, id: "c" }), thread("t"));
  const output = async () => outputs((await graph.getState(thread("t"))).values);
  return { backend, counter, graph, start, output };
}

/** The config of the checkpoint in which the thread waited at `tools`. */
async function waitingAt(
  graph: ReturnType<typeof toolsGraph>,
): Promise<{ configurable: Record<string, unknown> }> {
  for await (const state of graph.getStateHistory(thread("t"))) {
    if (state.next.includes("tools")) return state.config as { configurable: Record<string, unknown> };
  }
  throw new Error("the thread never waited at tools");
}

describe.each(["HITLToolNode", "holdpointTools"] as const)("new input on a waiting thread: %s", (kind) => {
  it("the old question is cancelled as superseded; the same question again is a new one (P2)", async () => {
    const { backend, counter, start, output } = setUp(kind);
    await start();
    const old = await openAsk(backend, "t");
    await start();
    const fresh = await openAsk(backend, "t");
    expect(fresh.hitl_id).not.toBe(old.hitl_id);
    expect(await backend.get(old.hitl_id)).toMatchObject({ status: "cancelled", reason: "superseded" });
    expect((await backend.respond(old.hitl_id, yes)).status).toBe("cancelled");
    expect(counter.all()).toEqual({});
    expect(await output()).toEqual({});
  });

  it("an approval of the old question does not answer the new one", async () => {
    const { backend, counter, graph, start, output } = setUp(kind);
    await start();
    const old = await openAsk(backend, "t");
    await backend.respond(old.hitl_id, yes);
    await start();
    expect(counter.all()).toEqual({});
    const fresh = await openAsk(backend, "t");
    expect(fresh.hitl_id).not.toBe(old.hitl_id);
    await respondAndResume(graph, { backend, hitl_id: fresh.hitl_id, response: { confirmed: false } });
    expect(await output()).toEqual({ c: "ann false" });
    expect((await resumeThread(graph, { thread_id: "t", backend })).status).toBe("nothing_to_resume");
  });

  it("an answer after the thread went elsewhere resumes nothing, and says why", async () => {
    const { backend, counter, graph, start } = setUp(kind);
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    await graph.updateState(thread("t"), { messages: [new HumanMessage("never mind")] }, "after");
    const { status, resume } = await respondAndResume(graph, { backend, hitl_id, response: yes });
    expect([status, resume]).toEqual(["cancelled", null]);
    expect(counter.all()).toEqual({});
    expect(await backend.get(hitl_id)).toMatchObject({ status: "cancelled", reason: "superseded" });
  });

  it("several asks of the abandoned step are all cancelled, by resumeThread too", async () => {
    const { backend, graph } = setUp(kind);
    await graph.invoke(
      input({ name: "pay", args: { to: "a" }, id: "a" }, { name: "pay", args: { to: "b" }, id: "b" }),
      thread("t"),
    );
    await graph.updateState(thread("t"), { messages: [new HumanMessage("stop")] }, "after");
    expect(await resumeThread(graph, { thread_id: "t", backend })).toEqual({
      status: "nothing_to_resume",
      pending: [],
    });
    const { items } = await backend.list({ thread_id: "t" });
    expect(items.map(({ status, reason }) => [status, reason])).toEqual([
      ["cancelled", "superseded"],
      ["cancelled", "superseded"],
    ]);
  });
});

describe("new input on a waiting plain node", () => {
  it("supersedes the old question", async () => {
    const backend = new InMemoryHITLBackend();
    restore = configureHoldpoint({ backend });
    const counter = new Counter();
    const graph = nodeGraph(async () => {
      if ((await confirm({ message: "Go?" })).confirmed) counter.hit("went");
      return {};
    });
    await graph.invoke({ messages: [] }, thread("t"));
    const old = await openAsk(backend, "t");
    await graph.invoke({ messages: [new HumanMessage("new")] }, thread("t"));
    const fresh = await openAsk(backend, "t");
    expect(fresh.hitl_id).not.toBe(old.hitl_id);
    expect(await backend.get(old.hitl_id)).toMatchObject({ status: "cancelled", reason: "superseded" });
    expect(counter.all()).toEqual({});
  });

  it("the same question after the first was answered and the graph moved on is a new question", async () => {
    const backend = new InMemoryHITLBackend();
    restore = configureHoldpoint({ backend });
    const counter = new Counter();
    const graph = nodeGraph(async () => {
      if ((await confirm({ message: "Go?" })).confirmed) counter.hit("went");
      return {};
    });
    await graph.invoke({ messages: [] }, thread("t"));
    await answer(graph, backend, "t", undefined, yes);
    await graph.invoke({ messages: [] }, thread("t"));
    expect(counter.of("went")).toBe(1);
    await answer(graph, backend, "t", undefined, yes);
    expect(counter.of("went")).toBe(2);
  });
});

describe("forks and replays", () => {
  it("resuming twice from one interrupted checkpoint gives the recorded outcome, the effect happens once (F5)", async () => {
    const { backend, counter, graph, start, output } = setUp();
    await start();
    const at = await waitingAt(graph);
    await answer(graph, backend, "t", undefined, yes);
    await graph.invoke(wake("again"), at);
    expect(counter.of("ann true")).toBe(1);
    expect(await output()).toEqual({ c: "ann true" });
    expect(await pending(backend, "t")).toEqual([]);
  });

  it("a replay from the interrupted checkpoint by invoke(null) asks anew: the old approval does not count (P2)", async () => {
    const { backend, counter, graph, start } = setUp();
    await start();
    const at = await waitingAt(graph);
    const old = await openAsk(backend, "t");
    await answer(graph, backend, "t", undefined, yes);
    await graph.invoke(null, at);
    expect(counter.of("ann true")).toBe(1);
    const fresh = await openAsk(backend, "t");
    expect(fresh.hitl_id).not.toBe(old.hitl_id);
    await answer(graph, backend, "t", undefined, { confirmed: false });
    expect(counter.all()).toMatchObject({ "ann true": 1, "ann false": 1 });
  });

  it("a fork with changed calls asks about the changed ones (P2, P7)", async () => {
    const { backend, counter, graph, start, output } = setUp();
    await start();
    const old = await openAsk(backend, "t");
    const at = await waitingAt(graph);
    const state = await graph.getState(at);
    const last = (state.values as { messages: AIMessage[] }).messages.at(-1) as AIMessage;
    const changed = ai([{ name: "pay", args: { to: "eve" }, id: "c" }]);
    changed.id = last.id as string;
    const fork = await graph.updateState(at, { messages: [changed] }, "__start__");
    await backend.respond(old.hitl_id, yes);
    await graph.invoke(null, fork);
    expect(counter.all()).toEqual({});
    await answer(graph, backend, "t", "Pay eve?", { confirmed: false });
    expect(await output()).toEqual({ c: "eve false" });
  });

  it("a loop back to the node is a new question each time", async () => {
    const backend = new InMemoryHITLBackend();
    restore = configureHoldpoint({ backend });
    const counter = new Counter();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", async () => {
        await confirm({ message: "Again?" });
        counter.hit("round");
        return { messages: [new AIMessage("r")] };
      })
      .addEdge(START, "work")
      .addConditionalEdges("work", (state) => (state.messages.length < 3 ? "work" : "__end__"), [
        "work",
        "__end__",
      ])
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, thread("t"));
    const ids = new Set<string>();
    for (let round = 1; round <= 3; round += 1) {
      ids.add((await openAsk(backend, "t")).hitl_id);
      await answer(graph, backend, "t", undefined, yes);
      expect(counter.of("round")).toBe(round);
    }
    expect(ids.size).toBe(3);
  });

  it("two threads with the same calls are two questions", async () => {
    const { backend, graph } = setUp();
    for (const thread_id of ["t", "u"])
      await graph.invoke(input({ name: "pay", id: "c" }), thread(thread_id));
    const [one, two] = [await openAsk(backend, "t"), await openAsk(backend, "u")];
    expect(one.hitl_id).not.toBe(two.hitl_id);
    await respondAndResume(graph, { backend, hitl_id: one.hitl_id, response: yes });
    expect(await pending(backend, "u")).toHaveLength(1);
  });

  it("a copied thread keeps nothing of the other's approvals (P2)", async () => {
    const { backend, counter, graph, start } = setUp();
    await start();
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    await graph.invoke(input({ name: "pay", id: "c" }), thread("copy"));
    expect(counter.all()).toEqual({});
    expect(await pending(backend, "copy")).toHaveLength(1);
  });
});

describe("the host's own retries", () => {
  function flaky(counter: Counter, options: object) {
    const backend = new InMemoryHITLBackend();
    const pay = toolOf("pay", async () => {
      const { confirmed } = await confirm({ message: "Pay?" });
      counter.hit("paid");
      return `${confirmed}`;
    });
    const boom = toolOf("boom", () => {
      if (counter.hit("boom") < 3) throw new Error("down");
      return "up";
    });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([pay, boom], { backend, handleToolErrors: false }), options)
      .addEdge(START, "tools")
      .compile({ checkpointer: new MemorySaver() });
    return { backend, graph };
  }

  it("retryPolicy does not retry a question, and a retried node keeps question and answer (2.3, 10)", async () => {
    const counter = new Counter();
    const { backend, graph } = flaky(counter, {
      retryPolicy: { maxAttempts: 5, initialInterval: 1, maxInterval: 1, jitter: false, retryOn: () => true },
    });
    await graph
      .invoke(input({ name: "pay", id: "p" }, { name: "boom", id: "b" }), thread("t"))
      .catch(() => {});
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", "Pay?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true", b: "up" });
    expect(counter.all()).toMatchObject({ paid: 1, boom: 3 });
  });

  it("a node's errorHandler is not called for a question", async () => {
    const counter = new Counter();
    const { backend, graph } = flaky(counter, { errorHandler: () => (counter.hit("handler"), {}) });
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    expect(counter.all()).toEqual({});
    await answer(graph, backend, "t", "Pay?", yes);
    expect(counter.all()).toEqual({ paid: 1 });
  });

  it("interruptBefore the tools: the static pause asks nothing, and the ask comes when it goes on", async () => {
    const { backend } = setUp();
    const pay = toolOf("pay", async () => `${(await confirm({ message: "Pay?" })).confirmed}`);
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([pay], { backend }))
      .addEdge(START, "tools")
      .compile({ checkpointer: new MemorySaver(), interruptBefore: ["tools"] });
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    expect(await pending(backend, "t")).toEqual([]);
    await graph.invoke(null, thread("t"));
    await answer(graph, backend, "t", "Pay?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
  });

  it("an aborted run loses neither question nor answer (2.3)", async () => {
    const { backend, counter, graph, start, output } = setUp();
    await start();
    const { hitl_id } = await openAsk(backend, "t");
    const controller = new AbortController();
    controller.abort();
    await expect(
      respondAndResume(graph, { backend, hitl_id, response: yes, config: { signal: controller.signal } }),
    ).rejects.toThrow();
    expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
    expect(await output()).toEqual({ c: "ann true" });
    expect(counter.of("ann true")).toBe(1);
  });
});
