/** Subgraphs, agents in tools, agents in nodes, Send fan-out on 1.4 (F16, F17): what ran runs once, every ask is visible. */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { StructuredToolInterface } from "@langchain/core/tools";
import {
  Annotation,
  END,
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { createAgent } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import {
  configureHoldpoint,
  confirm,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
} from "../../src/index.ts";
import {
  ai,
  answer,
  Counter,
  input,
  outputs,
  pending,
  permutations,
  ScriptedModel,
  thread,
  toolOf,
  toolsGraph,
} from "./kit.ts";

const yes = { confirmed: true };
let restore = (): void => {};
afterEach(() => restore());

function asking(counter: Counter, name: string) {
  return toolOf(name, async ({ to = "x" }) => {
    counter.hit(`${name} body`);
    const { confirmed } = await confirm({ message: `${name} ${String(to)}?` });
    counter.hit(`${name} effect ${String(to)}`);
    return `${name} ${String(to)} ${confirmed}`;
  });
}

describe("a subgraph as a node", () => {
  it.each([[undefined], [true]] as const)(
    "with checkpointer %s: asks, and each part runs once",
    async (checkpointer) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const look = toolOf("look", () => `looked ${counter.hit("look")}`);
      const inner = new StateGraph(MessagesAnnotation)
        .addNode("before", () => (counter.hit("before"), {}))
        .addNode("tools", new HITLToolNode([asking(counter, "pay"), look], { backend }))
        .addEdge(START, "before")
        .addEdge("before", "tools")
        .addEdge("tools", END)
        .compile(checkpointer === undefined ? {} : { checkpointer });
      const graph = toolsGraph(inner, new MemorySaver(), () => counter.hit("after"));
      await graph.invoke(
        input(
          { name: "pay", args: { to: "a" }, id: "a" },
          { name: "look", id: "l" },
          { name: "pay", args: { to: "b" }, id: "b" },
        ),
        thread("t"),
      );
      const open = await pending(backend, "t");
      expect(open).toHaveLength(2);
      expect(open[0]?.checkpoint_ns).toMatch(/^tools.*\|tools:/);
      await answer(graph, backend, "t", "pay b?", yes);
      expect(counter.all()).toMatchObject({ "pay effect b": 1 });
      await answer(graph, backend, "t", "pay a?", yes);
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
        a: "pay a true",
        b: "pay b true",
        l: "looked 1",
      });
      expect(counter.all()).toEqual({
        before: 1,
        look: 1,
        "pay body": 4,
        "pay effect a": 1,
        "pay effect b": 1,
        after: 1,
      });
    },
  );

  it("with checkpointer: false: ERR_HITL_SUBGRAPH_CHECKPOINTER, and nothing is asked", async () => {
    const backend = new InMemoryHITLBackend();
    const inner = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([asking(new Counter(), "pay")], { backend }))
      .addEdge(START, "tools")
      .compile({ checkpointer: false });
    const graph = toolsGraph(inner);
    await expect(graph.invoke(input({ name: "pay", id: "a" }), thread("t"))).rejects.toMatchObject({
      code: expect.stringMatching(/^ERR_HITL_(SUBGRAPH_CHECKPOINTER|NO_CHECKPOINTER)$/),
    });
    expect((await backend.list({})).items).toEqual([]);
  });

  it.each(["sync", "async"] as const)("three levels deep, durability %s", async (durability) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const level = (node: unknown) =>
      new StateGraph(MessagesAnnotation)
        .addNode("sub", node as never)
        .addEdge(START, "sub")
        .addEdge("sub", END)
        .compile();
    const graph = toolsGraph(level(level(new HITLToolNode([asking(counter, "pay")], { backend }))));
    await graph.invoke(input({ name: "pay", id: "a" }), { ...thread("t"), durability });
    await answer(graph, backend, "t", undefined, yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: "pay x true" });
    expect(counter.all()).toEqual({ "pay body": 2, "pay effect x": 1 });
  });
});

/** An agent whose model calls `inner` once per name, and then says what the tools said. */
function agentOf(
  counter: Counter,
  backend: InMemoryHITLBackend,
  name: string,
  calls: string[],
  extra: StructuredToolInterface[] = [],
  version: "v1" | "v2" = "v1",
) {
  const llm = new ScriptedModel([
    ai([
      ...calls.map((to) => ({ name: "inner", args: { to }, id: `${name}-${to}` })),
      ...extra.map((tool) => ({ name: tool.name, id: `${name}-${tool.name}` })),
    ]),
    new AIMessage(`${name} done`),
  ]);
  const agent = createReactAgent({
    llm,
    tools: new HITLToolNode([asking(counter, "inner"), ...extra], { backend }),
    version,
  });
  return { agent, llm };
}

