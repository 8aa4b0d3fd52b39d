/** hitlMiddleware in both versions of createAgent, beside other middleware in either order: what ran runs once. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  type AgentMiddleware,
  createMiddleware,
  summarizationMiddleware,
  toolCallLimitMiddleware,
  toolErrorMiddleware,
  toolRetryMiddleware,
} from "langchain";
import { describe, expect, it } from "vitest";
import { InMemoryHITLBackend } from "../../src/index.ts";
import {
  answer,
  Counter,
  interruptsIn,
  outputs,
  pending,
  permutations,
  ScriptedModel,
  thread,
  wake,
} from "../nodes/kit.ts";
import { agentOf, go, lookTool, payTool, VERSIONS, wizardTool, yes } from "./kit.ts";

type Others = { before?: AgentMiddleware[]; after?: AgentMiddleware[] };

const retry = (): AgentMiddleware => toolRetryMiddleware({ initialDelayMs: 0, maxRetries: 2 });
const errors = (): AgentMiddleware => toolErrorMiddleware({ onError: () => "the tool failed" });
const limit = (): AgentMiddleware => toolCallLimitMiddleware({ runLimit: 10 });
const summary = (): AgentMiddleware =>
  summarizationMiddleware({
    model: new ScriptedModel([new AIMessage("summary")]),
    trigger: { messages: 2 },
    keep: { messages: 10 },
  });
/** What authors write: looks at the result, counts, hands on what it got. */
const watching = (): AgentMiddleware =>
  createMiddleware({
    name: "Watching",
    wrapToolCall: async (request, handler) => {
      try {
        const result = await handler(request);
        JSON.stringify(result);
        return result;
      } finally {
        JSON.stringify(request.toolCall);
      }
    },
  });

const OTHERS: readonly (readonly [string, () => Others])[] = [
  ["none", () => ({})],
  ["retry outside", () => ({ before: [retry()] })],
  ["retry inside", () => ({ after: [retry()] })],
  ["errors outside", () => ({ before: [errors()] })],
  ["errors inside", () => ({ after: [errors()] })],
  ["summarisation and a call limit", () => ({ before: [summary()], after: [limit()] })],
  ["a watcher on both sides", () => ({ before: [watching()], after: [{ ...watching(), name: "Inner" }] })],
  ["all of them", () => ({ before: [summary(), retry(), limit()], after: [errors(), watching()] })],
  [
    "all of them, the other way",
    () => ({ before: [errors(), watching(), limit()], after: [retry(), summary()] }),
  ],
];

