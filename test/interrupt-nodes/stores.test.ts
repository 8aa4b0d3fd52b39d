/** The nodes on each store: one handle runs the graph, another one answers, as two processes do (P1 to P10). */
import { Annotation, END, MemorySaver, Send, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  approvalNode,
  askUserNode,
  confirmNode,
  formNode,
  type HITLBackend,
  type HITLRecord,
  permissionNode,
  type ResumableGraph,
  respondAndResume,
  resumeThread,
} from "../../src/index.ts";
import { Counter, openAsk, pending, thread } from "../nodes/kit.ts";
import { until } from "../support/poll.ts";
import { type SharedStore, sharedStore } from "../support/shared-stores.ts";

const State = Annotation.Root({
  item: Annotation<string>,
  items: Annotation<string[]>,
  draft: Annotation<string>,
  done: Annotation<string[]>({ reducer: (all, more) => [...all, ...more], default: () => [] }),
});
const approve = { decision: "approve" } as const;
const reject = { decision: "reject" } as const;

interface Two<G> {
  /** Runs the thread to its first pause. */
  readonly graph: G;
  readonly backend: HITLBackend;
  /** Of who answers: a graph and a handle of his own. */
  readonly other: { readonly graph: G; readonly backend: HITLBackend };
  readonly counter: Counter;
}

/** Answers as the other process, in vain first (P3), and again when it is done (P4). */
async function answer<G extends ResumableGraph>(
  { other: { graph, backend } }: Two<G>,
  thread_id: string,
  message: string,
  response: object,
): Promise<void> {
  const { hitl_id } = await openAsk(backend, thread_id, message);
  const respond = async (given: unknown): Promise<string> =>
    (await respondAndResume(graph, { backend, hitl_id, response: given })).status;
  expect(await respond({ decision: 7, confirmed: 7, answer: 7, size: "big" })).toBe("invalid");
  expect(await respond(response)).toBe("accepted");
  expect(await respond(response)).toBe("duplicate");
}

