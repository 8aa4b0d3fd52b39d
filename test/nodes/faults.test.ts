/** The store or the process fails in the middle: nothing is approved, nothing runs twice silently (P6, P8, P9). */
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLToolNode,
  HoldpointError,
  InMemoryHITLBackend,
  type RecordStore,
  resumeThread,
  step,
  StoreHITLBackend,
  type StoreOp,
} from "../../src/index.ts";
import { FakeClock } from "../../src/testing/fake-clock.ts";
import {
  answer,
  Counter,
  input,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  wake,
} from "./kit.ts";

const yes = { confirmed: true };

/** A store in memory of which chosen commits (or reads) fail: before they are done, or after. */
function faultyBackend(clock: FakeClock) {
  const inner = new InMemoryHITLBackend({ clock }).store;
  const faults = {
    before: (_ops: readonly StoreOp[]) => false,
    after: (_ops: readonly StoreOp[]) => false,
    reads: false,
  };
  const down = (code: "ERR_HITL_STORE" | "ERR_HITL_INDETERMINATE") =>
    new HoldpointError(code, "the store is away");
  const store = new Proxy(inner, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      if (name === "commit") {
        return async (ops: readonly StoreOp[]) => {
          if (faults.before(ops)) throw down("ERR_HITL_STORE");
          const result = await target.commit(ops);
          if (faults.after(ops)) throw down("ERR_HITL_INDETERMINATE");
          return result;
        };
      }
      if (name === "get" || name === "page") {
        return async (...args: unknown[]): Promise<unknown> => {
          if (faults.reads) throw down("ERR_HITL_STORE");
          return Reflect.apply(own, target, args);
        };
      }
      return own.bind(target);
    },
  });
  return { backend: new StoreHITLBackend(store as RecordStore, { clock }), faults };
}

const finishes = (ops: readonly StoreOp[]): boolean =>
  ops.some((op) => op.op === "update" && op.patch?.status === "finished");
const asks = (ops: readonly StoreOp[]): boolean =>
  ops.some((op) => op.op === "insert" && op.record.kind === "hitl");
const keepsStep = (ops: readonly StoreOp[]): boolean =>
  ops.some((op) => op.op === "update" && op.patch?.value !== undefined && op.patch.status === undefined);

function setUp() {
  const clock = new FakeClock(Date.now());
  const { backend, faults } = faultyBackend(clock);
  const counter = new Counter();
  const pay = toolOf("pay", async () => {
    const { confirmed } = await confirm({ message: "Pay?" });
    counter.hit("paid");
    return `${confirmed}`;
  });
  const graph = toolsGraph(new HITLToolNode([pay], { backend }), undefined, () => counter.hit("after"));
  const output = async () => outputs((await graph.getState(thread("t"))).values);
  return {
    clock,
    backend,
    faults,
    counter,
    graph,
    output,
    start: () => graph.invoke(input({ name: "pay", id: "p" }), thread("t")),
  };
}