describe.each(VERSIONS)("createAgent %s", (version) => {
  describe.each(OTHERS)("beside %s", (_name, others) => {
    it("one call: asked once, answered, its effect once, the model called once per turn (P6)", async () => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const tools = [payTool(counter)];
      const { agent, model } = agentOf({
        version,
        backend,
        tools,
        turns: [[{ name: "pay", id: "p" }]],
        ...others(),
      });
      const paused = await agent.invoke(go, thread("t"));
      expect(interruptsIn(paused)).toHaveLength(1);
      expect(interruptsIn(paused)[0]?.value.hitl_id).toBe((await pending(backend, "t"))[0]?.hitl_id);
      expect(model.seen).toHaveLength(1);
      await answer(agent, backend, "t", "Pay x?", yes);
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ p: "paid x" });
      expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1 });
      expect(model.seen).toHaveLength(2);
    });

    it("P10 P6 three calls, two ask: both visible at once, in the backend and in the interrupts; the third runs once", async () => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const tools = [payTool(counter), lookTool(counter), wizardTool(counter)];
      const turns = [
        [
          { name: "pay", id: "p" },
          { name: "look", id: "l" },
          { name: "wizard", id: "w" },
        ],
      ];
      const { agent, model } = agentOf({ version, backend, tools, turns, ...others() });
      const paused = await agent.invoke(go, thread("t"));
      const open = (await pending(backend, "t")).map((record) => record.hitl_id).toSorted();
      expect(open).toHaveLength(2);
      const shown = interruptsIn(paused).flatMap(({ value }) => [
        value.hitl_id,
        ...(value.asks ?? []).map((ask) => ask.hitl_id),
      ]);
      expect([...new Set(shown)].toSorted()).toEqual(open);
      await answer(agent, backend, "t", "First name?", { answer: "ann" });
      // Wake-ups that carry no answer change nothing.
      await agent.invoke(null as never, thread("t"));
      await agent.invoke(wake("yes") as never, thread("t"));
      expect(counter.of("pay effect")).toBe(0);
      await answer(agent, backend, "t", "Pay x?", yes);
      await answer(agent, backend, "t", "Last name?", { answer: "lee" });
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        p: "paid x",
        l: "looked 1",
        w: "ann lee",
      });
      expect(counter.all()).toEqual({
        "pay body": 2,
        "pay effect": 1,
        look: 1,
        "wizard body": 3,
        "wizard effect": 1,
      });
      expect(model.seen).toHaveLength(2);
    });
  });

  it("P10 answered in every order, in separate requests: each call gets its own answer", async () => {
    const names = ["a", "b", "c"];
    for (const order of permutations(names)) {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const turns = [names.map((to) => ({ name: "pay", args: { to }, id: to }))];
      const { agent } = agentOf({ version, backend, tools: [payTool(counter)], turns });
      await agent.invoke(go, thread("t"));
      expect(await pending(backend, "t")).toHaveLength(3);
      for (const to of order) await answer(agent, backend, "t", `Pay ${to}?`, { confirmed: to !== "b" });
      expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
        a: "paid a",
        b: "kept b",
        c: "paid c",
      });
      expect(counter.of("pay effect")).toBe(3);
    }
  });

  it("summarisation that cuts the history before the step that asks: the thread goes on", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const summariser = new ScriptedModel([new AIMessage("summary")]);
    const cutting = summarizationMiddleware({
      model: summariser,
      trigger: { messages: 6 },
      keep: { messages: 2 },
    });
    const turns = [[{ name: "pay", id: "one" }]];
    const { agent, model } = agentOf({
      version,
      backend,
      tools: [payTool(counter)],
      turns,
      before: [cutting],
    });
    const history = ["1", "2", "3", "4", "5", "6", "7"].map((text) => new HumanMessage(text));
    await agent.invoke({ messages: history }, thread("t"));
    expect(summariser.seen).toHaveLength(1);
    expect(model.seen[0]).toHaveLength(3);
    await answer(agent, backend, "t", "Pay x?", yes);
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({ one: "paid x" });
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect": 1 });
  });

  it("several turns: a new call of the same tool is a new question (P2)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const turns = [[{ name: "pay", id: "one" }], [{ name: "pay", id: "two" }]];
    const { agent } = agentOf({ version, backend, tools: [payTool(counter)], turns });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Pay x?", yes);
    await answer(agent, backend, "t", "Pay x?", { confirmed: false });
    expect(outputs((await agent.graph.getState(thread("t"))).values)).toEqual({
      one: "paid x",
      two: "kept x",
    });
  });

  it("a model that gives two calls one id, or none: both are asked and answered", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const turns = [
      [
        { name: "pay", args: { to: "a" }, id: "same" },
        { name: "pay", args: { to: "b" }, id: "same" },
      ],
    ];
    const { agent } = agentOf({ version, backend, tools: [payTool(counter)], turns });
    await agent.invoke(go, thread("t"));
    await answer(agent, backend, "t", "Pay b?", yes);
    await answer(agent, backend, "t", "Pay a?", { confirmed: false });
    const { values } = await agent.graph.getState(thread("t"));
    const said = (values as { messages: { getType(): string; content: unknown }[] }).messages
      .filter((message) => message.getType() === "tool")
      .map((message) => message.content);
    expect(said).toEqual(["kept a", "paid b"]);
    expect(counter.of("pay effect")).toBe(2);
  });
});
