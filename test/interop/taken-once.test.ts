/** A value answers what its sender saw, and that once: at the same time, late, in nested graphs, for several users. */
import type { AIMessage } from "@langchain/core/messages";
import { Command, MemorySaver, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import {
  confirm,
  type HITLBackend,
  type HITLRecord,
  HITLToolNode,
  InMemoryHITLBackend,
  requestPermission,
  respondAndResume,
  resumeThread,
  StoreHITLBackend,
  type StoreOp,
} from "../../src/index.ts";
import { respondFrom } from "../../src/interop/index.ts";
import {
  gate,
  input,
  interruptsIn,
  nodeGraph,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  turns,
  wake,
} from "../nodes/kit.ts";

const approveAll = { decisions: [{ type: "approve" }] };
const asking = (name: string, ...messages: readonly string[]) =>
  toolOf(name, async () => {
    const said: boolean[] = [];
    for (const message of messages) said.push((await confirm({ message })).confirmed);
    return said.join(" ");
  });
type Before = { readonly page?: () => Promise<void> | undefined } & {
  readonly commit?: (ops: readonly StoreOp[]) => Promise<void> | undefined;
};

/** The same store as another process sees it, which waits before some of its calls. */
function through({ store }: HITLBackend, before: Before): HITLBackend {
  const own = new Proxy(store, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== "function") return method;
      return async (...args: unknown[]): Promise<unknown> => {
        if (name === "page" && before.page) await before.page();
        if (name === "commit") await before.commit?.(args[0] as readonly StoreOp[]);
        return Reflect.apply(method, target, args) as unknown;
      };
    },
  });
  return new StoreHITLBackend(own);
}

const messagesOf = async (backend: HITLBackend): Promise<unknown[]> =>
  (await pending(backend, "t")).map(({ data }) => data["message"]).toSorted();

function setUp(...tools: readonly ReturnType<typeof asking>[]) {
  const backend = new InMemoryHITLBackend();
  const graph = toolsGraph(new HITLToolNode([...tools], { backend }));
  const calls = tools.map(({ name }) => ({ name, id: name }));
  return {
    backend,
    graph,
    start: () => graph.invoke(input(...calls), thread("t")),
    resume: (value: unknown, holdpoint: object = {}) =>
      graph.invoke(new Command({ resume: value as never }), { configurable: { thread_id: "t", holdpoint } }),
    output: async () => outputs((await graph.getState(thread("t"))).values),
  };
}

