/** Asking where nothing of ours runs the call: plain nodes, unwrapped tools in a stock ToolNode (P1–P4). */
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, describe, expect, it } from "vitest";
import {
  askUser,
  configureHoldpoint,
  confirm,
  HITLSuspend,
  HITLToolNode,
  HoldpointCallbackHandler,
  InMemoryHITLBackend,
  resumeThread,
} from "../../src/index.ts";
import {
  answer,
  Counter,
  input,
  interruptsIn,
  nodeGraph,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  wake,
} from "../nodes/kit.ts";

let restore = (): void => {};
function backendForAll(): InMemoryHITLBackend {
  const backend = new InMemoryHITLBackend();
  restore();
  restore = configureHoldpoint({ backend });
  return backend;
}
afterEach(() => restore());

const yes = { confirmed: true };
const start = { messages: [] };

describe("confirm in a plain node", () => {
  it("pauses, keeps a record of thread and node, and goes on after the answer", async () => {
    const backend = backendForAll();
    const counter = new Counter();
    const graph = nodeGraph(async () => {
      counter.hit("body");
      const { confirmed } = await confirm({ message: "Deploy?", risk_level: "high" });
      counter.hit(`deployed ${confirmed}`);
      return {};
    });
    const first = await graph.invoke(start, thread("t"));
    const record = await openAsk(backend, "t", "Deploy?");
    expect(record).toMatchObject({ node_id: "work", tool_call_id: null, tool_name: null, thread_id: "t" });
    expect(interruptsIn(first)[0]?.value.hitl_id).toBe(record.hitl_id);
    expect((await answer(graph, backend, "t", "Deploy?", yes)).resume?.status).toBe("resumed");
    expect(counter.all()).toEqual({ body: 2, "deployed true": 1 });
    expect((await backend.get(record.hitl_id))?.resume.state).toBe("done");
  });

  it("sequence, loop and the same question twice: each has its own record and answer", async () => {
    const backend = backendForAll();
    const got: string[] = [];
    const graph = nodeGraph(async () => {
      const answers: string[] = [];
      for (const message of ["One?", "Same?", "Same?"]) answers.push((await askUser({ message })).answer);
      got.push(answers.join(","));
      return {};
    });
    await graph.invoke(start, thread("t"));
    for (const text of ["1", "2", "3"]) await answer(graph, backend, "t", undefined, { answer: text });
    expect(got).toEqual(["1,2,3"]);
  });

  it("no resume value is an answer (P1)", async () => {
    const backend = backendForAll();
    const counter = new Counter();
    const graph = nodeGraph(async () => {
      if ((await confirm({ message: "Go?" })).confirmed) counter.hit("went");
      return {};
    });
    await graph.invoke(start, thread("t"));
    for (const value of [yes, "yes", true, [yes]]) await graph.invoke(wake(value), thread("t"));
    await graph.invoke(null, thread("t"));
    expect(counter.of("went")).toBe(0);
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", undefined, yes);
    expect(counter.of("went")).toBe(1);
  });

  it("parallel branches: both asks are visible and answered in any order (P10)", async () => {
    for (const order of [
      ["A", "B"],
      ["B", "A"],
    ]) {
      const backend = backendForAll();
      const got: string[] = [];
      const branch = (name: string) => async () => {
        got.push(`${name} ${(await confirm({ message: `${name}?` })).confirmed}`);
        return {};
      };
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("A", branch("A"))
        .addNode("B", branch("B"))
        .addNode("end", () => ({}))
        .addEdge(START, "A")
        .addEdge(START, "B")
        .addEdge(["A", "B"], "end")
        .compile({ checkpointer: new MemorySaver() });
      await graph.invoke(start, thread("t"));
      expect(await pending(backend, "t")).toHaveLength(2);
      for (const name of order) await answer(graph, backend, "t", `${name}?`, { confirmed: name === "A" });
      expect(got.toSorted()).toEqual(["A true", "B false"]);
      expect((await graph.getState(thread("t"))).next).toEqual([]);
    }
  });

  it("Promise.all in one node: every question can be answered, in the order in which they show", async () => {
    const backend = backendForAll();
    const got: string[] = [];
    const graph = nodeGraph(async () => {
      const all = await Promise.all(["A?", "B?"].map((message) => askUser({ message })));
      got.push(all.map(({ answer: text }) => text).join(","));
      return {};
    });
    await graph.invoke(start, thread("t"));
    expect((await pending(backend, "t")).map((record) => record.data["message"]).toSorted()).toEqual([
      "A?",
      "B?",
    ]);
    await answer(graph, backend, "t", "B?", { answer: "b" });
    await answer(graph, backend, "t", "A?", { answer: "a" });
    expect(got).toEqual(["a,b"]);
  });

  it("takes the backend, tenant and session of the run from configurable.holdpoint", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = nodeGraph(async () => (await confirm({ message: "Go?" }), {}));
    await graph.invoke(start, {
      configurable: {
        thread_id: "t",
        holdpoint: { backend, tenant_id: "acme", session_id: "s9", invocation_id: "i9" },
      },
    });
    const view = backend.forTenant("acme");
    expect((await view.getPendingBySession("s9")).items).toMatchObject([
      { tenant_id: "acme", session_id: "s9", invocation_id: "i9", thread_id: "t" },
    ]);
    expect((await view.getPendingByInvocation("i9")).items).toHaveLength(1);
    expect((await backend.list({ thread_id: "t" })).items).toEqual([]);
  });

  it.each([[{ configurable: { thread_id: "t" } }, "ERR_HITL_NO_BACKEND"]])(
    "without a backend: a typed error out of invoke",
    async (config, code) => {
      const graph = nodeGraph(async () => (await confirm({ message: "Go?" }), {}));
      await expect(graph.invoke(start, config)).rejects.toMatchObject({ code });
    },
  );

  it("without a checkpointer, outside a graph, with durability exit: typed errors, and nothing is written", async () => {
    const backend = backendForAll();
    const work = async (): Promise<object> => (await confirm({ message: "Go?" }), {});
    const bare = new StateGraph(MessagesAnnotation)
      .addNode("work", work)
      .addEdge(START, "work")
      .addEdge("work", END)
      .compile();
    await expect(bare.invoke(start)).rejects.toMatchObject({ code: "ERR_HITL_NO_CHECKPOINTER" });
    await expect(work()).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
    await expect(nodeGraph(work).invoke(start, { ...thread("t"), durability: "exit" })).rejects.toMatchObject(
      { code: "ERR_HITL_DURABILITY" },
    );
    expect((await backend.list({})).items).toEqual([]);
  });
});