const said = (result: unknown): string => {
  const { messages } = result as { messages: BaseMessage[] };
  const tools = messages
    .filter((message) => message.getType() === "tool")
    .map((message) => String(message.content));
  return `${tools.join("+")} / ${String(messages.at(-1)?.content)}`;
};

describe("an agent invoked inside a tool", () => {
  it.each(["v1", "v2"] as const)(
    "createReactAgent %s: its asks are open, it goes on where it was, its plain tools run once",
    async (version) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const look = toolOf("look", () => `looked ${counter.hit("look")}`);
      const { agent, llm } = agentOf(counter, backend, "A", ["1", "2"], [look], version);
      const delegate = toolOf("delegate", async (_args, runtime) => {
        counter.hit("delegate");
        return said(
          await agent.invoke({ messages: [new HumanMessage("go")] }, runtime as LangGraphRunnableConfig),
        );
      });
      const graph = toolsGraph(new HITLToolNode([delegate], { backend }), new MemorySaver(), () =>
        counter.hit("after"),
      );
      await graph.invoke(input({ name: "delegate", id: "d" }), thread("t"));
      expect(await pending(backend, "t")).toHaveLength(2);
      await answer(graph, backend, "t", "inner 2?", yes);
      await answer(graph, backend, "t", "inner 1?", { confirmed: false });
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
        d: "inner 1 false+inner 2 true+looked 1 / A done",
      });
      expect(counter.all()).toMatchObject({ "inner effect 1": 1, "inner effect 2": 1, look: 1, after: 1 });
      expect(llm.seen).toHaveLength(2);
    },
  );

  it.each(permutations(["A", "B"]).map((order) => [order] as const))(
    "two agents in two parallel tools, answered in the order %j: no namespace is swapped",
    async (order) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const agents = Object.fromEntries(
        ["A", "B"].map((name) => [name, agentOf(counter, backend, name, [name])]),
      );
      const delegate = toolOf("delegate", async ({ to }, runtime) =>
        said(
          await agents[String(to)]!.agent.invoke(
            { messages: [new HumanMessage(`go ${String(to)}`)] },
            runtime as LangGraphRunnableConfig,
          ),
        ),
      );
      const graph = toolsGraph(new HITLToolNode([delegate], { backend }), new MemorySaver(), () =>
        counter.hit("after"),
      );
      await graph.invoke(
        input(
          { name: "delegate", args: { to: "A" }, id: "a" },
          { name: "delegate", args: { to: "B" }, id: "b" },
        ),
        thread("t"),
      );
      expect(await pending(backend, "t")).toHaveLength(2);
      for (const name of order)
        await answer(graph, backend, "t", `inner ${name}?`, { confirmed: name === "A" });
      expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
        a: "inner A true / A done",
        b: "inner B false / B done",
      });
      expect(counter.all()).toEqual({ "inner body": 4, "inner effect A": 1, "inner effect B": 1, after: 1 });
      for (const { llm } of Object.values(agents)) expect(llm.seen).toHaveLength(2);
    },
  );

  it("one agent finishes at once while the other asks: the finished one is not run again (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const quick = agentOf(counter, backend, "Q", [], [toolOf("look", () => `looked ${counter.hit("look")}`)]);
    const asks = agentOf(counter, backend, "A", ["1"]);
    const delegate = toolOf("delegate", async ({ to }, runtime) =>
      said(
        await (to === "Q" ? quick : asks).agent.invoke(
          { messages: [new HumanMessage("go")] },
          runtime as LangGraphRunnableConfig,
        ),
      ),
    );
    const graph = toolsGraph(new HITLToolNode([delegate], { backend }));
    await graph.invoke(
      input(
        { name: "delegate", args: { to: "Q" }, id: "q" },
        { name: "delegate", args: { to: "A" }, id: "a" },
      ),
      thread("t"),
    );
    await answer(graph, backend, "t", "inner 1?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      q: "looked 1 / Q done",
      a: "inner 1 true / A done",
    });
    expect(quick.llm.seen).toHaveLength(2);
    expect(counter.of("look")).toBe(1);
  });

  it("an agent that asks twice in sequence, beside a tool that asks itself", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const llm = new ScriptedModel([
      ai([{ name: "inner", args: { to: "1" }, id: "i1" }]),
      ai([{ name: "inner", args: { to: "2" }, id: "i2" }]),
      new AIMessage("done"),
    ]);
    const agent = createReactAgent({ llm, tools: new HITLToolNode([asking(counter, "inner")], { backend }) });
    const delegate = toolOf("delegate", async (_args, runtime) =>
      said(await agent.invoke({ messages: [new HumanMessage("go")] }, runtime as LangGraphRunnableConfig)),
    );
    const graph = toolsGraph(new HITLToolNode([delegate, asking(counter, "pay")], { backend }));
    await graph.invoke(input({ name: "delegate", id: "d" }, { name: "pay", id: "p" }), thread("t"));
    await answer(graph, backend, "t", "inner 1?", yes);
    expect((await pending(backend, "t")).map((record) => record.data["message"]).toSorted()).toEqual([
      "inner 2?",
      "pay x?",
    ]);
    await answer(graph, backend, "t", "pay x?", yes);
    await answer(graph, backend, "t", "inner 2?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      d: "inner 1 true+inner 2 true / done",
      p: "pay x true",
    });
    expect(counter.all()).toMatchObject({ "inner effect 1": 1, "inner effect 2": 1, "pay effect x": 1 });
    expect(llm.seen).toHaveLength(3);
  });

  it("a tool that asks itself before it calls its agent: both answers stay", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const { agent } = agentOf(counter, backend, "A", ["1"]);
    const delegate = toolOf("delegate", async (_args, runtime) => {
      const { confirmed } = await confirm({ message: "Delegate?" });
      const text = said(
        await agent.invoke({ messages: [new HumanMessage("go")] }, runtime as LangGraphRunnableConfig),
      );
      return `${confirmed} ${text} ${(await confirm({ message: "Keep?" })).confirmed}`;
    });
    const graph = toolsGraph(new HITLToolNode([delegate], { backend }));
    await graph.invoke(input({ name: "delegate", id: "d" }), thread("t"));
    for (const message of ["Delegate?", "inner 1?", "Keep?"]) await answer(graph, backend, "t", message, yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      d: "true inner 1 true / A done true",
    });
    expect(counter.of("inner effect 1")).toBe(1);
  });
});

