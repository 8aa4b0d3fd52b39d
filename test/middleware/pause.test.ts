/** PauseSuspend and configurable.holdpoint.pause: the run rests where it is safe, and goes on without an answer. */
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { toolRetryMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { HITLToolNode, holdpointTools, InMemoryHITLBackend, resumeThread, step } from "../../src/index.ts";
import { isPauseSuspend, PauseSuspend } from "../../src/suspend/pause-suspend.ts";
import {
  answer,
  Counter,
  input,
  interruptsIn,
  nodeGraph,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
} from "../nodes/kit.ts";
import { agentOf, go, lookTool, payTool, VERSIONS, yes } from "./kit.ts";

/** Pauses as long as it is told to, after a step. */
function pausingTool(counter: Counter, wanted: { pause: boolean }) {
  return toolOf("work", async () => {
    const n = await step("first", () => counter.hit("first step"));
    if (wanted.pause) throw new PauseSuspend("Lunch");
    return `worked ${n} ${counter.hit("worked")}`;
  });
}

const calls = [
  { name: "work", id: "w" },
  { name: "look", id: "l" },
];

const HOSTS = {
  HITLToolNode: (tools: never[], backend: InMemoryHITLBackend) =>
    toolsGraph(new HITLToolNode(tools, { backend })),
  "holdpointTools in a stock node": (tools: never[], backend: InMemoryHITLBackend) =>
    toolsGraph(new ToolNode(holdpointTools(tools, { backend }))),
};

describe("thrown in a tool", () => {
  it.each(Object.entries(HOSTS))(
    "P6 of %s: pauses without a record; resumeThread goes on, steps and siblings do not run again",
    async (_name, make) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const wanted = { pause: true };
      const graph = make([pausingTool(counter, wanted), lookTool(counter)] as never[], backend);
      const paused = await graph.invoke(input(...calls), thread("t"));
      expect(interruptsIn(paused).map(({ value }) => value)).toEqual([
        { schema_version: 1, paused: true, reason: "Lunch", message: "Paused: Lunch" },
      ]);
      expect((await backend.list({})).items).toEqual([]);
      // Still wanted: it pauses again, and is not said to be busy.
      expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({
        status: "resumed",
        pending: [],
      });
      expect((await graph.getState(thread("t"))).next).toEqual(["tools"]);
      wanted.pause = false;
      expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ w: "worked 1 1", l: "looked 1" });
      expect(counter.all()).toEqual({ "first step": 1, look: 1, worked: 1 });
      expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({
        status: "nothing_to_resume",
      });
    },
  );

  it.each(
    VERSIONS.flatMap((version) => (["before", "after"] as const).map((where) => [version, where] as const)),
  )("of createAgent %s with a retry %s: neither retried nor told to the model", async (version, where) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const wanted = { pause: true };
    const retry = toolRetryMiddleware({ initialDelayMs: 0 });
    const tools = [pausingTool(counter, wanted), lookTool(counter), payTool(counter)];
    const { agent, model } = agentOf({
      version,
      backend,
      tools,
      turns: [[...calls, { name: "pay", id: "p" }]],
      [where]: [retry],
    });
    await agent.invoke(go, thread("t"));
    expect(model.seen).toHaveLength(1);
    expect(await pending(backend, "t")).toHaveLength(1);
    wanted.pause = false;
    // The pause goes on though the question beside it is open.
    expect(await resumeThread(agent, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
    expect(counter.all()).toMatchObject({ worked: 1, "first step": 1, look: 1, "pay body": 1 });
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
      w: "worked 1 1",
      l: "looked 1",
      p: "paid x",
    });
    expect(counter.all()).toEqual({ worked: 1, "first step": 1, look: 1, "pay body": 2, "pay effect": 1 });
  });
});

