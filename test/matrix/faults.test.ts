/** Faults that the matrix and the random graphs have found, each reduced to its smallest case. */
import {
  entrypoint,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
  task,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  askUser,
  callsInDoubt,
  confirm,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  type RecordStore,
  type ResumableGraph,
  respondAndResume,
  resumeThread,
  StoreHITLBackend,
} from "holdpoint";
import { describe, expect, it } from "vitest";
import { answer, Counter, gate, input, outputs, pending, thread, toolOf, toolsGraph } from "../nodes/kit.ts";
import { RETRY } from "./hosts.ts";

const yes = { confirmed: true };
const pay = toolOf("pay", async () => `${(await confirm({ message: "Pay?" })).confirmed}`);

/** A backend whose first commit is told back late: it is done, and nobody knows yet. */
function lateBackend() {
  const [committed, tell] = [gate(), gate()];
  const inner = new InMemoryHITLBackend().store;
  let commits = 0;
  const store = new Proxy(inner, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      if (name !== "commit") return own.bind(target);
      return async (...args: unknown[]): Promise<unknown> => {
        const result: unknown = await Reflect.apply(own, target, args);
        commits += 1;
        if (commits > 1) return result;
        committed.open();
        await tell.opened;
        return result;
      };
    },
  });
  return { backend: new StoreHITLBackend(store as RecordStore), committed, tell };
}

describe("a sibling that ends while the first question is being written", () => {
  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "is recorded as finished, not left at work: the thread goes on (P6, %s)",
    async (kind) => {
      const { backend, committed, tell } = lateBackend();
      const counter = new Counter();
      const [go, gone] = [gate(), gate()];
      const look = toolOf("look", async () => {
        await go.opened;
        gone.open();
        return `looked ${counter.hit("look")}`;
      });
      const tools = [pay, look];
      const node =
        kind === "HITLToolNode"
          ? new HITLToolNode(tools, { backend })
          : new ToolNode(holdpointTools(tools, { backend }));
      const graph = toolsGraph(node);
      const run = graph.invoke(input({ name: "pay", id: "p" }, { name: "look", id: "l" }), {
        ...thread("t"),
        durability: "sync",
      });
      await committed.opened;
      go.open();
      await gone.opened;
      await new Promise((resolve) => setImmediate(resolve));
      tell.open();
      await run;
      expect((await answer(graph, backend, "t", "Pay?", yes)).resume?.status).toBe("resumed");
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true", l: "looked 1" });
    },
  );

  it("and fails, may be tried again at once: nobody holds its call (P9)", async () => {
    const { backend, committed, tell } = lateBackend();
    const [go, gone] = [gate(), gate()];
    let broken = true;
    const look = toolOf("look", async () => {
      await go.opened;
      gone.open();
      if (broken) throw new Error("down");
      return "looked";
    });
    const graph = toolsGraph(new HITLToolNode([pay, look], { backend, handleToolErrors: false }));
    const run = graph.invoke(input({ name: "pay", id: "p" }, { name: "look", id: "l" }), {
      ...thread("t"),
      durability: "sync",
    });
    const outcome = expect(run).rejects.toThrow("down");
    await committed.opened;
    go.open();
    await gone.opened;
    await new Promise((resolve) => setImmediate(resolve));
    tell.open();
    await outcome;
    broken = false;
    expect((await answer(graph, backend, "t", "Pay?", yes)).resume?.status).toBe("resumed");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true", l: "looked" });
  });
});

it("wrapped tools in a nested graph: a call that asks nobody does not spoil the write of its siblings (P10)", async () => {
  const backend = new InMemoryHITLBackend();
  const look = toolOf("look", () => "looked");
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("tools", new ToolNode(holdpointTools([look, pay], { backend })))
    .addEdge(START, "tools")
    .compile();
  const graph = toolsGraph(inner);
  await graph.invoke(input({ name: "look", id: "l" }, { name: "pay", id: "p" }), thread("t"));
  await answer(graph, backend, "t", "Pay?", yes);
  expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ l: "looked", p: "true" });
});

