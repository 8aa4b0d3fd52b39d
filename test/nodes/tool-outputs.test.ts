/** What HITLToolNode gives back: messages, artifacts, commands, errors, also those that were kept (P6). */
import { isToolMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  END,
  MemorySaver,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { describe, expect, it } from "vitest";
import { confirm, HITLToolNode, InMemoryHITLBackend } from "../../src/index.ts";
import { answer, Counter, input, outputs, pending, thread, toolOf, toolsGraph } from "./kit.ts";

const approve = { confirmed: true };

function payTool(counter: Counter) {
  return toolOf("pay", async ({ amount }) => {
    counter.hit("pay body");
    const { confirmed } = await confirm({ message: `Pay ${String(amount)}?` });
    counter.hit("paid");
    return confirmed ? `paid ${String(amount)}` : "not paid";
  });
}

describe("output", () => {
  const boom = toolOf("boom", () => {
    throw new Error("broken");
  });

  it("turns a tool's error and an unknown tool into error messages, as the stock node does", async () => {
    const calls = input({ name: "boom", id: "c1" }, { name: "ghost", id: "c2" });
    const contents: unknown[] = [];
    for (const node of [
      new ToolNode([boom]),
      new HITLToolNode([boom], { backend: new InMemoryHITLBackend() }),
    ]) {
      const { messages } = await toolsGraph(node).invoke(calls, thread("t"));
      contents.push(
        messages
          .filter(isToolMessage)
          .map(({ content, status, name, tool_call_id }) => ({ content, status, name, tool_call_id })),
      );
    }
    expect(contents[1]).toEqual(contents[0]);
    expect(contents[1]).toMatchObject([
      { status: "error" },
      { status: "error", content: expect.stringContaining('Tool "ghost" not found.') },
    ]);
  });

  it("throws a tool's error with handleToolErrors: false", async () => {
    const node = new HITLToolNode([boom], { backend: new InMemoryHITLBackend(), handleToolErrors: false });
    await expect(toolsGraph(node).invoke(input({ name: "boom", id: "c1" }), thread("t"))).rejects.toThrow(
      "broken",
    );
  });

  it.each([true, false])("suspends with handleToolErrors: %s all the same", async (handleToolErrors) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = toolsGraph(new HITLToolNode([payTool(counter)], { backend, handleToolErrors }));
    await graph.invoke(input({ name: "pay", args: { amount: 1 }, id: "c1" }), thread("t"));
    await answer(graph, backend, "t", undefined, approve);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c1: "paid 1" });
  });

  it("with handleToolErrors: false a sibling's error does not run the approved call again: invoke(null) retries the failed one only (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const flaky = toolOf("flaky", async () => {
      await confirm({ message: "Flaky?" });
      if (counter.hit("flaky") === 1) throw new Error("once");
      return "fine";
    });
    const graph = toolsGraph(
      new HITLToolNode([payTool(counter), flaky], { backend, handleToolErrors: false }),
    );
    await graph.invoke(
      input({ name: "pay", args: { amount: 1 }, id: "c1" }, { name: "flaky", id: "c2" }),
      thread("t"),
    );
    await answer(graph, backend, "t", "Pay 1?", approve);
    await expect(answer(graph, backend, "t", "Flaky?", approve)).rejects.toThrow("once");
    const result = await graph.invoke(null, thread("t"));
    expect(outputs(result)).toEqual({ c1: "paid 1", c2: "fine" });
    expect(counter.all()).toMatchObject({ paid: 1, flaky: 2 });
  });

  it("keeps objects, messages with artifacts and content blocks through a suspended step (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const object = toolOf("object", () => ({ n: counter.hit("object"), nested: { a: [1, null] } }));
    const message = toolOf(
      "message",
      (_args, runtime) =>
        new ToolMessage({
          content: [{ type: "text", text: "rich" }],
          artifact: { file: "a.pdf" },
          status: "error",
          tool_call_id: runtime["toolCallId"] as string,
          name: "message",
          id: "m-1",
          additional_kwargs: { k: 1 },
        }),
    );
    const artifact = toolOf("artifact", () => ["short", { rows: [1, 2, 3] }], {
      responseFormat: "content_and_artifact",
    });
    const node = new HITLToolNode([payTool(counter), object, message, artifact], { backend });
    const graph = toolsGraph(node);
    await graph.invoke(
      input(
        { name: "object", id: "o" },
        { name: "message", id: "m" },
        { name: "artifact", id: "a" },
        { name: "pay", args: { amount: 1 }, id: "p" },
      ),
      thread("t"),
    );
    await answer(graph, backend, "t", undefined, approve);
    const { messages } = (await graph.getState(thread("t"))).values as { messages: ToolMessage[] };
    const byId = Object.fromEntries(messages.filter(isToolMessage).map((m) => [m.tool_call_id, m]));
    expect(byId["o"]).toMatchObject({
      content: '{"n":1,"nested":{"a":[1,null]}}',
      name: "object",
      status: "success",
    });
    expect(byId["m"]).toMatchObject({
      content: [{ type: "text", text: "rich" }],
      artifact: { file: "a.pdf" },
      status: "error",
      id: "m-1",
      additional_kwargs: { k: 1 },
    });
    expect(byId["a"]).toMatchObject({ content: "short", artifact: { rows: [1, 2, 3] } });
    expect(counter.of("object")).toBe(1);
  });

  it("an artifact that is no JSON does not lose the call: what the checkpointer can keep, is kept (P6)", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const made = new Date(0);
    const dated = toolOf(
      "dated",
      () => ["text", { at: made, bytes: new Uint8Array([1, 2]), map: new Map([["k", 1]]), skip: undefined }],
      { responseFormat: "content_and_artifact" },
    );
    const graph = toolsGraph(new HITLToolNode([dated, payTool(counter)], { backend }));
    await graph.invoke(
      input({ name: "dated", id: "d" }, { name: "pay", args: { amount: 1 }, id: "p" }),
      thread("t"),
    );
    await answer(graph, backend, "t", undefined, approve);
    expect(outputs((await graph.getState(thread("t"))).values)).toMatchObject({ d: "text", p: "paid 1" });
  });

  it("gives Commands on, also kept ones, and merges Sends to the parent as the stock node does", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const State = Annotation.Root({
      ...MessagesAnnotation.spec,
      noted: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
    });
    const note = toolOf("note", (_args, runtime) => {
      counter.hit("note");
      return new Command({
        update: {
          noted: ["n"],
          messages: [new ToolMessage({ content: "noted", tool_call_id: runtime["toolCallId"] as string })],
        },
      });
    });
    const graph = new StateGraph(State)
      .addNode("tools", new HITLToolNode([note, payTool(counter)], { backend }))
      .addEdge(START, "tools")
      .addEdge("tools", END)
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(
      input({ name: "note", id: "n" }, { name: "pay", args: { amount: 1 }, id: "p" }),
      thread("t"),
    );
    await answer(graph, backend, "t", undefined, approve);
    const { values } = await graph.getState(thread("t"));
    expect(values).toMatchObject({ noted: ["n"] });
    expect(outputs(values)).toEqual({ n: "noted", p: "paid 1" });
    expect(counter.of("note")).toBe(1);
  });

  it("a kept Command to the parent graph still goes there", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const handOver = toolOf("hand_over", (_args, runtime) => {
      counter.hit("hand over");
      const done = new ToolMessage({ content: "handed over", tool_call_id: runtime["toolCallId"] as string });
      return new Command({ graph: Command.PARENT, goto: [new Send("boss", { messages: [done] })] });
    });
    const agent = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([handOver, payTool(counter)], { backend }))
      .addEdge(START, "tools")
      .compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", agent, { ends: ["boss"] })
      .addNode("boss", () => {
        counter.hit("boss");
        return {};
      })
      .addEdge(START, "agent")
      .compile({ checkpointer: new MemorySaver() });
    await graph.invoke(
      input({ name: "hand_over", id: "h" }, { name: "pay", args: { amount: 1 }, id: "p" }),
      thread("t"),
    );
    expect(counter.of("boss")).toBe(0);
    await answer(graph, backend, "t", undefined, approve);
    expect(counter.all()).toEqual({ "hand over": 1, "pay body": 2, paid: 1, boss: 1 });
  });

  it("tells calls without an id apart by their position", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const graph = toolsGraph(new HITLToolNode([payTool(counter)], { backend }));
    await graph.invoke(
      input({ name: "pay", args: { amount: 1 } }, { name: "pay", args: { amount: 2 } }),
      thread("t"),
    );
    expect(await pending(backend, "t")).toHaveLength(2);
    await answer(graph, backend, "t", "Pay 2?", { confirmed: false });
    await answer(graph, backend, "t", "Pay 1?", approve);
    const { messages } = (await graph.getState(thread("t"))).values as { messages: ToolMessage[] };
    expect(messages.filter(isToolMessage).map((m) => m.content)).toEqual(["paid 1", "not paid"]);
  });
});
