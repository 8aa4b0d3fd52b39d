/** HITLToolNode as a drop-in for ToolNode: inputs, costs, what is missing (P6). */
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  END,
  MemorySaver,
  MessagesAnnotation,
  messagesStateReducer,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createReactAgent, ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { confirm, HITLToolNode, InMemoryHITLBackend } from "../../src/index.ts";
import {
  ai,
  answer,
  Counter,
  countingBackend,
  input,
  openAsk,
  outputs,
  pending,
  ScriptedModel,
  thread,
  toolOf,
  toolsGraph,
} from "./kit.ts";

const approve = { confirmed: true };

function payTool(counter: Counter) {
  return toolOf("pay", async ({ amount }) => {
    counter.hit("pay body");
    const { confirmed } = await confirm({ message: `Pay ${String(amount)}?` });
    counter.hit("paid");
    return confirmed ? `paid ${String(amount)}` : "not paid";
  });
}

describe("input", () => {
  it("takes the messages state: asks, and goes on after the answer", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = toolsGraph(new HITLToolNode([payTool(counter)], { backend }));
    const first = await graph.invoke(input({ name: "pay", args: { amount: 5 }, id: "c1" }), thread("t"));
    expect(outputs(first)).toEqual({});
    const record = await openAsk(backend, "t");
    expect(record).toMatchObject({
      hitl_type: "confirm",
      tool_name: "pay",
      tool_call_id: "c1",
      params: { amount: 5 },
      node_id: "tools",
      thread_id: "t",
      session_id: "t",
    });
    const { status, resume } = await answer(graph, backend, "t", "Pay 5?", approve);
    expect(status).toBe("accepted");
    expect(resume?.status).toBe("resumed");
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c1: "paid 5" });
    expect(counter.all()).toEqual({ "pay body": 2, paid: 1 });
  });

  it("takes a plain array of messages and gives one back", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const State = Annotation.Root({ list: Annotation({ reducer: messagesStateReducer, default: () => [] }) });
    const node = new HITLToolNode([payTool(counter)], { backend });
    const graph = new StateGraph(State)
      .addNode("tools", async (state, config) => ({ list: await node.invoke(state.list, config) }))
      .addEdge(START, "tools")
      .addEdge("tools", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(
      { list: [new HumanMessage("go"), ai([{ name: "pay", args: { amount: 1 }, id: "c1" }])] },
      thread("t"),
    );
    await answer(graph, backend, "t", "Pay 1?", approve);
    const { values } = await graph.getState(thread("t"));
    expect(outputs((values as { list: AIMessage[] }).list)).toEqual({ c1: "paid 1" });
    expect(counter.of("paid")).toBe(1);
  });

  it("takes one call per Send: every ask is open at once, each goes on by its own answer (P10)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const calls = [
      { name: "pay", args: { amount: 1 }, id: "c1" },
      { name: "pay", args: { amount: 2 }, id: "c2" },
    ];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plan", () => ({ messages: [ai(calls)] }))
      .addNode("tools", new HITLToolNode([payTool(counter)], { backend }))
      .addEdge(START, "plan")
      .addConditionalEdges(
        "plan",
        (state) =>
          calls.map((call) => new Send("tools", { ...state, lg_tool_call: { ...call, type: "tool_call" } })),
        ["tools"],
      )
      .addEdge("tools", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke({ messages: [] }, thread("t"));
    expect((await pending(backend, "t")).map((r) => r.tool_call_id).toSorted()).toEqual(["c1", "c2"]);
    await answer(graph, backend, "t", "Pay 2?", approve);
    expect(counter.of("paid")).toBe(1);
    await answer(graph, backend, "t", "Pay 1?", { confirmed: false });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c1: "not paid", c2: "paid 2" });
    expect(counter.of("paid")).toBe(2);
  });

  it.each(["v1", "v2"] as const)(
    "is taken by createReactAgent %s; the model sees one tool message per call",
    async (version) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const llm = new ScriptedModel([
        ai([
          { name: "pay", args: { amount: 3 }, id: "c1" },
          { name: "look", id: "c2" },
        ]),
        new AIMessage("all done"),
      ]);
      const look = toolOf("look", () => `looked ${counter.hit("look")}`);
      const graph = createReactAgent({
        llm,
        tools: new HITLToolNode([payTool(counter), look], { backend }),
        version,
        checkpointer: new MemorySaver(),
      });
      await graph.invoke({ messages: [new HumanMessage("go")] }, thread("t"));
      expect(llm.seen).toHaveLength(1);
      await answer(graph, backend, "t", "Pay 3?", approve);
      const { values } = await graph.getState(thread("t"));
      expect(outputs(values)).toEqual({ c1: "paid 3", c2: "looked 1" });
      expect((values as { messages: AIMessage[] }).messages.at(-1)?.content).toBe("all done");
      expect(llm.seen).toHaveLength(2);
      expect(counter.all()).toEqual({ "pay body": 2, paid: 1, look: 1 });
    },
  );

  it("refuses what the stock node refuses, in the same words", async () => {
    for (const node of [new ToolNode([]), new HITLToolNode([], { backend: new InMemoryHITLBackend() })]) {
      await expect(node.invoke("text" as never)).rejects.toThrow(
        "ToolNode only accepts BaseMessage[] or { messages: BaseMessage[] } as input.",
      );
      await expect(node.invoke({ messages: [new HumanMessage("x")] })).rejects.toThrow(
        "ToolNode only accepts AIMessages as input.",
      );
    }
  });

  it("leaves out calls that have an answer in the state", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const graph = toolsGraph(new HITLToolNode([look], { backend }));
    const { messages } = input({ name: "look", id: "c1" }, { name: "look", id: "c2" });
    const result = await graph.invoke(
      { messages: [...messages, new ToolMessage({ content: "before", tool_call_id: "c1" })] },
      thread("t"),
    );
    expect(outputs(result)).toEqual({ c1: "before", c2: "looked 1" });
  });
});

