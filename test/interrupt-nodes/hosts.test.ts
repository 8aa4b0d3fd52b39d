/** The nodes in every place where LangGraph runs a node, with everything that runs counted. */
import { Annotation, Command, END, MemorySaver, Send, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import type { BlockEvent } from "../../src/blocks/index.ts";
import { confirm, InMemoryHITLBackend, respondAndResume, resumeThread } from "../../src/index.ts";
import { approvalNode } from "../../src/nodes/interrupt-nodes/approval-node.ts";
import { askUserNode } from "../../src/nodes/interrupt-nodes/ask-user-node.ts";
import { confirmNode } from "../../src/nodes/interrupt-nodes/confirm-node.ts";
import { answer, Counter, interruptsIn, openAsk, pending, permutations, thread } from "../nodes/kit.ts";

const State = Annotation.Root({
  item: Annotation<string>,
  items: Annotation<string[]>,
  count: Annotation<number>,
  done: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});

const approve = { decision: "approve" } as const;
const reject = { decision: "reject" } as const;

describe("branches", () => {
  function branches(backend: InMemoryHITLBackend, counter: Counter) {
    const branch = (name: string) =>
      approvalNode(
        State,
        { message: () => (counter.hit(`message ${name}`), `${name}?`), backend },
        {
          approved: {
            goto: `after ${name}`,
            update: () => (counter.hit(`update ${name}`), { done: [name] }),
          },
          rejected: { update: { done: [`not ${name}`] } },
        },
      );
    const after = (name: string) => () => (counter.hit(`after ${name}`), {});
    return new StateGraph(State)
      .addNode("A", branch("A"), { ends: ["after A"] })
      .addNode("B", branch("B"), { ends: ["after B"] })
      .addNode("plain", () => (counter.hit("plain"), {}))
      .addNode("after A", after("A"))
      .addNode("after B", after("B"))
      .addEdge(START, "A")
      .addEdge(START, "B")
      .addEdge(START, "plain")
      .compile({ checkpointer: new MemorySaver() });
  }

  it.each([
    ["A", "B"],
    ["B", "A"],
  ])("P6 P10 %s is answered before %s: each once, siblings never again", async (...order) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = branches(backend, counter);
    const paused = await graph.invoke({}, thread("t"));
    expect(interruptsIn(paused)).toHaveLength(2);
    const [first, second] = order as [string, string];
    await answer(graph, backend, "t", `${first}?`, approve);
    expect(await pending(backend, "t")).toHaveLength(1);
    expect(counter.of(`update ${first}`)).toBe(1);
    expect(counter.of(`update ${second}`)).toBe(0);
    await answer(graph, backend, "t", `${second}?`, approve);
    const effects = { "update A": 1, "update B": 1, "after A": 1, "after B": 1, plain: 1 };
    expect(counter.all()).toMatchObject(effects);
    expect((await graph.getState(thread("t"))).values.done.toSorted()).toEqual(["A", "B"]);
  });

  it("P9 both answers at once", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = branches(backend, counter);
    await graph.invoke({}, thread("t"));
    await Promise.all(["A?", "B?"].map((message) => answer(graph, backend, "t", message, approve)));
    expect(counter.all()).toMatchObject({
      "update A": 1,
      "update B": 1,
      "after A": 1,
      "after B": 1,
      plain: 1,
    });
    expect((await graph.getState(thread("t"))).next).toEqual([]);
  });
});

describe("Send", () => {
  const Item = Annotation.Root({ item: Annotation<string> });

  function fanOut(backend: InMemoryHITLBackend, counter: Counter) {
    const review = approvalNode(
      { input: Item, state: State },
      { message: "Keep this one?", data: ({ item }) => ({ item }), backend },
      {
        approved: { update: (_, { item }) => (counter.hit(item), { done: [item] }) },
        rejected: { update: (_, { item }) => (counter.hit(item), { done: [`not ${item}`] }) },
      },
    );
    return new StateGraph(State)
      .addNode("review", review, { input: Item })
      .addNode("end", () => (counter.hit("end"), {}))
      .addConditionalEdges(START, ({ items }) => items.map((item) => new Send("review", { item })), [
        "review",
      ])
      .addEdge("review", "end")
      .compile({ checkpointer: new MemorySaver() });
  }
  const items = ["a", "b", "c", "d", "e"];

  it.each([[items], [items.toReversed()], [["c", "a", "e", "d", "b"]]])(
    "P6 P10 five instances with the same text ask five questions, answered as %s",
    async (order) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const graph = fanOut(backend, counter);
      const paused = await graph.invoke({ items }, thread("t"));
      expect(interruptsIn(paused)).toHaveLength(5);
      const open = await pending(backend, "t");
      expect(new Set(open.map((record) => record.checkpoint_ns)).size).toBe(5);
      for (const [index, item] of order.entries()) {
        const record = open.find(({ data }) => data["item"] === item);
        await backend.respond(record?.hitl_id as string, item < "c" ? approve : reject);
        // Two are left for one wake-up.
        if (index !== 1) await resumeThread(graph, { thread_id: "t", backend });
      }
      expect(counter.all()).toEqual({ a: 1, b: 1, c: 1, d: 1, e: 1, end: 1 });
      const { values } = await graph.getState(thread("t"));
      expect(values.done.toSorted()).toEqual(["a", "b", "not c", "not d", "not e"]);
    },
  );
});