it.each(["sync", "async"] as const)(
  "a task of an entrypoint asks, durability %s (P10)",
  async (durability) => {
    const backend = new InMemoryHITLBackend();
    const config = { configurable: { thread_id: "t", holdpoint: { backend } }, durability };
    const ask = task("ask", async (message: string) => (await askUser({ message })).answer);
    const graph = entrypoint({ name: "both", checkpointer: new MemorySaver() }, async () =>
      Promise.all([ask("A?"), ask("B?")]),
    );
    await graph.invoke({}, config);
    expect(await pending(backend, "t")).toHaveLength(2);
    const wakeable = graph as unknown as ResumableGraph;
    await answer(wakeable, backend, "t", "B?", { answer: "b" });
    const { resume } = await answer(wakeable, backend, "t", "A?", { answer: "a" });
    expect(resume).toMatchObject({ status: "resumed", result: ["a", "b"] });
  },
);

describe("a run that is aborted while a tool is at work after its answer", () => {
  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "is no outcome of the tool: its effect may come, so the call is in doubt (P6, %s)",
    async (kind) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const [reached, go, done] = [gate(), gate(), gate()];
      const transfer = toolOf("transfer", async () => {
        await confirm({ message: "Send?" });
        counter.hit("body");
        reached.open();
        await go.opened;
        counter.hit("sent");
        done.open();
        return "sent";
      });
      const options = { backend, leaseMs: 300 };
      const node =
        kind === "HITLToolNode"
          ? new HITLToolNode([transfer], options)
          : new ToolNode(holdpointTools([transfer], options));
      const graph = toolsGraph(node);
      await graph.invoke(input({ name: "transfer", id: "x" }), thread("t"));
      const { hitl_id } = (await pending(backend, "t"))[0]!;
      const stop = new AbortController();
      const config = { signal: stop.signal };
      const run = respondAndResume(graph, { backend, hitl_id, response: yes, config, leaseMs: 300 });
      const outcome = expect(run).rejects.toThrow();
      await reached.opened;
      stop.abort();
      await outcome;
      go.open();
      await done.opened;
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({});
      await expect.poll(async () => (await callsInDoubt(backend)).items.length).toBe(1);
      await resumeThread(graph, { thread_id: "t", backend });
      const [doubt] = await pending(backend, "t");
      expect(doubt).toMatchObject({ hitl_type: "in_doubt" });
      const response = { decision: "happened", result: "sent" };
      await respondAndResume(graph, { backend, hitl_id: doubt!.hitl_id, response });
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ x: "sent" });
      expect(counter.all()).toEqual({ body: 1, sent: 1 });
    },
  );
});

describe("the host's own retry", () => {
  it("a plain node that fails after its answer does not ask once more (P2)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const work = async (): Promise<object> => {
      await confirm({ message: "Go?" });
      if (counter.hit("after the answer") < 3) throw new Error("down");
      return {};
    };
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", work, { retryPolicy: RETRY })
      .addEdge(START, "work")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, { configurable: { thread_id: "t", holdpoint: { backend } } });
    await answer(graph, backend, "t", "Go?", yes);
    expect((await backend.list({ thread_id: "t" })).items).toHaveLength(1);
    expect((await graph.getState(thread("t"))).next).toEqual([]);
    expect(counter.of("after the answer")).toBe(3);
  });

  it("wrapped tools in a node: the second attempt finds the calls of the first (P2, P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const tools = holdpointTools([look, pay], { backend });
    const work = async (_: object, config: LangGraphRunnableConfig): Promise<object> => {
      const calls = tools.map((tool) =>
        tool.invoke({ type: "tool_call", id: tool.name, name: tool.name, args: {} }, config),
      );
      const results = await Promise.allSettled(calls);
      if (counter.hit("attempt") < 3) throw new Error("down");
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      return { messages: results.map((result) => (result as { value: unknown }).value) };
    };
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", work, { retryPolicy: RETRY })
      .addEdge(START, "work")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, thread("t"));
    expect((await backend.list({ thread_id: "t" })).items).toHaveLength(1);
    await answer(graph, backend, "t", "Pay?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ look: "looked 1", pay: "true" });
  });
});
