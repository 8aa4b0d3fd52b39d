/** Two processes at one node (P4, P9): two backends on one store, two graphs on one saver. */
import {
  Annotation,
  type LangGraphRunnableConfig,
  MemorySaver,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  configureHoldpoint,
  confirm,
  type HITLBackend,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  StoreHITLBackend,
} from "../../src/index.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import { FakeClock, MemoryRecordStore } from "../../src/testing/index.ts";
import { answer, Counter, gate, openAsk, thread, turns } from "../nodes/kit.ts";
import { type SharedStore, sharedStore } from "../support/shared-stores.ts";

const State = Annotation.Root({ done: Annotation<string> });
const yes = { confirmed: true };

type Update = () => Promise<{ done: string }> | { done: string };

/** START → ask → effect. */
function graphWith(
  node: (state: typeof State.State, config: LangGraphRunnableConfig) => Promise<object>,
  saver: MemorySaver,
  counter: Counter,
) {
  return new StateGraph(State)
    .addNode("ask", node)
    .addNode("effect", () => (counter.hit("effect"), {}))
    .addEdge(START, "ask")
    .addEdge("ask", "effect")
    .compile({ checkpointer: saver });
}

function interruptNode(backend: HITLBackend | undefined, update: Update, leaseMs?: number) {
  return confirmNode(
    State,
    { message: "Go?", backend, leaseMs },
    { confirmed: { update }, declined: { update: { done: "no" } } },
  );
}

const plainNode = (update: Update) => async () => {
  const { confirmed } = await confirm({ message: "Go?" });
  return confirmed ? update() : { done: "no" };
};

describe.each(["memory", "sqlite", "redis"] as const)("two handles on one store, %s", (name) => {
  let store: SharedStore;
  beforeAll(async () => {
    store = await sharedStore(name);
  });
  afterAll(() => store.stop());

  describe.each(["an interrupt node", "a plain node"])("%s", (kind) => {
    async function paused(thread_id: string) {
      const counter = new Counter();
      const saver = new MemorySaver();
      const backends = store.pair();
      const update = (): { done: string } => (counter.hit("body"), { done: "yes" });
      const run = (backend: HITLBackend) => ({ configurable: { thread_id, holdpoint: { backend } } });
      const graphs = backends.map((backend) => {
        const node = kind === "a plain node" ? plainNode(update) : interruptNode(backend, update);
        return graphWith(node, saver, counter);
      }) as [ReturnType<typeof graphWith>, ReturnType<typeof graphWith>];
      await graphs[0].invoke({}, run(backends[0]));
      const { hitl_id } = await openAsk(backends[0], thread_id);
      const both = <T>(act: (graph: (typeof graphs)[0], backend: HITLBackend) => Promise<T>): Promise<T[]> =>
        Promise.all([act(graphs[0], backends[0]), act(graphs[1], backends[1])]);
      return { counter, graphs, backends, hitl_id, both };
    }

    it("P4 P9 the same answer twice at the same moment: accepted once, the effect once", async () => {
      const { counter, graphs, hitl_id, both } = await paused("same");
      const outcomes = await both((graph, backend) =>
        respondAndResume(graph, { backend, hitl_id, response: yes }),
      );
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["accepted", "duplicate"]);
      expect(counter.all()).toEqual({ body: 1, effect: 1 });
      expect((await graphs[0].getState(thread("same"))).next).toEqual([]);
    });

    it("P4 P9 yes and no at the same moment: one wins, the other hears of a conflict", async () => {
      const { counter, graphs, backends, hitl_id } = await paused("two");
      const outcomes = await Promise.all([
        respondAndResume(graphs[0], { backend: backends[0], hitl_id, response: yes }),
        respondAndResume(graphs[1], { backend: backends[1], hitl_id, response: { confirmed: false } }),
      ]);
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["accepted", "conflict"]);
      const { user_response } = (await backends[0].get(hitl_id)) ?? {};
      const won = (user_response as { confirmed: boolean }).confirmed;
      expect((await graphs[0].getState(thread("two"))).values.done).toBe(won ? "yes" : "no");
      expect(counter.of("effect")).toBe(1);
    });

    it("P4 P9 50 callers with one answer: accepted once, 49 duplicates, the effect once", async () => {
      const { counter, graphs, backends, hitl_id } = await paused("fifty");
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          respondAndResume(graphs[index % 2] as (typeof graphs)[0], {
            backend: backends[index % 2] as HITLBackend,
            hitl_id,
            response: yes,
          }),
        ),
      );
      const statuses = outcomes.map(({ status }) => status).toSorted();
      expect(statuses).toEqual(["accepted", ...Array.from({ length: 49 }, () => "duplicate")]);
      expect(counter.all()).toEqual({ body: 1, effect: 1 });
      expect((await graphs[1].getState(thread("fifty"))).next).toEqual([]);
      expect(await resumeThread(graphs[1], { thread_id: "fifty", backend: backends[1] })).toMatchObject({
        status: "nothing_to_resume",
      });
    });

    it("P4 50 callers, each with words of his own: one is heard, the others are shown him", async () => {
      const { counter, graphs, backends, hitl_id } = await paused("words");
      const outcomes = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          respondAndResume(graphs[index % 2] as (typeof graphs)[0], {
            backend: backends[index % 2] as HITLBackend,
            hitl_id,
            response: { confirmed: index % 3 > 0, comment: `caller ${index}` },
          }),
        ),
      );
      const accepted = outcomes.filter(({ status }) => status === "accepted");
      expect(accepted).toHaveLength(1);
      expect(outcomes.filter(({ status }) => status === "conflict")).toHaveLength(49);
      const { user_response } = (await backends[1].get(hitl_id)) ?? {};
      for (const outcome of outcomes)
        expect((outcome as { record?: { user_response?: unknown } }).record?.user_response).toEqual(
          user_response,
        );
      const { confirmed } = user_response as { confirmed: boolean };
      expect(counter.all()).toEqual(confirmed ? { body: 1, effect: 1 } : { effect: 1 });
      expect((await graphs[0].getState(thread("words"))).values.done).toBe(confirmed ? "yes" : "no");
    });

    it("P9 two wake-ups of an answered thread: one runs it", async () => {
      const { counter, graphs, backends, hitl_id, both } = await paused("wake");
      await backends[1].respond(hitl_id, yes);
      const outcomes = await both((graph, backend) => resumeThread(graph, { thread_id: "wake", backend }));
      expect(outcomes.filter(({ status }) => status === "resumed")).toHaveLength(1);
      expect(counter.all()).toEqual({ body: 1, effect: 1 });
      expect((await graphs[1].getState(thread("wake"))).next).toEqual([]);
      // And late ones do nothing.
      for (const outcome of await both((graph, backend) =>
        resumeThread(graph, { thread_id: "wake", backend }),
      ))
        expect(outcome.status).toBe("nothing_to_resume");
      expect(counter.all()).toEqual({ body: 1, effect: 1 });
    });
  });
});