describe("cost", () => {
  it("a step in which nobody asks touches the store not at all on its first execution (P6)", async () => {
    const { backend, calls } = countingBackend();
    const counter = new Counter();
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const graph = toolsGraph(new HITLToolNode([look], { backend }));
    await graph.invoke(input({ name: "look", id: "a" }, { name: "look", id: "b" }), thread("t"));
    expect(counter.of("look")).toBe(2);
    expect(calls).toEqual({ commit: 0, get: 0, page: 0 });
  });

  it("the first ask of a step is one commit with everything in it, whatever the number of asks (P5, P10)", async () => {
    const { backend, calls } = countingBackend();
    const counter = new Counter();
    const look = toolOf("look", () => "looked");
    const graph = toolsGraph(new HITLToolNode([payTool(counter), look], { backend }));
    await graph.invoke(
      input(
        { name: "look", id: "l" },
        { name: "pay", args: { amount: 1 }, id: "a" },
        { name: "pay", args: { amount: 2 }, id: "b" },
      ),
      { ...thread("t"), durability: "sync" },
    );
    expect(calls).toEqual({ commit: 1, get: 0, page: 0 });
    expect(await pending(backend, "t")).toHaveLength(2);
  });
});

describe("without what asking needs", () => {
  it("runs tools that do not ask without checkpointer, thread or backend", async () => {
    const look = toolOf("look", () => "looked");
    const node = new HITLToolNode([look]);
    const bare = new StateGraph(MessagesAnnotation).addNode("tools", node).addEdge(START, "tools").compile();
    expect(outputs(await bare.invoke(input({ name: "look", id: "a" })))).toEqual({ a: "looked" });
    expect(outputs(await toolsGraph(node).invoke(input({ name: "look", id: "a" }), thread("t")))).toEqual({
      a: "looked",
    });
  });

  it("a tool that asks without a checkpointer gets ERR_HITL_NO_CHECKPOINTER out of invoke, not an error for the model (2.4)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const bare = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([payTool(counter)], { backend }))
      .addEdge(START, "tools")
      .compile();
    await expect(bare.invoke(input({ name: "pay", args: { amount: 1 }, id: "a" }))).rejects.toMatchObject({
      code: "ERR_HITL_NO_CHECKPOINTER",
    });
  });

  it("a tool that asks without any backend gets ERR_HITL_NO_BACKEND out of invoke", async () => {
    const graph = toolsGraph(new HITLToolNode([payTool(new Counter())]));
    await expect(
      graph.invoke(input({ name: "pay", args: { amount: 1 }, id: "a" }), thread("t")),
    ).rejects.toMatchObject({ code: "ERR_HITL_NO_BACKEND" });
  });
});
