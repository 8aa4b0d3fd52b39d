/** holdpointTools: tools that can ask in any node that runs them; outside a graph they are the tools themselves. */
import { AIMessage, type BaseMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { type LangGraphRunnableConfig, MemorySaver } from "@langchain/langgraph";
import { createReactAgent, ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  confirm,
  HITLSuspend,
  holdpointTools,
  InMemoryHITLBackend,
  resumption,
  step,
} from "../../src/index.ts";
import {
  ai,
  answer,
  Counter,
  countingBackend,
  input,
  outputs,
  pending,
  ScriptedModel,
  thread,
  toolOf,
  toolsGraph,
} from "./kit.ts";

const yes = { confirmed: true };

function payTool(counter: Counter) {
  return toolOf("pay", async ({ amount = 1 }) => {
    counter.hit("pay body");
    const { confirmed } = await confirm({ message: `Pay ${String(amount)}?` });
    counter.hit("paid");
    return confirmed ? `paid ${String(amount)}` : "not paid";
  });
}

describe("in a stock ToolNode", () => {
  it("asks, goes on, and runs finished siblings once (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const graph = toolsGraph(new ToolNode(holdpointTools([payTool(counter), look], { backend })));
    await graph.invoke(input({ name: "look", id: "l" }, { name: "pay", id: "p" }), thread("t"));
    await answer(graph, backend, "t", "Pay 1?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ l: "looked 1", p: "paid 1" });
    expect(counter.all()).toEqual({ "pay body": 2, paid: 1, look: 1 });
  });

  it("response and continuation mode work as in HITLToolNode", async () => {
    const backend = new InMemoryHITLBackend();
    const choose = toolOf("choose", () => {
      throw new HITLSuspend({ data: { message: "Which?" } });
    });
    const wizard = toolOf("wizard", () => {
      const resumed = resumption();
      if (resumed)
        return `hello ${(resumed.response as { answer: string }).answer}${String(resumed.tool_state?.["mark"])}`;
      throw new HITLSuspend({
        resume_mode: "continuation",
        tool_state: { mark: "!" },
        data: { message: "Name?" },
      });
    });
    const graph = toolsGraph(new ToolNode(holdpointTools([choose, wizard], { backend })));
    await graph.invoke(input({ name: "choose", id: "c" }, { name: "wizard", id: "w" }), thread("t"));
    expect(await pending(backend, "t")).toHaveLength(2);
    await answer(graph, backend, "t", "Name?", { answer: "ann" });
    await answer(graph, backend, "t", "Which?", { answer: "this" });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      c: '{"answer":"this"}',
      w: "hello ann!",
    });
  });

  it("an object result is kept in the form in which the first run gave it", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const object = toolOf("object", () => ({ n: counter.hit("object") }));
    const plain = await toolsGraph(new ToolNode([object])).invoke(
      input({ name: "object", id: "o" }),
      thread("t"),
    );
    const graph = toolsGraph(new ToolNode(holdpointTools([object, payTool(counter)], { backend })));
    await graph.invoke(input({ name: "object", id: "o" }, { name: "pay", id: "p" }), thread("t"));
    await answer(graph, backend, "t", undefined, yes);
    expect(String(outputs((await graph.getState(thread("t"))).values)["o"])).toBe(
      String(outputs(plain)["o"]).replace("1", "2"),
    );
  });

  it("a step in which nobody asks reads nothing on its first execution", async () => {
    const { backend, calls } = countingBackend();
    const look = toolOf("look", () => "looked");
    await toolsGraph(new ToolNode(holdpointTools([look], { backend }))).invoke(
      input({ name: "look", id: "a" }),
      thread("t"),
    );
    expect(calls.get + calls.page).toBe(0);
    expect(calls.commit).toBeLessThanOrEqual(1);
  });
});

describe.each(["v1", "v2"] as const)("in createReactAgent %s", (version) => {
  it("parallel asks are answered in any order; the model is called once per turn", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const llm = new ScriptedModel([
      ai([
        { name: "pay", args: { amount: 1 }, id: "a" },
        { name: "look", id: "l" },
        { name: "pay", args: { amount: 2 }, id: "b" },
      ]),
      new AIMessage("done"),
    ]);
    const look = toolOf("look", () => `looked ${counter.hit("look")}`);
    const graph = createReactAgent({
      llm,
      tools: holdpointTools([payTool(counter), look], { backend }),
      version,
      checkpointer: new MemorySaver(),
    });
    await graph.invoke({ messages: [new HumanMessage("go")] }, thread("t"));
    expect((await pending(backend, "t")).map((record) => record.tool_call_id).toSorted()).toEqual(["a", "b"]);
    await answer(graph, backend, "t", "Pay 2?", { confirmed: false });
    expect(llm.seen).toHaveLength(1);
    await answer(graph, backend, "t", "Pay 1?", yes);
    const { values } = await graph.getState(thread("t"));
    expect(outputs(values)).toEqual({ a: "paid 1", b: "not paid", l: "looked 1" });
    expect(llm.seen).toHaveLength(2);
    expect(counter.all()).toEqual({ "pay body": 4, paid: 2, look: 1 });
  });

  it("several turns in one thread: a new call of the same tool is a new question", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const call = { name: "pay", args: { amount: 1 }, id: "same-id" };
    const llm = new ScriptedModel([ai([call]), ai([{ ...call, id: "other" }]), new AIMessage("done")]);
    const graph = createReactAgent({
      llm,
      tools: holdpointTools([payTool(counter)], { backend }),
      version,
      checkpointer: new MemorySaver(),
    });
    await graph.invoke({ messages: [new HumanMessage("go")] }, thread("t"));
    await answer(graph, backend, "t", undefined, yes);
    await answer(graph, backend, "t", undefined, { confirmed: false });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({
      "same-id": "paid 1",
      other: "not paid",
    });
  });
});