describe("loops", () => {
  it("P2 the same node in a later step asks a new question; an old answer never answers it", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const review = approvalNode(
      State,
      { message: "Good enough?", backend },
      { approved: END, rejected: { goto: "work", update: { done: ["again"] } } },
    );
    const graph = new StateGraph(State)
      .addNode("work", () => (counter.hit("work"), {}))
      .addNode("review", review, { ends: review.ends })
      .addEdge(START, "work")
      .addEdge("work", "review")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("t"));
    const ids: string[] = [];
    for (const decision of [reject, reject, approve]) {
      const { hitl_id } = await openAsk(backend, "t", "Good enough?");
      ids.push(hitl_id);
      await answer(graph, backend, "t", undefined, decision);
      expect(await backend.respond(hitl_id, approve)).toMatchObject({
        status: decision === approve ? "duplicate" : "conflict",
      });
    }
    expect(new Set(ids).size).toBe(3);
    expect(counter.of("work")).toBe(3);
    const { next, values } = await graph.getState(thread("t"));
    expect([next, values.done]).toEqual([[], ["again", "again"]]);
  });
});

describe("graphs in graphs", () => {
  it.each(permutations(["one", "two", "three"]))(
    "P6 two levels down, beside each other: %s, %s, %s",
    async (...order) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const node = (name: string) =>
        confirmNode(
          State,
          { message: `${name}?`, backend },
          {
            confirmed: { update: () => (counter.hit(name), { done: [name] }) },
            declined: { update: {} },
          },
        );
      const inner = new StateGraph(State)
        .addNode("one", node("one"))
        .addNode("two", node("two"))
        .addEdge(START, "one")
        .addEdge(START, "two")
        .compile();
      const middle = new StateGraph(State)
        .addNode("inner", async (state, config) => {
          const { done } = await inner.invoke({ ...state, done: [] }, config);
          return { done };
        })
        .addNode("three", node("three"))
        .addEdge(START, "inner")
        .addEdge(START, "three")
        .compile();
      const graph = new StateGraph(State)
        .addNode("middle", async (state, config) => {
          const { done } = await middle.invoke({ ...state, done: [] }, config);
          return { done };
        })
        .addNode("end", () => (counter.hit("end"), {}))
        .addEdge(START, "middle")
        .addEdge("middle", "end")
        .compile({ checkpointer: new MemorySaver() });
      await graph.invoke({}, thread("t"));
      expect(await pending(backend, "t")).toHaveLength(3);
      for (const name of order) await answer(graph, backend, "t", `${name}?`, { confirmed: true });
      expect(counter.all()).toEqual({ one: 1, two: 1, three: 1, end: 1 });
      const { next, values } = await graph.getState(thread("t"));
      expect([next, values.done.toSorted()]).toEqual([[], ["one", "three", "two"]]);
    },
  );
});