describe("an unwrapped tool under a stock ToolNode", () => {
  const tools = (counter: Counter, pass: boolean) => [
    toolOf("pay", async ({ to }, runtime) => {
      const { confirmed } = await confirm({ message: "Pay?" }, pass ? runtime : undefined);
      counter.hit(`paid ${String(to)} ${confirmed}`);
      return `${String(to)} ${confirmed}`;
    }),
  ];
  const calls = input(
    { name: "pay", args: { to: "ann" }, id: "a" },
    { name: "pay", args: { to: "bob" }, id: "b" },
  );

  it.each(["runtime", "handler"] as const)(
    "with the %s two identical parallel calls get their own answers",
    async (how) => {
      const backend = backendForAll();
      const counter = new Counter();
      const graph = toolsGraph(new ToolNode(tools(counter, how === "runtime")));
      const callbacks = how === "handler" ? { callbacks: [new HoldpointCallbackHandler()] } : {};
      await graph.invoke(calls, { ...thread("t"), ...callbacks });
      const open = await pending(backend, "t");
      expect(open.map((record) => record.tool_call_id).toSorted()).toEqual(["a", "b"]);
      expect(open.map((record) => record.tool_name)).toEqual(["pay", "pay"]);
      for (const record of open)
        await backend.respond(record.hitl_id, { confirmed: record.tool_call_id === "a" });
      await resumeThread(graph, { thread_id: "t", backend, config: callbacks });
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: "ann true", b: "bob false" });
    },
  );

  it("with neither it says ERR_HITL_NO_CALL_IDENTITY, and asks nothing", async () => {
    const backend = backendForAll();
    const counter = new Counter();
    const graph = toolsGraph(new ToolNode(tools(counter, false), { handleToolErrors: false }));
    await expect(graph.invoke(calls, thread("t"))).rejects.toMatchObject({
      code: "ERR_HITL_NO_CALL_IDENTITY",
    });
    expect((await backend.list({})).items).toEqual([]);
    expect(counter.all()).toEqual({});
  });

  it("the callback handler forgets calls when they end, also when they suspend or fail", async () => {
    const backend = backendForAll();
    const handler = new HoldpointCallbackHandler();
    const graph = toolsGraph(new ToolNode(tools(new Counter(), false)));
    await graph.invoke(calls, { ...thread("t"), callbacks: [handler] });
    expect(await pending(backend, "t")).not.toEqual([]);
    await expect(confirm({ message: "x" })).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
  });
});