describe.each(["memory", "sqlite", "redis"] as const)("two handles on one store, %s", (name) => {
  let store: SharedStore;
  beforeAll(async () => {
    store = await sharedStore(name);
  });
  afterAll(() => store.stop());

  function two<G>(build: (backend: HITLBackend, saver: MemorySaver, counter: Counter) => G): Two<G> {
    const [backend, answering] = store.pair();
    const [saver, counter] = [new MemorySaver(), new Counter()];
    const other = { graph: build(answering, saver, counter), backend: answering };
    return { graph: build(backend, saver, counter), backend, other, counter };
  }

  async function expectEnd(graph: ResumableGraph, backend: HITLBackend, thread_id: string): Promise<void> {
    expect((await graph.getState(thread(thread_id))).tasks).toEqual([]);
    expect(await pending(backend, thread_id)).toEqual([]);
    expect((await resumeThread(graph, { thread_id, backend })).status).toBe("nothing_to_resume");
  }

  it("P1 P3 P4 each of the five nodes asks, is answered through the other handle, and follows its route", async () => {
    const world = two((backend, checkpointer, counter) => {
      const wrote = (line: string) => (counter.hit(line), { done: [line] });
      const nodes = {
        approval: approvalNode(
          State,
          { message: "approval?", editable: { draft: z.string().min(3) }, backend },
          {
            approved: END,
            rejected: END,
            edited: { goto: "confirm", update: ({ values }) => wrote(`edited ${values.draft}`) },
          },
        ),
        confirm: confirmNode(
          State,
          { message: "confirm?", backend },
          { confirmed: { goto: "ask", update: () => wrote("confirmed") }, declined: END },
        ),
        ask: askUserNode(
          State,
          { message: "ask?", options: ["short", "long"], backend },
          { options: { short: END, long: { goto: "permission", update: () => wrote("long") } } },
        ),
        permission: permissionNode(
          State,
          {
            message: "permission?",
            tool: "pay",
            args: { sum: 1 },
            allowed_decisions: ["approve_once", "reject"],
            backend,
          },
          {
            approve_once: { goto: "form", update: ({ args }) => wrote(`pay ${String(args["sum"])}`) },
            reject: END,
          },
        ),
        form: formNode(
          State,
          { message: "form?", schema: z.object({ size: z.number() }), backend },
          { submitted: { goto: "end", update: ({ response }) => wrote(`size ${response.size}`) } },
        ),
      };
      return new StateGraph(State)
        .addNode("approval", nodes.approval, { ends: nodes.approval.ends })
        .addNode("confirm", nodes.confirm, { ends: nodes.confirm.ends })
        .addNode("ask", nodes.ask, { ends: nodes.ask.ends })
        .addNode("permission", nodes.permission, { ends: nodes.permission.ends })
        .addNode("form", nodes.form, { ends: nodes.form.ends })
        .addNode("end", () => wrote("end"))
        .addEdge(START, "approval")
        .compile({ checkpointer });
    });
    await world.graph.invoke({ draft: "Hi" }, thread("five"));
    await answer(world, "five", "approval?", { decision: "edit", values: { draft: "Hello" } });
    await answer(world, "five", "confirm?", { confirmed: true });
    await answer(world, "five", "ask?", { answer: "long" });
    await answer(world, "five", "permission?", { decision: "approve_once" });
    await answer(world, "five", "form?", { size: 3 });
    const { values } = await world.graph.getState(thread("five"));
    const wrote = ["edited Hello", "confirmed", "long", "pay 1", "size 3", "end"];
    expect([values.draft, values.done]).toEqual(["Hello", wrote]);
    expect(world.counter.all()).toEqual(Object.fromEntries(wrote.map((line) => [line, 1])));
    await expectEnd(world.graph, world.backend, "five");
  });

  it("P6 P9 P10 five instances of one node, answered last first, two of them for one wake-up", async () => {
    const Item = Annotation.Root({ item: Annotation<string> });
    const items = ["a", "b", "c", "d", "e"];
    const { graph, backend, other, counter } = two((own, checkpointer, hits) => {
      const review = approvalNode(
        { input: Item, state: State },
        { message: "Keep?", data: ({ item }) => ({ item }), backend: own },
        {
          approved: { update: (_, { item }) => (hits.hit(item), { done: [item] }) },
          rejected: { update: (_, { item }) => (hits.hit(item), { done: [`not ${item}`] }) },
        },
      );
      return new StateGraph(State)
        .addNode("review", review, { input: Item })
        .addNode("end", () => (hits.hit("end"), {}))
        .addConditionalEdges(START, () => items.map((item) => new Send("review", { item })), ["review"])
        .addEdge("review", "end")
        .compile({ checkpointer });
    });
    await graph.invoke({}, thread("send"));
    const open = await pending(other.backend, "send");
    expect(open).toHaveLength(5);
    for (const [index, item] of items.toReversed().entries()) {
      const record = open.find(({ data }) => data["item"] === item);
      const [answering, waking] = index % 2 ? [backend, other] : [other.backend, { graph, backend }];
      await answering.respond(record?.hitl_id as string, item < "c" ? approve : reject);
      if (index !== 1) await resumeThread(waking.graph, { thread_id: "send", backend: waking.backend });
    }
    expect(counter.all()).toEqual({ a: 1, b: 1, c: 1, d: 1, e: 1, end: 1 });
    const { values } = await graph.getState(thread("send"));
    expect(values.done.toSorted()).toEqual(["a", "b", "not c", "not d", "not e"]);
    await expectEnd(other.graph, other.backend, "send");
  });

  it("P2 P6 in a loop of a subgraph, beside another node: each turn a question, siblings never again", async () => {
    const world = two((backend, checkpointer, counter) => {
      const review = approvalNode(
        State,
        { message: "Good?", backend },
        { approved: END, rejected: { goto: "work", update: { done: ["again"] } } },
      );
      const inner = new StateGraph(State)
        .addNode("work", () => (counter.hit("work"), {}))
        .addNode("review", review, { ends: review.ends })
        .addEdge(START, "work")
        .addEdge("work", "review")
        .compile();
      const beside = confirmNode(
        State,
        { message: "Beside?", backend },
        { confirmed: { update: () => (counter.hit("beside"), { item: "yes" }) }, declined: END },
      );
      return new StateGraph(State)
        .addNode("inner", inner)
        .addNode("beside", beside, { ends: beside.ends })
        .addEdge(START, "inner")
        .addEdge(START, "beside")
        .compile({ checkpointer });
    });
    const { graph, backend, counter } = world;
    await graph.invoke({}, thread("loop"));
    expect(await pending(backend, "loop")).toHaveLength(2);
    await answer(world, "loop", "Good?", reject);
    await answer(world, "loop", "Beside?", { confirmed: true });
    await answer(world, "loop", "Good?", reject);
    await answer(world, "loop", "Good?", approve);
    expect(counter.all()).toEqual({ work: 3, beside: 1 });
    const { values } = await graph.getState(thread("loop"));
    expect([values.done, values.item]).toEqual([["again", "again"], "yes"]);
    await expectEnd(graph, backend, "loop");
  });

  it("P2 P8 new input and a fork ask anew; expired and cancelled go where their routes say", async () => {
    const world = two((backend, checkpointer, counter) => {
      const review = approvalNode(
        State,
        {
          message: ({ item }) => `Ship ${item}?`,
          expiresInMs: ({ item }: typeof State.State) => (item === "due" ? 30 : 3_600_000),
          backend,
        },
        { approved: "ship", rejected: END, expired: "late", cancelled: "late" },
      );
      return new StateGraph(State)
        .addNode("make", () => (counter.hit("make"), {}))
        .addNode("review", review, { ends: review.ends })
        .addNode("ship", ({ item }) => (counter.hit(`ship ${item}`), {}))
        .addNode("late", ({ item }) => (counter.hit(`late ${item}`), {}))
        .addEdge(START, "make")
        .addEdge("make", "review")
        .compile({ checkpointer });
    });
    const { graph, backend, other, counter } = world;
    await graph.invoke({ item: "v1" }, thread("t"));
    const before = (await graph.getState(thread("t"))).config;
    const old = await openAsk(other.backend, "t", "Ship v1?");
    await graph.invoke({ item: "v2" }, thread("t"));
    expect(await other.backend.respond(old.hitl_id, approve)).toMatchObject({ status: "cancelled" });
    await answer(world, "t", "Ship v2?", approve);
    await other.graph.invoke(null, await graph.updateState(before, { item: "v3" }, "make"));
    await answer(world, "t", "Ship v3?", approve);
    const { hitl_id } = await paused("cancelled", "v4");
    await other.backend.cancel(hitl_id);
    await resumeThread(graph, { thread_id: "cancelled", backend });
    const due = await paused("expired", "due");
    // The store's clock decides.
    const ended = async (): Promise<boolean> => (await other.backend.get(due.hitl_id))?.status === "expired";
    await until("the deadline", ended);
    expect(await other.backend.respond(due.hitl_id, approve)).toMatchObject({ status: "expired" });
    await resumeThread(graph, { thread_id: "expired", backend });
    expect(counter.all()).toEqual({ make: 4, "ship v2": 1, "ship v3": 1, "late v4": 1, "late due": 1 });
    for (const id of ["t", "cancelled", "expired"]) await expectEnd(other.graph, other.backend, id);

    async function paused(id: string, item: string) {
      await graph.invoke({ item }, thread(id));
      const [record] = (await other.backend.list({ thread_id: id })).items;
      return record as HITLRecord;
    }
  });
});