describe("thrown in a plain node", () => {
  it("pauses, and a plain resumeThread goes on", async () => {
    const backend = new InMemoryHITLBackend();
    let pause = true;
    const graph = nodeGraph(() => {
      if (pause) throw new PauseSuspend();
      return {};
    });
    const paused = await graph.invoke({ messages: [] }, thread("t"));
    expect(interruptsIn(paused)[0]?.value).toMatchObject({ reason: "User requested pause" });
    pause = false;
    expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
    expect((await graph.getState(thread("t"))).next).toEqual([]);
  });

  it("P9 two resumers through two handles: the node after it runs once", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    let pause = true;
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", () => {
        if (pause) throw new PauseSuspend();
        return {};
      })
      .addNode("after", () => (counter.hit("after"), {}))
      .addEdge(START, "work")
      .addEdge("work", "after")
      .addEdge("after", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, thread("t"));
    pause = false;
    const both = await Promise.all([1, 2].map(() => resumeThread(graph, { thread_id: "t", backend })));
    expect(both.map(({ status }) => status).filter((status) => status === "resumed")).toHaveLength(1);
    expect(counter.of("after")).toBe(1);
  });
});

describe("asked for from outside, by configurable.holdpoint.pause", () => {
  it.each(Object.entries(HOSTS))("P6 %s: no call begins; resumed, each runs once", async (_name, make) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const work = toolOf("work", () => `worked ${counter.hit("work")}`);
    const graph = make([work, lookTool(counter)] as never[], backend);
    const pause = AbortSignal.abort("Enough for today");
    const config = { configurable: { thread_id: "t", holdpoint: { backend, pause } } };
    const paused = await graph.invoke(input(...calls), config);
    expect(interruptsIn(paused).at(-1)?.value).toMatchObject({ paused: true, reason: "Enough for today" });
    expect(counter.all()).toEqual({});
    expect(await resumeThread(graph, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ w: "worked 1", l: "looked 1" });
  });

  it.each(VERSIONS)(
    "P6 createAgent %s: what is at work ends, no further call begins, and each runs once in all",
    async (version) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const button = new AbortController();
      const work = toolOf("work", () => {
        // The user presses the button while the first call is at work.
        button.abort("Enough for today");
        return `worked ${counter.hit("work")}`;
      });
      const tools = [work, lookTool(counter), payTool(counter)];
      const turns = [
        [{ name: "work", id: "w" }],
        [
          { name: "look", id: "l" },
          { name: "pay", id: "p" },
        ],
      ];
      const { agent, model } = agentOf({ version, backend, tools, turns });
      const holdpoint = { pause: button.signal };
      const paused = await agent.invoke(go, { configurable: { thread_id: "t", holdpoint } });
      expect(interruptsIn(paused).at(-1)?.value).toMatchObject({ paused: true, reason: "Enough for today" });
      expect(counter.all()).toEqual({ work: 1 });
      expect(await resumeThread(agent, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
      await answer(agent, backend, "t", "Pay x?", yes);
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        w: "worked 1",
        l: "looked 1",
        p: "paid x",
      });
      expect(counter.all()).toEqual({ work: 1, look: 1, "pay body": 2, "pay effect": 1 });
      expect(model.seen).toHaveLength(3);
    },
  );

  it("an answered call that is paused before it goes on keeps its answer", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const { agent } = agentOf({
      version: "v1",
      backend,
      tools: [payTool(counter)],
      turns: [[{ name: "pay", id: "p" }]],
    });
    await agent.invoke(go, thread("t"));
    const [record] = await pending(backend, "t");
    await backend.respond(record?.hitl_id ?? "", yes);
    const config = { configurable: { holdpoint: { pause: AbortSignal.abort() } } };
    await resumeThread(agent, { thread_id: "t", backend, config });
    expect(counter.of("pay effect")).toBe(0);
    expect(await resumeThread(agent, { thread_id: "t", backend })).toMatchObject({ status: "resumed" });
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ p: "paid x" });
    expect(counter.of("pay effect")).toBe(1);
  });
});

describe("the signal", () => {
  it("is known by its brand, looks like LangGraph's interrupt, and bounds its reason", () => {
    const signal = new PauseSuspend("x".repeat(5000));
    expect(isPauseSuspend(signal)).toBe(true);
    expect(isPauseSuspend(Object.assign(new Error("x"), { name: "GraphInterrupt" }))).toBe(false);
    expect(isPauseSuspend(null)).toBe(false);
    expect(signal).toMatchObject({ name: "GraphInterrupt", is_bubble_up: true });
    expect(signal.reason).toHaveLength(1000);
    expect(signal.interrupts[0]?.id).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([[null], [1], [{}]])("a reason that is no text (%j): ERR_HITL_INVALID_INPUT", (reason) => {
    expect(() => new PauseSuspend(reason as never)).toThrow(/has to be text/);
  });
});