describe("in a hand-written node", () => {
  it("called with the tool call and the config", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const [pay] = holdpointTools([payTool(counter)], { backend });
    const graph = toolsGraph(async (state: { messages: BaseMessage[] }, config: LangGraphRunnableConfig) => {
      const calls =
        (state.messages.findLast((message) => message.getType() === "ai") as AIMessage).tool_calls ?? [];
      const messages: ToolMessage[] = [];
      for (const call of calls)
        messages.push((await pay!.invoke({ ...call, type: "tool_call" }, config)) as ToolMessage);
      return { messages };
    });
    await graph.invoke(
      input({ name: "pay", args: { amount: 1 }, id: "a" }, { name: "pay", args: { amount: 2 }, id: "b" }),
      thread("t"),
    );
    await answer(graph, backend, "t", "Pay 1?", yes);
    await answer(graph, backend, "t", "Pay 2?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ a: "paid 1", b: "paid 2" });
    expect(counter.all()).toEqual({ "pay body": 4, paid: 2 });
  });
});

describe("the tool itself", () => {
  const schema = z.object({ a: z.number(), b: z.number() });
  const add = tool(({ a, b }) => a + b, {
    name: "add",
    description: "Adds.",
    schema,
    returnDirect: true,
    tags: ["math"],
    metadata: { m: 1 },
  });

  it("keeps its name, schema, flags and class; the original is not changed", () => {
    const before = add.invoke;
    const [wrapped] = holdpointTools([add], { backend: new InMemoryHITLBackend() });
    expect(wrapped).toMatchObject({
      name: "add",
      description: "Adds.",
      returnDirect: true,
      tags: ["math"],
      metadata: { m: 1 },
    });
    expect(wrapped?.schema).toBe(schema);
    expect(wrapped).toBeInstanceOf(add.constructor);
    expect(add.invoke).toBe(before);
  });

  it("outside a graph it behaves as the tool itself: arguments, tool calls, errors", async () => {
    const [wrapped] = holdpointTools([add], { backend: new InMemoryHITLBackend() });
    expect(await wrapped!.invoke({ a: 1, b: 2 })).toEqual(await add.invoke({ a: 1, b: 2 }));
    const call = { type: "tool_call" as const, id: "c", name: "add", args: { a: 1, b: 2 } };
    expect(await wrapped!.invoke(call)).toEqual(await add.invoke(call));
    await expect(wrapped!.invoke({ a: "x" } as never)).rejects.toThrow();
    expect(
      await wrapped!.batch([
        { a: 1, b: 1 },
        { a: 2, b: 2 },
      ]),
    ).toEqual(
      await add.batch([
        { a: 1, b: 1 },
        { a: 2, b: 2 },
      ]),
    );
  });

  it("outside a graph a tool that asks says what is missing, with a typed error", async () => {
    const [wrapped] = holdpointTools([payTool(new Counter())], { backend: new InMemoryHITLBackend() });
    await expect(wrapped!.invoke({ amount: 1 })).rejects.toMatchObject({ code: "ERR_HITL_NO_CALL_IDENTITY" });
  });

  it("is what a model gets to see by bindTools", async () => {
    const llm = new ScriptedModel([]);
    const [wrapped] = holdpointTools([add], { backend: new InMemoryHITLBackend() });
    llm.bindTools([wrapped]);
    expect(llm.bound).toEqual([wrapped]);
  });

  it("wrapped twice it asks once", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const tools = holdpointTools(holdpointTools([payTool(counter)], { backend }), { backend });
    const graph = toolsGraph(new ToolNode(tools));
    await graph.invoke(input({ name: "pay", id: "p" }), thread("t"));
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", undefined, yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "paid 1" });
    expect(counter.of("paid")).toBe(1);
  });

  it("a wrapped tool that calls another wrapped tool: both may ask, the inner one is a call of its own", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const [inner] = holdpointTools([payTool(counter)], { backend });
    const outer = toolOf("outer", async (_args, runtime) => {
      const before = await step("before", () => counter.hit("before"));
      const paid = await inner!.invoke(
        { type: "tool_call", id: "inner", name: "pay", args: { amount: 9 } },
        runtime as never,
      );
      return `${before} ${String((paid as ToolMessage).content)}`;
    });
    const graph = toolsGraph(new ToolNode(holdpointTools([outer], { backend })));
    await graph.invoke(input({ name: "outer", id: "o" }), thread("t"));
    await answer(graph, backend, "t", "Pay 9?", yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ o: "1 paid 9" });
    expect(counter.all()).toMatchObject({ paid: 1, before: 1 });
  });
});