describe("runs that know nothing of each other", () => {
  it("P9 a second run while the first is between answer and outcome goes back to sleep", async () => {
    const backend = new InMemoryHITLBackend();
    const saver = new MemorySaver();
    const counter = new Counter();
    const [reached, go] = [gate(), gate()];
    const update = async (): Promise<{ done: string }> => {
      counter.hit("body");
      reached.open();
      await go.opened;
      return { done: "yes" };
    };
    const first = graphWith(interruptNode(backend, update), saver, counter);
    const second = graphWith(interruptNode(backend, update), saver, counter);
    await first.invoke({}, thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    await backend.respond(hitl_id, yes);
    // No resumer, no lease of the thread: LangGraph's own way to go on.
    const running = first.invoke(null, thread("t"));
    await reached.opened;
    const other = await second.invoke(null, thread("t"));
    expect(other).toMatchObject({ __interrupt__: [{ value: { asks: [] } }] });
    go.open();
    expect(await running).toMatchObject({ done: "yes" });
    expect(counter.all()).toEqual({ body: 1, effect: 1 });
  });

  it("P9 a holder that gives no sign of life is replaced; what it does later does not count", async () => {
    const clock = new FakeClock();
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const saver = new MemorySaver();
    const counter = new Counter();
    const [reached, go] = [gate(), gate()];
    const hanging = async (): Promise<{ done: string }> => {
      reached.open();
      await go.opened;
      return { done: "zombie" };
    };
    const zombie = graphWith(interruptNode(backend, hanging), saver, counter);
    const heir = graphWith(
      interruptNode(backend, () => ({ done: "heir" })),
      saver,
      counter,
    );
    await zombie.invoke({}, thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    const lost = respondAndResume(zombie, { backend, hitl_id, response: yes });
    await reached.opened;
    expect(await resumeThread(heir, { thread_id: "t", backend })).toMatchObject({ status: "busy" });
    clock.advance(61_000);
    expect(await resumeThread(heir, { thread_id: "t", backend })).toMatchObject({
      status: "resumed",
      result: { done: "heir" },
    });
    go.open();
    await expect(lost).rejects.toMatchObject({ code: "ERR_HITL_LEASE_LOST" });
    expect(counter.all()).toEqual({ effect: 1 });
    expect((await heir.getState(thread("t"))).values.done).toBe("heir");
  });
});

describe("where the question is kept", () => {
  it("the node's own backend outranks configureHoldpoint, the run's outranks both; any handle on it answers", async () => {
    const [process, own, run] = [1, 2, 3].map(() => new InMemoryHITLBackend()) as [
      InMemoryHITLBackend,
      InMemoryHITLBackend,
      InMemoryHITLBackend,
    ];
    const restore = configureHoldpoint({ backend: process });
    try {
      const counter = new Counter();
      const saver = new MemorySaver();
      const graph = graphWith(
        interruptNode(own, () => ({ done: "yes" })),
        saver,
        counter,
      );
      await graph.invoke({}, thread("own"));
      const other = new StoreHITLBackend(own.store);
      await answer(graph, other, "own", "Go?", yes);
      await graph.invoke({}, { configurable: { thread_id: "run", holdpoint: { backend: run } } });
      await answer(graph, run, "run", "Go?", yes);
      await graphWith(
        interruptNode(undefined, () => ({ done: "yes" })),
        saver,
        counter,
      ).invoke({}, thread("process"));
      await turns();
      const counts = await Promise.all(
        [process, own, run].map(async (backend) => (await backend.list({})).items),
      );
      expect(counts.map((items) => items.map((record) => [record.thread_id, record.status]))).toEqual([
        [["process", "pending"]],
        [["own", "completed"]],
        [["run", "completed"]],
      ]);
      expect(counter.of("effect")).toBe(2);
    } finally {
      restore();
    }
  });
});