describe("the store is away", () => {
  it("when the question is asked: a typed error out of the run, and asked when it is back (P8)", async () => {
    const { backend, faults, counter, graph, output, start } = setUp();
    faults.before = asks;
    await expect(start()).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    faults.before = () => false;
    await graph.invoke(null, thread("t"));
    await answer(graph, backend, "t", "Pay?", yes);
    expect(await output()).toEqual({ p: "true" });
    expect(counter.all()).toEqual({ paid: 1, after: 1 });
  });

  it("just after the question was written: the same question is found again, not a second one (P2)", async () => {
    const { backend, faults, counter, graph, output, start } = setUp();
    faults.after = asks;
    await expect(start()).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
    faults.after = () => false;
    expect(await pending(backend, "t")).toHaveLength(1);
    await graph.invoke(null, thread("t"));
    expect((await backend.list({ thread_id: "t" })).items).toHaveLength(1);
    await answer(graph, backend, "t", "Pay?", yes);
    expect(await output()).toEqual({ p: "true" });
    expect(counter.all()).toEqual({ paid: 1, after: 1 });
  });

  it("when a wake-up reads: a typed error, nothing runs; resumed when it is back (P8)", async () => {
    const { backend, faults, counter, graph, output, start } = setUp();
    await start();
    await backend.respond((await openAsk(backend, "t")).hitl_id, yes);
    faults.reads = true;
    faults.before = () => true;
    await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
    });
    await expect(graph.invoke(wake("x"), thread("t"))).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    expect(counter.all()).toEqual({});
    faults.reads = false;
    faults.before = () => false;
    expect((await resumeThread(graph, { thread_id: "t", backend })).status).toBe("resumed");
    expect(await output()).toEqual({ p: "true" });
    expect(counter.of("paid")).toBe(1);
  });

  it("when the outcome is written: the effect is not run again silently; when the lease ends a human is asked (P6, P9)", async () => {
    const { backend, clock, faults, counter, graph, output, start } = setUp();
    await start();
    faults.before = finishes;
    await expect(answer(graph, backend, "t", "Pay?", yes)).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
    faults.before = () => false;
    expect(counter.of("paid")).toBe(1);
    await graph.invoke(null, thread("t"));
    await resumeThread(graph, { thread_id: "t", backend });
    expect(counter.of("paid")).toBe(1);
    clock.advance(120_000);
    await graph.invoke(null, thread("t"));
    expect(counter.of("paid")).toBe(1);
    const doubt = (await pending(backend, "t")).find((record) => record.hitl_type === "in_doubt");
    expect(doubt?.data).toMatchObject({ tool: "pay" });
    await backend.respond(String(doubt?.hitl_id), { decision: "happened", result: "seen in the ledger" });
    await resumeThread(graph, { thread_id: "t", backend });
    expect(await output()).toEqual({ p: "seen in the ledger" });
    expect(counter.all()).toEqual({ paid: 1, after: 1 });
  });

  it("just after the outcome was written: it is found, and nothing runs again", async () => {
    const { backend, faults, counter, graph, output, start } = setUp();
    await start();
    faults.after = finishes;
    await answer(graph, backend, "t", "Pay?", yes).catch(() => {});
    faults.after = () => false;
    await graph.invoke(null, thread("t"));
    expect(await output()).toEqual({ p: "true" });
    expect(counter.of("paid")).toBe(1);
  });

  it.each(["run_again", "give_up"] as const)("in doubt, a human decides: %s", async (decision) => {
    const { backend, clock, faults, counter, graph, output, start } = setUp();
    await start();
    faults.before = finishes;
    await answer(graph, backend, "t", "Pay?", yes).catch(() => {});
    faults.before = () => false;
    clock.advance(120_000);
    await graph.invoke(null, thread("t"));
    const doubt = (await pending(backend, "t")).find((record) => record.hitl_type === "in_doubt");
    await backend.respond(String(doubt?.hitl_id), { decision });
    await resumeThread(graph, { thread_id: "t", backend });
    expect(counter.of("paid")).toBe(decision === "run_again" ? 2 : 1);
    expect((await output())["p"]).toEqual(
      decision === "run_again" ? "true" : expect.stringContaining("given up"),
    );
    expect(counter.of("after")).toBe(1);
  });
});

describe("a step whose result could not be written", () => {
  function setUpStep(asksFirst: boolean) {
    const clock = new FakeClock(Date.now());
    const { backend, faults } = faultyBackend(clock);
    const counter = new Counter();
    const pay = toolOf("pay", async () => {
      if (asksFirst) await confirm({ message: "Pay?" });
      return `charge ${await step("charge", () => counter.hit("charged"))}`;
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend }));
    const start = async (): Promise<void> => {
      await graph.invoke(input({ name: "pay", id: "p" }), thread("t")).catch(() => {});
      if (asksFirst) await answer(graph, backend, "t", "Pay?", yes).catch(() => {});
    };
    return { clock, backend, faults, counter, graph, start };
  }

  it.each([[false], [true]])(
    "one write fails, the next goes through: the step is kept and not run again (P6), after a question: %s",
    async (asksFirst) => {
      const { faults, counter, graph, start } = setUpStep(asksFirst);
      faults.before = (ops) => keepsStep(ops) && counter.of("charged") > 0;
      await start();
      faults.before = () => false;
      const result = await graph.invoke(null, thread("t"));
      expect(outputs(result)).toEqual({ p: "charge 1" });
      expect(counter.of("charged")).toBe(1);
    },
  );

  it.each([[false], [true]])(
    "the store is away for good: in doubt when the lease ends, never a silent second run (P6, P9), after a question: %s",
    async (asksFirst) => {
      const { clock, backend, faults, counter, graph, start } = setUpStep(asksFirst);
      faults.before = () => counter.of("charged") > 0;
      await start();
      expect(counter.of("charged")).toBe(1);
      faults.before = () => false;
      await graph.invoke(null, thread("t"));
      expect(counter.of("charged")).toBe(1);
      clock.advance(120_000);
      await graph.invoke(null, thread("t"));
      expect(counter.of("charged")).toBe(1);
      expect((await pending(backend, "t")).map((record) => record.hitl_type)).toEqual(["in_doubt"]);
    },
  );
});