describe("a bare HITLSuspend", () => {
  const suspend = (): never => {
    throw new HITLSuspend({ data: { message: "Which?" } });
  };

  it("in a stock ToolNode pauses the graph; resumeThread says that nobody recorded it, and a wrapped tool mends it", async () => {
    const backend = new InMemoryHITLBackend();
    const saver = new MemorySaver();
    const graph = toolsGraph(new ToolNode([toolOf("it", suspend)]), saver);
    const first = await graph.invoke(input({ name: "it", id: "c" }), thread("t"));
    expect(interruptsIn(first)).toMatchObject([{ value: { recorded: false, data: { message: "Which?" } } }]);
    await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_UNRECORDED_SUSPEND",
    });
    const mended = toolsGraph(new HITLToolNode([toolOf("it", suspend)], { backend }), saver);
    await mended.invoke(null, thread("t"));
    await answer(mended, backend, "t", "Which?", { answer: "x" });
    expect(outputs((await mended.getState(thread("t"))).values)).toEqual({ c: '{"answer":"x"}' });
  });

  it("in a plain node pauses the graph; resumeThread says ERR_HITL_UNRECORDED_SUSPEND", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = nodeGraph(suspend);
    const first = await graph.invoke(start, thread("t"));
    expect(interruptsIn(first)).toHaveLength(1);
    await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_UNRECORDED_SUSPEND",
    });
  });

  it("is found in a subgraph too", async () => {
    const backend = new InMemoryHITLBackend();
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("work", suspend)
      .addEdge(START, "work")
      .compile();
    const graph = nodeGraph(inner);
    await graph.invoke(start, thread("t"));
    await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
      code: "ERR_HITL_UNRECORDED_SUSPEND",
    });
  });
});

describe("a plain node beside our own", () => {
  it("a hand-written node that calls an unwrapped tool: the question is the node's, and goes on", async () => {
    const backend = backendForAll();
    const ask = toolOf("ask", async () => `${(await confirm({ message: "Go?" })).confirmed}`);
    const got: unknown[] = [];
    const graph = nodeGraph(async (_state: object, config: LangGraphRunnableConfig) => {
      const runtime = { ...config, toolCallId: "own" };
      got.push(
        await ask
          .invoke({ type: "tool_call", id: "own", name: "ask", args: {} }, runtime)
          .catch((error: Error) => Promise.reject(error)),
      );
      return {};
    });
    await graph
      .invoke(start, thread("t"))
      .catch((error: { code?: string }) => expect(error.code).toBe("ERR_HITL_NO_CALL_IDENTITY"));
    expect((await backend.list({})).items.length).toBeLessThanOrEqual(1);
  });
});
