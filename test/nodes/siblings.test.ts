/** Calls side by side: F1, F2, F3, F6 — finished ones never run again, answers reach the call that asked. */
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
} from "../../src/index.ts";
import {
  answer,
  Counter,
  gate,
  input,
  interruptsIn,
  openAsk,
  outputs,
  pending,
  permutations,
  thread,
  toolOf,
  toolsGraph,
  turns,
  wake,
} from "./kit.ts";

const kinds = ["HITLToolNode", "holdpointTools"] as const;
type Tools = ReturnType<typeof toolOf>[];

function graphOf(
  kind: (typeof kinds)[number],
  tools: Tools,
  backend: InMemoryHITLBackend,
  after?: () => void,
) {
  return toolsGraph(
    kind === "HITLToolNode"
      ? new HITLToolNode(tools, { backend })
      : new ToolNode(holdpointTools(tools, { backend })),
    undefined,
    after,
  );
}

function asking(counter: Counter, name: string) {
  return toolOf(name, async ({ of = name }) => {
    counter.hit(`${name} body`);
    const { confirmed } = await confirm({ message: `${String(of)}?` });
    counter.hit(`${String(of)} effect`);
    return `${String(of)} ${confirmed}`;
  });
}

describe.each(kinds)("three parallel calls in %s", (kind) => {
  const orders = permutations(["askA", "askB", "askC"]);

  it.each(orders.map((order) => [order] as const))(
    "answered one by one in the order %j: each effect once, plain siblings once (F1, F2)",
    async (order) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const pay = toolOf("pay", () => `paid ${counter.hit("pay")}`);
      const graph = graphOf(kind, [pay, ...orders[0]!.map((name) => asking(counter, name))], backend, () =>
        counter.hit("after"),
      );
      const first = await graph.invoke(
        input({ name: "pay", id: "p" }, ...orders[0]!.map((name) => ({ name, id: name }))),
        thread("t"),
      );
      expect((await pending(backend, "t")).map((record) => record.tool_name).toSorted()).toEqual(orders[0]);
      const [interrupt] = interruptsIn(first);
      expect(interrupt?.value.asks).toHaveLength(3);
      for (const [index, name] of order.entries()) {
        expect(counter.of("after")).toBe(0);
        const { status } = await answer(graph, backend, "t", `${name}?`, { confirmed: index !== 1 });
        expect(status).toBe("accepted");
        expect(counter.of(`${name} effect`)).toBe(1);
      }
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
        p: "paid 1",
        ...Object.fromEntries(order.map((name, index) => [name, `${name} ${index !== 1}`])),
      });
      expect(counter.all()).toMatchObject({
        pay: 1,
        "askA body": 2,
        "askB body": 2,
        "askC body": 2,
        after: 1,
      });
    },
  );

  it("two identical parallel calls are two questions, each with its own answer", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = graphOf(kind, [asking(counter, "same")], backend);
    await graph.invoke(input({ name: "same", id: "c1" }, { name: "same", id: "c2" }), thread("t"));
    const open = await pending(backend, "t");
    expect(open).toHaveLength(2);
    const second = open.find((record) => record.tool_call_id === "c2");
    const first = open.find((record) => record.tool_call_id === "c1");
    await respondAndResume(graph, {
      backend,
      hitl_id: String(second?.hitl_id),
      response: { confirmed: false },
    });
    await respondAndResume(graph, {
      backend,
      hitl_id: String(first?.hitl_id),
      response: { confirmed: true },
    });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      c1: "same true",
      c2: "same false",
    });
    expect(counter.of("same effect")).toBe(2);
  });

  it("reaching their questions in another order on the next run swaps nothing (F3)", async () => {
    const backend = new InMemoryHITLBackend();
    const runs = new Counter();
    const racer = (name: string, early: number) =>
      toolOf(name, async () => {
        if (runs.hit(name) === early) await turns(10);
        return `${name} ${(await confirm({ message: `${name}?` })).confirmed}`;
      });
    const graph = graphOf(kind, [racer("A", 1), racer("B", 2)], backend);
    await graph.invoke(input({ name: "A", id: "a" }, { name: "B", id: "b" }), thread("t"));
    for (const [name, confirmed] of [
      ["B", false],
      ["A", true],
    ] as const)
      await backend.respond((await openAsk(backend, "t", `${name}?`)).hitl_id, { confirmed });
    await resumeThread(graph, { thread_id: "t", backend });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: "A true", b: "B false" });
  });

  it("one plain resume value for two pending asks answers none (F6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = graphOf(kind, [asking(counter, "A"), asking(counter, "B")], backend);
    await graph.invoke(input({ name: "A", id: "a" }, { name: "B", id: "b" }), thread("t"));
    const again = await graph.invoke(wake({ confirmed: true }), thread("t"));
    expect(outputs(again)).toEqual({});
    expect(counter.all()).toEqual({ "A body": 1, "B body": 1 });
    expect(await pending(backend, "t")).toHaveLength(2);
    expect(interruptsIn(again)[0]?.value.asks).toHaveLength(2);
  });

  it("a slow plain sibling runs once and its result is kept (F1)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const slowly = gate();
    const slow = toolOf("slow", async () => {
      counter.hit("slow");
      await slowly.opened;
      return "slow done";
    });
    const graph = graphOf(kind, [slow, asking(counter, "A")], backend);
    const running = graph.invoke(input({ name: "slow", id: "s" }, { name: "A", id: "a" }), thread("t"));
    await turns();
    expect(await pending(backend, "t")).toHaveLength(1);
    slowly.open();
    await running;
    await answer(graph, backend, "t", "A?", { confirmed: true });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ s: "slow done", a: "A true" });
    expect(counter.of("slow")).toBe(1);
  });

  it("a slow sibling asks when others have suspended already: its question joins them (P10)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const slowly = gate();
    const late = toolOf("late", async () => {
      counter.hit("late body");
      if (counter.of("late body") === 1) await slowly.opened;
      return `late ${(await confirm({ message: "late?" })).confirmed}`;
    });
    const graph = graphOf(kind, [late, asking(counter, "A")], backend);
    const running = graph.invoke(input({ name: "late", id: "l" }, { name: "A", id: "a" }), thread("t"));
    await turns();
    slowly.open();
    const first = await running;
    expect((await pending(backend, "t")).map((record) => record.tool_name).toSorted()).toEqual(["A", "late"]);
    expect(interruptsIn(first)[0]?.value.asks).toHaveLength(2);
    await answer(graph, backend, "t", "late?", { confirmed: true });
    await answer(graph, backend, "t", "A?", { confirmed: false });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ l: "late true", a: "A false" });
    expect(counter.all()).toEqual({ "late body": 2, "A body": 2, "A effect": 1 });
  });

  it("an answer that arrives while a slow sibling of the first run still works: another run resumes, and nothing runs twice (P9)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const slowly = gate();
    const slow = toolOf("slow", async () => {
      counter.hit("slow");
      await slowly.opened;
      return "slow done";
    });
    const graph = graphOf(kind, [slow, asking(counter, "A")], backend, () => counter.hit("after"));
    const running = graph.invoke(input({ name: "slow", id: "s" }, { name: "A", id: "a" }), thread("t"));
    await turns();
    const resumed = await answer(graph, backend, "t", "A?", { confirmed: true });
    expect(resumed.status).toBe("accepted");
    expect(counter.of("slow")).toBe(1);
    slowly.open();
    await running;
    await turns();
    await resumeThread(graph, { thread_id: "t", backend }).catch(() => {});
    expect(counter.all()).toMatchObject({ slow: 1, "A effect": 1 });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ s: "slow done", a: "A true" });
    expect(counter.of("after")).toBe(1);
  });

  it("a partial answer continues what it can, and leaves the others untouched (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = graphOf(kind, [asking(counter, "A"), asking(counter, "B")], backend);
    await graph.invoke(input({ name: "A", id: "a" }, { name: "B", id: "b" }), thread("t"));
    await answer(graph, backend, "t", "B?", { confirmed: true });
    expect(counter.all()).toEqual({ "A body": 1, "B body": 2, "B effect": 1 });
    await graph.invoke(wake("poke"), thread("t"));
    await graph.invoke(null, thread("t"));
    expect(counter.all()).toEqual({ "A body": 1, "B body": 2, "B effect": 1 });
    await answer(graph, backend, "t", "A?", { confirmed: true });
    expect(counter.all()).toEqual({ "A body": 2, "B body": 2, "A effect": 1, "B effect": 1 });
  });

  it("an error of a sibling while another suspends becomes its message, kept and not tried again", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const boom = toolOf("boom", () => {
      counter.hit("boom");
      throw new Error("broken");
    });
    const graph = graphOf(kind, [boom, asking(counter, "A")], backend);
    await graph.invoke(input({ name: "boom", id: "x" }, { name: "A", id: "a" }), thread("t"));
    await answer(graph, backend, "t", "A?", { confirmed: true });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      x: expect.stringContaining("broken"),
      a: "A true",
    });
    expect(counter.of("boom")).toBe(1);
  });
});