describe("P1 P4 a value without an id is taken once", () => {
  it("two clicks at once answer the first question, and not the second one", async () => {
    for (let round = 0; round < 20; round += 1) {
      const { backend, start, resume, graph } = setUp(asking("it", "One?", "Two?"));
      await start();
      await Promise.all([resume(approveAll), turns(round).then(() => resume(approveAll))]);
      await resumeThread(graph, { thread_id: "t", backend });
      const questions = (await backend.getByThread("t")).items;
      const accepted = await Promise.all(questions.map(({ hitl_id }) => backend.history(hitl_id)));
      const answered = accepted.flatMap(({ items }) => items).filter(({ type }) => type === "answered");
      // A click after the second question is shown is one to the second question; one before it is not.
      expect(answered.length).toBeLessThanOrEqual(2);
      if (answered.length === 2) continue;
      expect(await messagesOf(backend)).toEqual(["Two?"]);
    }
  });

  it("a run in another process that comes to it after another one took it answers nothing any more", async () => {
    const backend = new InMemoryHITLBackend();
    const held = gate();
    const saver = new MemorySaver();
    const graphOf = (own: HITLBackend) =>
      toolsGraph(new HITLToolNode([asking("it", "One?", "Two?")], { backend: own }), saver);
    const slow = graphOf(through(backend, { page: () => held.opened }));
    const [one, two] = [graphOf(backend), slow];
    await one.invoke(input({ name: "it", id: "it" }), thread("t"));
    const value = wake(approveAll);
    const late = two.invoke(value, thread("t"));
    await turns();
    await one.invoke(value, thread("t"));
    expect(await messagesOf(backend)).toEqual(["Two?"]);
    held.open();
    expect(interruptsIn(await late)[0]?.value).toMatchObject({
      message: "Two?",
      issues: [{ code: "ambiguous" }],
    });
    expect(await messagesOf(backend)).toEqual(["Two?"]);
    expect(outputs(await one.invoke(value, thread("t")))).toEqual({
      it: "true true",
    });
  });

  it("P10 tasks of one step wait until all of its answers are stored, and go on in the same run", async () => {
    let pages = 0;
    const backend = through(new InMemoryHITLBackend(), {
      // One task is well ahead of the others, and its answers take their time.
      page: () => turns(3 * (pages += 1)),
      commit: (ops) => {
        const answers = ops.some((op) => op.op === "update" && op.event?.type === "answered");
        return answers ? turns(40) : undefined;
      },
    });
    const tools = [asking("a", "A?"), asking("b", "B?"), asking("c", "C?")];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode(tools, { backend }))
      .addConditionalEdges(START, ({ messages }) =>
        ((messages.at(-1) as AIMessage).tool_calls ?? []).map(
          (call) => new Send("tools", { lg_tool_call: call }),
        ),
      )
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(input(...tools.map(({ name }) => ({ name, id: name }))), thread("t"));
    const open = await pending(backend, "t");
    const __agui_resume_map__ = Object.fromEntries(
      open.map(({ interrupt_id }) => [String(interrupt_id), { status: "resolved", payload: true }]),
    );
    const result = await graph.invoke(new Command({ resume: { __agui_resume_map__ } }), thread("t"));
    expect(outputs(result)).toEqual({ a: "true", b: "true", c: "true" });
  });

  it("what a run that died has left in the checkpoint is not taken by one that carries no value", async () => {
    const backend = new InMemoryHITLBackend();
    const saver = new MemorySaver();
    const graph = toolsGraph(new HITLToolNode([asking("a", "A?"), asking("b", "B?")], { backend }), saver);
    await graph.invoke(input({ name: "a", id: "a" }, { name: "b", id: "b" }), thread("t"));
    const [a, b] = [await openAsk(backend, "t", "A?"), await openAsk(backend, "t", "B?")];
    const left = { __agui_resume_map__: { [String(b.interrupt_id)]: { status: "resolved", payload: true } } };
    const { configurable } = (await graph.getState(thread("t"))).config;
    await saver.putWrites({ configurable }, [["__resume__", left]], "00000000-0000-0000-0000-000000000000");
    await respondAndResume(graph, { backend, hitl_id: a.hitl_id, response: { confirmed: true } });
    await resumeThread(graph, { thread_id: "t", backend });
    expect(await messagesOf(backend)).toEqual(["B?"]);
  });

  it("what was answered by somebody else meanwhile is not what the list was made for", async () => {
    const { backend, start, resume } = setUp(asking("a", "A1?", "A2?"), asking("b", "B1?"));
    await start();
    const first = await openAsk(backend, "t", "A1?");
    await backend.respond(first.hitl_id, { confirmed: false });
    const two = { decisions: [{ type: "approve" }, { type: "approve" }] };
    await resume(two);
    // The list was made for A1 and B1; now A2 and B1 are open.
    expect(await messagesOf(backend)).toEqual(["A2?", "B1?"]);
    const shown = await resume(two);
    expect(interruptsIn(shown)[0]?.value).toMatchObject({ issues: [{ code: "ambiguous" }] });
    expect(await messagesOf(backend)).toEqual(["A2?", "B1?"]);
    const [b1, a2] = [await openAsk(backend, "t", "B1?"), await openAsk(backend, "t", "A2?")];
    await resume({ [String(b1.interrupt_id)]: true, [String(a2.interrupt_id)]: approveAll });
    expect(await messagesOf(backend)).toEqual([]);
  });

  it("the last of several that is left is not meant while more are shown", async () => {
    const { backend, graph, start, resume, output } = setUp(asking("a", "A?"), asking("b", "B?"));
    await start();
    await backend.respond((await openAsk(backend, "t", "A?")).hitl_id, { confirmed: true });
    // The client still sees both, and approves one of them.
    await resume(approveAll);
    // Nor when only this one is shown, and the graph is woken without a value.
    for (let count = 0; count < 3; count += 1) await graph.invoke(null, thread("t"));
    expect(await messagesOf(backend)).toEqual(["B?"]);
    await resume({ decisions: [{ type: "reject" }] });
    expect(await output()).toEqual({ a: "true", b: "false" });
  });

  it("beside a question that is closed, what names its call counts, unless one that is not shown is open as well", async () => {
    for (const others of [false, true]) {
      const pay = toolOf("pay", async () => {
        const args = { to: "ann" };
        return (await requestPermission({ message: "Pay?", tool: "pay", args })).decision;
      });
      const { backend, start, resume } = setUp(asking("a", "A?"), pay);
      await start();
      const { hitl_id, session_id } = await openAsk(backend, "t", "A?");
      await backend.respond(hitl_id, { confirmed: true });
      const data = { message: "Unseen?" };
      if (others) await backend.create({ hitl_type: "confirm", thread_id: "t", session_id, data });
      await resume([{ type: "accept", args: { action: "pay", args: { to: "ann" } } }]);
      expect(await messagesOf(backend)).toEqual(others ? ["Pay?", "Unseen?"] : []);
    }
  });

  it("what was refused is not taken later, when it would fit", async () => {
    const wrong = [
      approveAll,
      { decisions: [{ type: "approve" }, { type: "approve" }, { type: "approve" }] },
      { decisions: [{ type: "respond", message: "no" }] },
      [{ type: "accept", args: null }],
      { action: "accept", content: { confirmed: "perhaps" } },
    ];
    for (const value of wrong) {
      const { backend, graph, start, resume } = setUp(asking("a", "A?"), asking("b", "B?"));
      await start();
      await resume(value);
      const { hitl_id } = await openAsk(backend, "t", "A?");
      await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true } });
      for (let count = 0; count < 2; count += 1) await graph.invoke(null, thread("t"));
      expect(await messagesOf(backend)).toEqual(["B?"]);
    }
  });

  it("late and duplicate answers by id change nothing, and are nobody's mistake", async () => {
    const { backend, start, resume, output } = setUp(asking("a", "A?"), asking("b", "B?"));
    await start();
    const [a, b] = [await openAsk(backend, "t", "A?"), await openAsk(backend, "t", "B?")];
    const map = { __agui_resume_map__: { [String(a.interrupt_id)]: { status: "resolved", payload: true } } };
    await resume(map);
    const again = await resume(map);
    expect(interruptsIn(again).map(({ value }) => (value as { issues?: unknown }).issues)).toEqual([
      undefined,
    ]);
    await resume({ [String(a.interrupt_id)]: false });
    expect((await backend.get(a.hitl_id))?.user_response).toEqual({ confirmed: true });
    await resume({ [String(b.interrupt_id)]: false });
    expect(await output()).toEqual({ a: "true", b: "false" });
  });
});