describe("langchain's createAgent inside a node, with wrapped tools", () => {
  it("every ask is visible, finished siblings and approved code run once (F16)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const model = new ScriptedModel([
      ai([
        { name: "inner", args: { to: "1" }, id: "i1" },
        { name: "look", id: "l" },
        { name: "inner", args: { to: "2" }, id: "i2" },
      ]),
      new AIMessage("done"),
    ]);
    const agent = createAgent({
      model: model as never,
      tools: holdpointTools([asking(counter, "inner"), look], { backend }) as never,
    });
    const graph = toolsGraph(
      async (_state: object, config: LangGraphRunnableConfig) => {
        const { messages } = (await agent.invoke(
          { messages: [new HumanMessage("go")] },
          config as never,
        )) as { messages: BaseMessage[] };
        return { messages: messages.slice(1) };
      },
      new MemorySaver(),
      () => counter.hit("after"),
    );
    await graph.invoke({ messages: [] }, thread("t"));
    expect(await pending(backend, "t")).toHaveLength(2);
    await answer(graph, backend, "t", "inner 2?", yes);
    await answer(graph, backend, "t", "inner 1?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      i1: "inner 1 true",
      l: "looked 1",
      i2: "inner 2 true",
    });
    expect(counter.all()).toMatchObject({ look: 1, "inner effect 1": 1, "inner effect 2": 1, after: 1 });
    expect(model.seen).toHaveLength(2);
  });
});

describe("Send fan-out of plain nodes that ask (F17)", () => {
  it.each(
    permutations(["a", "b", "c"])
      .slice(0, 4)
      .map((order) => [order] as const),
  )("answered in the order %j: code after an approval runs once per item", async (order) => {
    const backend = new InMemoryHITLBackend();
    restore = configureHoldpoint({ backend });
    const counter = new Counter();
    const State = Annotation.Root({
      item: Annotation<string>(),
      done: Annotation<string[]>({ reducer: (x, y) => [...x, ...y], default: () => [] }),
    });
    const graph = new StateGraph(State)
      .addNode("work", async ({ item }) => {
        const { confirmed } = await confirm({ message: `${item}?` });
        counter.hit(`effect ${item}`);
        return { done: [`${item} ${confirmed}`] };
      })
      .addConditionalEdges(START, () => ["a", "b", "c"].map((item) => new Send("work", { item })), ["work"])
      .addEdge("work", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({}, thread("t"));
    expect(await pending(backend, "t")).toHaveLength(3);
    for (const item of order) await answer(graph, backend, "t", `${item}?`, { confirmed: item !== "b" });
    expect(((await graph.getState(thread("t"))).values as { done: string[] }).done.toSorted()).toEqual([
      "a true",
      "b false",
      "c true",
    ]);
    expect(counter.all()).toEqual({ "effect a": 1, "effect b": 1, "effect c": 1 });
  });
});