describe("retryPolicy", () => {
  it("a pause is no failure, and an update that fails once is tried again with the same answer", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const review = confirmNode(
      State,
      { message: "Go?", backend },
      {
        confirmed: {
          update: () => {
            if (counter.hit("update") === 1) throw new Error("not now");
            return { done: ["yes"] };
          },
        },
        declined: END,
      },
    );
    const graph = new StateGraph(State)
      .addNode("review", review, { retryPolicy: { maxAttempts: 3, initialInterval: 1, retryOn: () => true } })
      .addNode("end", () => (counter.hit("end"), {}))
      .addEdge(START, "review")
      .addEdge("review", "end")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("t"));
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", "Go?", { confirmed: true });
    expect(counter.all()).toEqual({ update: 2, end: 1 });
    expect((await graph.getState(thread("t"))).values.done).toEqual(["yes"]);
    expect((await backend.list({ thread_id: "t" })).items).toHaveLength(1);
  });

  it("a plain node that fails after its answer asks nothing again on its next attempt", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const plain = async () => {
      await confirm({ message: "Go?" });
      if (counter.hit("body") === 1) throw new Error("not now");
      return { done: ["yes"] };
    };
    const graph = new StateGraph(State)
      .addNode("plain", plain, { retryPolicy: { maxAttempts: 3, initialInterval: 1, retryOn: () => true } })
      .addEdge(START, "plain")
      .compile({ checkpointer: new MemorySaver() });
    const run = { configurable: { thread_id: "t", holdpoint: { backend } } };
    await graph.invoke({}, run);
    await answer(graph, backend, "t", "Go?", { confirmed: true });
    expect(counter.of("body")).toBe(2);
    expect((await graph.getState(run)).values.done).toEqual(["yes"]);
    expect((await backend.list({ thread_id: "t" })).items).toHaveLength(1);
  });
});

describe("the custom stream", () => {
  it("P10 shows each question as a block, before and after its answer", async () => {
    const backend = new InMemoryHITLBackend();
    const node = confirmNode(State, { message: "Go?", backend }, { confirmed: END, declined: END });
    const graph = new StateGraph(State)
      .addNode("ask", node, { ends: [END] })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    const events: BlockEvent[] = [];
    for await (const event of await graph.stream({}, { ...thread("t"), streamMode: "custom" }))
      events.push(event as BlockEvent);
    const { hitl_id } = await openAsk(backend, "t", "Go?");
    const asked = (): BlockEvent[] => events.filter(({ kind }) => kind === "hitl");
    expect(asked()).toMatchObject([{ kind: "hitl", data: { hitl_id, message: "Go?", status: "pending" } }]);
    const onBlock = (event: BlockEvent): void => void events.push(event);
    await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true }, onBlock });
    expect(asked().at(-1)).toMatchObject({ kind: "hitl", data: { status: "completed" } });
    expect(new Set(asked().map(({ block_id }) => block_id)).size).toBe(1);
  });
});

describe("what LangGraph itself does to it", () => {
  const yes = { confirmed: true };
  it("P1 no resume value is an answer", async () => {
    const backend = new InMemoryHITLBackend();
    const node = askUserNode(
      State,
      { message: "Who?", backend },
      { answered: { update: ({ answer: item }) => ({ item }) } },
    );
    const graph = new StateGraph(State)
      .addNode("ask", node)
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("t"));
    for (const resume of [{ answer: "mallory" }, "mallory", true, [yes]]) {
      await graph.invoke(new Command({ resume }), thread("t"));
      await graph.invoke(null, thread("t"));
    }
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", "Who?", { answer: "ann" });
    expect((await graph.getState(thread("t"))).values.item).toBe("ann");
  });

  it("a cachePolicy is refused: it would give one human's answer to every thread", async () => {
    const backend = new InMemoryHITLBackend();
    const node = confirmNode(State, { message: "Go?", backend }, { confirmed: END, declined: END });
    const graph = new StateGraph(State)
      .addNode("ask", node, { cachePolicy: true, ends: [END] })
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("t"));
    await expect(answer(graph, backend, "t", "Go?", yes)).rejects.toMatchObject({
      code: "ERR_HITL_CACHE_POLICY",
    });
    // Before anything is answered, too.
    await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_CACHE_POLICY",
    });
  });

  it("without a checkpointer, a thread, or saved checkpoints: typed errors, and nothing is written", async () => {
    const backend = new InMemoryHITLBackend();
    const node = confirmNode(State, { message: "Go?", backend }, { confirmed: END, declined: END });
    const builder = new StateGraph(State).addNode("ask", node).addEdge(START, "ask");
    await expect(builder.compile().invoke({}, thread("t"))).rejects.toMatchObject({
      code: "ERR_HITL_NO_CHECKPOINTER",
    });
    const graph = builder.compile({ checkpointer: new MemorySaver() });
    await expect(graph.invoke({}, { ...thread("t"), durability: "exit" })).rejects.toMatchObject({
      code: "ERR_HITL_DURABILITY",
    });
    await expect(node({} as typeof State.State)).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
    expect((await backend.list({})).items).toEqual([]);
  });
});
