/** Agents in agents: in a tool, as a node, as a subagent of deepagents. What ran runs once, every question is visible. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  END,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createDeepAgent } from "deepagents";
import { createAgent, toolRetryMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { holdpointTools, InMemoryHITLBackend } from "../../src/index.ts";
import { hitlMiddleware } from "../../src/nodes/middleware/hitl-middleware.ts";
import {
  ai,
  answer,
  Counter,
  outputs,
  pending,
  permutations,
  ScriptedModel,
  thread,
  toolOf,
} from "../nodes/kit.ts";
import { agentOf, go, lookTool, payTool, VERSIONS, wizardTool, yes } from "./kit.ts";

const retry = () => toolRetryMiddleware({ initialDelayMs: 0 });
const none = {};
const OTHERS = [
  ["nothing", () => none],
  ["a retry outside", () => ({ before: [retry()] })],
  ["a retry inside", () => ({ after: [retry()] })],
] as const;

const threeCalls = [
  { name: "pay", args: { to: "a" }, id: "p" },
  { name: "look", id: "l" },
  { name: "wizard", id: "w" },
];
const done = { p: "paid a", l: "looked 1", w: "ann lee" };

describe.each(VERSIONS)("createAgent %s", (version) => {
  it.each(OTHERS)("as a node of a graph, beside %s: P6, P10", async (_name, others) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = [payTool(counter), lookTool(counter), wizardTool(counter)];
    const { agent, model } = agentOf({
      version,
      backend,
      tools,
      turns: [threeCalls],
      checkpointer: null,
      ...others(),
    });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("before", () => (counter.hit("before"), {}))
      .addNode("agent", agent.graph as never)
      .addNode("after", () => (counter.hit("after"), {}))
      .addEdge(START, "before")
      .addEdge("before", "agent")
      .addEdge("agent", "after")
      .addEdge("after", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(go, thread("t"));
    expect(await pending(backend, "t")).toHaveLength(2);
    await answer(graph, backend, "t", "First name?", { answer: "ann" });
    await answer(graph, backend, "t", "Pay a?", yes);
    await answer(graph, backend, "t", "Last name?", { answer: "lee" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual(done);
    expect(counter.all()).toEqual({
      before: 1,
      after: 1,
      look: 1,
      "pay body": 2,
      "pay effect": 1,
      "wizard body": 3,
      "wizard effect": 1,
    });
    expect(model.seen).toHaveLength(2);
  });

  it.each(OTHERS)("called in a tool of an agent, beside %s: P6, P10, in any order", async (_name, others) => {
    for (const order of permutations(["x", "y"])) {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const inner = (name: string) => {
        const turns = [
          [
            { name: "pay", args: { to: name }, id: `${name}-pay` },
            { name: "look", id: `${name}-look` },
          ],
        ];
        return agentOf({
          version,
          backend,
          tools: [payTool(counter), lookTool(counter)],
          turns,
          checkpointer: null,
          name,
          ...others(),
        });
      };
      const agents = { x: inner("x"), y: inner("y") };
      const delegate = toolOf("delegate", async ({ to }, runtime) => {
        counter.hit(`delegate ${String(to)}`);
        const { agent } = agents[to as "x" | "y"];
        const result = await agent.invoke(go, runtime as LangGraphRunnableConfig as never);
        return Object.values(outputs(result)).join(" ");
      });
      const turns = [
        [
          { name: "delegate", args: { to: "x" }, id: "dx" },
          { name: "look", id: "l" },
          { name: "delegate", args: { to: "y" }, id: "dy" },
        ],
      ];
      const { agent, model } = agentOf({
        version,
        backend,
        tools: [delegate, lookTool(counter)],
        turns,
        ...others(),
      });
      await agent.invoke(go, thread("t"));
      expect(await pending(backend, "t")).toHaveLength(2);
      expect(counter.of("look")).toBe(3);
      for (const to of order) await answer(agent, backend, "t", `Pay ${to}?`, yes);
      const said = outputs((await agent.graph.getState(thread("t"))).values);
      expect(Object.keys(said).toSorted()).toEqual(["dx", "dy", "l"]);
      expect(said["dx"]).toMatch(/^paid x looked \d$/);
      expect(said["dy"]).toMatch(/^paid y looked \d$/);
      expect(counter.all()).toMatchObject({ look: 3, "pay effect": 2, "pay body": 4 });
      expect(agents.x.model.seen).toHaveLength(2);
      expect(agents.y.model.seen).toHaveLength(2);
      expect(model.seen).toHaveLength(2);
    }
  });
});

describe("holdpointTools", () => {
  it.each(VERSIONS)(
    "createAgent %s without middleware: agents that wrapped tools run side by side keep their own answers (P1)",
    async (version) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const inner = (name: string) =>
        agentOf({
          version,
          backend,
          tools: [payTool(counter)],
          turns: [[{ name: "pay", args: { to: name }, id: name }]],
          checkpointer: null,
          name,
        }).agent;
      const agents = { x: inner("x"), y: inner("y") };
      const delegate = toolOf("delegate", async ({ to }, runtime) => {
        const result = await agents[to as "x" | "y"].invoke(go, runtime as LangGraphRunnableConfig as never);
        return Object.values(outputs(result)).join(" ");
      });
      const calls = ["x", "y"].map((to) => ({ name: "delegate", args: { to }, id: `d${to}` }));
      const agent = createAgent({
        model: new ScriptedModel([ai(calls), new AIMessage("done")]),
        tools: holdpointTools([delegate], { backend }),
        version,
        checkpointer: new MemorySaver(),
      });
      await agent.invoke(go, thread("t"));
      await answer(agent, backend, "t", "Pay x?", yes);
      await answer(agent, backend, "t", "Pay y?", { confirmed: false });
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        dx: "paid x",
        dy: "kept y",
      });
      expect(counter.of("pay effect")).toBe(2);
    },
  );
});

describe("deepagents", () => {
  it("a subagent asks: visible at the top, answered there, everything runs once (P6, P10)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const sub = new ScriptedModel([
      ai([
        { name: "pay", args: { to: "a" }, id: "p" },
        { name: "look", id: "l" },
      ]),
      new AIMessage("sub done"),
    ]);
    const top = new ScriptedModel([
      ai([
        { name: "task", args: { description: "Pay it", subagent_type: "payer" }, id: "task" },
        { name: "look", id: "top-look" },
      ]),
      new AIMessage("done"),
    ]);
    const agent = createDeepAgent({
      model: top,
      tools: [lookTool(counter)],
      middleware: [hitlMiddleware({ backend })],
      subagents: [
        {
          name: "payer",
          description: "Pays.",
          systemPrompt: "Pay.",
          model: sub,
          tools: [payTool(counter), lookTool(counter)],
          middleware: [hitlMiddleware({ backend })],
        },
      ],
      checkpointer: new MemorySaver(),
    });
    await agent.invoke({ messages: [new HumanMessage("go")] }, thread("t"));
    expect(await pending(backend, "t")).toHaveLength(1);
    expect(counter.all()).toEqual({ "pay body": 1, look: 2 });
    await answer(agent as never, backend, "t", "Pay a?", yes);
    const said = outputs((await agent.graph.getState(thread("t"))).values);
    expect(Object.keys(said).toSorted()).toEqual(["task", "top-look"]);
    expect(String(said["task"])).toContain("sub done");
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1, look: 2 });
    expect(sub.seen).toHaveLength(2);
    expect(top.seen).toHaveLength(2);
  });
});