describe("who answers", () => {
  it("a question for certain people takes no answer of others, stays open, and says so", async () => {
    const tool = toolOf("it", async () =>
      String((await confirm({ message: "It?", metadata: { answerers: ["cfo"] } })).confirmed),
    );
    const { backend, start, resume, output } = setUp(tool as never);
    await start();
    for (const user of [{}, { user_id: "eve" }, { user_id: "\u0000" }]) {
      const refused = await resume(approveAll, user);
      expect(interruptsIn(refused)[0]?.value).toMatchObject({ issues: [{ code: "refused" }] });
    }
    expect(await messagesOf(backend)).toEqual(["It?"]);
    await resume(approveAll, { user_id: "cfo" });
    expect(await output()).toEqual({ it: "true" });
    expect((await backend.getByThread("t")).items[0]?.responded_by).toEqual({ id: "cfo", role: "user" });
  });
});

describe("graphs within graphs", () => {
  it("a question of a subgraph is answered at the root, in any words, once", async () => {
    const backend = new InMemoryHITLBackend();
    const inner = nodeGraph(
      new HITLToolNode([asking("it", "One?", "Two?")], { backend }),
      undefined as never,
    );
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("inner", inner)
      .addEdge(START, "inner")
      .compile({ checkpointer: new MemorySaver() });
    const resume = (value: unknown) => graph.invoke(new Command({ resume: value as never }), thread("t"));
    await graph.invoke(input({ name: "it", id: "it" }), thread("t"));
    await resume(approveAll);
    expect(await messagesOf(backend)).toEqual(["Two?"]);
    await graph.invoke(null, thread("t"));
    expect(await messagesOf(backend)).toEqual(["Two?"]);
    const { interrupt_id } = await openAsk(backend, "t", "Two?");
    const result = await resume({ [String(interrupt_id)]: { approved: false } });
    expect(outputs(result)).toEqual({ it: "true false" });
  });
});

describe("respondFrom", () => {
  const of = async () => {
    const run = setUp(asking("a", "A?"), asking("b", "B?"));
    await run.start();
    const asks = (await pending(run.backend, "t")) as [HITLRecord, HITLRecord];
    return { ...run, asks };
  };

  it("P3 P4 answers by the backend, by place where the order is known; the graph is woken by hand", async () => {
    const { backend, graph, asks, output } = await of();
    const value = { decisions: [{ type: "approve" }, { type: "reject" }] };
    expect((await respondFrom("langchain_js_1", value, { backend, thread_id: "t" })).problems).toMatchObject([
      { code: "ambiguous" },
    ]);
    const actor = { id: "kim" };
    const { results, problems } = await respondFrom("langchain_js_1", value, { backend, asks, actor });
    expect([results.map(({ status }) => status), problems]).toEqual([["accepted", "accepted"], []]);
    expect(results.map(({ record }) => record?.responded_by)).toEqual([actor, actor]);
    const other = await respondFrom(
      "any",
      { decisions: [{ type: "reject" }, { type: "reject" }] },
      { backend, asks },
    );
    expect(other).toMatchObject({
      results: [{ status: "conflict" }, { status: "duplicate" }],
      problems: [{ code: "refused", hitl_id: asks[0].hitl_id }],
    });
    await resumeThread(graph, { thread_id: "t", backend });
    const [a, b] = asks.map(({ data, hitl_id }) => [
      String(data["message"]).slice(0, 1).toLowerCase(),
      hitl_id,
    ]);
    expect(await output()).toEqual({ [a?.[0] ?? ""]: "true", [b?.[0] ?? ""]: "false" });
  });

  it("takes plain values for the only open question, and none for two", async () => {
    const { backend, graph, asks } = await of();
    expect((await respondFrom("any", true, { backend, thread_id: "t" })).results).toEqual([]);
    await respondAndResume(graph, { backend, hitl_id: asks[0].hitl_id, response: { confirmed: true } });
    expect((await respondFrom("any", true, { backend, thread_id: "t" })).results).toMatchObject([
      { status: "accepted" },
    ]);
  });

  it("refuses a format that there is not, and options that cannot be", async () => {
    const { backend, asks } = await of();
    const options = [
      ["nonsense", { backend, thread_id: "t" }],
      ["any", { backend }],
      ["any", { backend, thread_id: "t", asks }],
    ] as const;
    for (const [format, given] of options)
      await expect(respondFrom(format as never, true, given)).rejects.toMatchObject({
        code: "ERR_HITL_INVALID_INPUT",
      });
  });
});
