/** sendMessage in the graphs that people have: prebuilt agents, createAgent, an agent inside a graph, plain nodes. */
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  StateGraph,
} from "@langchain/langgraph";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { createAgent } from "langchain";
import { describe, expect, it } from "vitest";
import { confirm, HITLToolNode, holdpointTools, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import type { MessageGraph } from "../../src/nodes/message/message-graph.ts";
import { sendMessage } from "../../src/nodes/message/send-message.ts";
import { ai, ScriptedModel } from "../nodes/kit.ts";
import { shopTools } from "../middleware/chat.ts";
import { assertAccepted, call, openAsk, said, thread, toolOf } from "./kit.ts";

const yes = { confirmed: true };
const cancelled = (id: string): unknown =>
  expect.stringMatching(new RegExp(`^${id}: The call was cancelled`));

const calls = [
  { name: "look", id: "l" },
  { name: "pay", id: "a", args: { to: "ann" } },
  { name: "pay", id: "b", args: { to: "bob" } },
];
/** By how often the conversation has an AI message: two answers, then texts. */
const script = [ai(calls), new AIMessage("first"), new AIMessage("second")];

interface Host {
  readonly backend: InMemoryHITLBackend;
  readonly effects: string[];
  readonly graph: MessageGraph<unknown>;
  readonly model: ScriptedModel;
}

const hosts: Readonly<Record<string, () => Host>> = {
  "createReactAgent with HITLToolNode": () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const model = new ScriptedModel(script);
    const node = new HITLToolNode(shopTools(effects), { backend });
    return {
      backend,
      effects,
      model,
      graph: createReactAgent({ llm: model, tools: node, checkpointer: new MemorySaver() }),
    };
  },
  "createReactAgent v2 with wrapped tools, a task for each call": () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const model = new ScriptedModel(script);
    const wrapped = holdpointTools(shopTools(effects), { backend });
    const graph = createReactAgent({
      llm: model,
      tools: wrapped,
      version: "v2",
      checkpointer: new MemorySaver(),
    });
    return { backend, effects, model, graph };
  },
  "createAgent with wrapped tools": () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const model = new ScriptedModel(script);
    const wrapped = holdpointTools(shopTools(effects), { backend });
    return {
      backend,
      effects,
      model,
      graph: createAgent({ model, tools: wrapped, checkpointer: new MemorySaver() }),
    };
  },
  "createAgent as a node of a graph": () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const model = new ScriptedModel(script);
    const agent = createAgent({ model, tools: holdpointTools(shopTools(effects), { backend }) });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", agent.graph)
      .addEdge("__start__", "agent")
      .compile({ checkpointer: new MemorySaver() });
    return { backend, effects, model, graph: graph as never };
  },
  "an agent that a node calls": () => {
    const backend = new InMemoryHITLBackend();
    const effects: string[] = [];
    const model = new ScriptedModel(script);
    const agent = createReactAgent({ llm: model, tools: new HITLToolNode(shopTools(effects), { backend }) });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("agent", async ({ messages }) => agent.invoke({ messages }))
      .addEdge("__start__", "agent")
      .compile({ checkpointer: new MemorySaver() });
    return { backend, effects, model, graph };
  },
};

const messagesOf = async ({ graph }: Host): Promise<BaseMessage[]> =>
  ((await graph.getState(thread("t"))).values as { messages: BaseMessage[] }).messages;

describe.each(Object.entries(hosts))("%s", (_, make) => {
  const send = (host: Host, message: string, options = {}) =>
    sendMessage(host.graph, {
      backend: host.backend,
      thread_id: "t",
      message,
      ifNotExists: "create",
      ...options,
    });

  it("wait: the message goes in behind the results (F11)", async () => {
    const host = make();
    const { backend, graph, effects, model } = host;
    await send(host, "go");
    expect(await send(host, "and then?")).toMatchObject({ status: "waiting", pending: [{}, {}] });
    for (const who of ["bob", "ann"]) {
      const { hitl_id } = await openAsk(backend, "t", `Pay ${who}?`);
      await respondAndResume(graph, { backend, hitl_id, response: yes });
    }
    expect(said(await messagesOf(host))).toEqual([
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      "a: paid",
      "b: paid",
      "ai: first",
      "human: and then?",
      "ai: second",
    ]);
    for (const seen of model.seen) assertAccepted(seen);
    expect(effects.toSorted()).toEqual(["looked", "paid ann", "paid bob"]);
  });

  it("cancel: what ran keeps its result (P6), the rest is cancelled, and the model sees the message with it", async () => {
    const host = make();
    const { backend, graph, effects, model } = host;
    await send(host, "go");
    const { hitl_id } = await openAsk(backend, "t", "Pay bob?");
    await respondAndResume(graph, { backend, hitl_id, response: yes });
    expect(await send(host, "stop", { whenPending: "cancel" })).toMatchObject({
      status: "delivered",
      pending: [],
    });
    expect(said(await messagesOf(host))).toEqual([
      "human: go",
      "ai: →l →a →b",
      "l: sunny",
      cancelled("a"),
      "b: paid",
      "human: stop",
      "ai: first",
    ]);
    expect(model.seen).toHaveLength(2);
    for (const seen of model.seen) assertAccepted(seen);
    expect(effects.toSorted()).toEqual(["looked", "paid bob"]);
  });
});

describe("other graphs", () => {
  it("messages under another key, and a tool that changes the state beside them", async () => {
    const backend = new InMemoryHITLBackend();
    const State = Annotation.Root({
      chat: MessagesAnnotation.spec.messages,
      notes: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
    });
    const note = (name: string) =>
      toolOf(name, (_, runtime) => {
        const content = `${name} noted`;
        const tool_call_id = runtime["toolCallId"] as string;
        return new Command({ update: { chat: [new ToolMessage({ content, tool_call_id })], notes: [name] } });
      });
    const ask = toolOf("ask", async () => String((await confirm({ message: "Go?" })).confirmed));
    const node = new HITLToolNode([note("one"), note("two"), ask], { backend });
    const graph = new StateGraph(State)
      .addNode("model", ({ chat }) => {
        assertAccepted(chat);
        return {
          chat: [
            chat.length === 1 ? ai([call("one", "1"), call("ask", "q"), call("two", "2")] as never) : ai([]),
          ],
        };
      })
      .addNode("tools", async ({ chat }, config) => {
        const done = (await node.invoke({ messages: chat }, config)) as unknown as {
          messages?: BaseMessage[];
        };
        return (Array.isArray(done) ? done : { chat: done.messages }) as never;
      })
      .addEdge("__start__", "model")
      .addConditionalEdges("model", ({ chat }) => (chat.length === 2 ? "tools" : "__end__"))
      .addEdge("tools", "model")
      .compile({ checkpointer: new MemorySaver() });
    const to = { backend, thread_id: "t", messagesKey: "chat" };
    await sendMessage(graph, { ...to, message: "go", ifNotExists: "create" });
    expect(await sendMessage(graph, { ...to, message: "stop", whenPending: "cancel" })).toMatchObject({
      status: "delivered",
    });
    const { chat, notes } = (await graph.getState(thread("t"))).values as typeof State.State;
    expect(said(chat).slice(2, 6)).toEqual(["1: one noted", cancelled("q"), "2: two noted", "human: stop"]);
    expect(notes).toEqual(["one", "two"]);
  });

  it("a plain node that asks, and LangGraph's own interrupt: wait waits, cancel goes on with the message", async () => {
    const backend = new InMemoryHITLBackend();
    for (const ask of [() => confirm({ message: "Go?" }), () => interrupt("Go?")]) {
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("ask", async ({ messages }) => {
          if (messages.at(-1)?.text !== "stop") await ask();
          return {};
        })
        .addNode("reply", ({ messages }) => ({ messages: [new AIMessage(`ok ${messages.at(-1)?.text}`)] }))
        .addEdge("__start__", "ask")
        .addEdge("ask", "reply")
        .compile({ checkpointer: new MemorySaver() });
      const to = { backend: new InMemoryHITLBackend(), thread_id: "t" };
      const config = { configurable: { holdpoint: { backend: to.backend } } };
      await sendMessage(graph, { ...to, config, message: "go", ifNotExists: "create" });
      expect(await sendMessage(graph, { ...to, config, message: "hm" })).toMatchObject({ status: "waiting" });
      expect(
        await sendMessage(graph, { ...to, config, message: "stop", whenPending: "cancel" }),
      ).toMatchObject({
        status: "delivered",
        pending: [],
      });
      expect(said((await graph.getState(thread("t"))).values)).toEqual([
        "human: go",
        "human: hm",
        "human: stop",
        "ai: ok stop",
      ]);
    }
    await backend.close();
  });

  it("a list that was broken before, by input past an interrupt, is mended with the next message", async () => {
    const host = (hosts["createReactAgent with HITLToolNode"] as () => Host)();
    const { graph, backend, model } = host;
    await graph.invoke(
      { messages: [new HumanMessage("go"), ai([call("look", "x")] as never), new HumanMessage("?")] },
      thread("t"),
    );
    expect(() => model.seen.forEach(assertAccepted)).toThrow("x");
    model.seen.splice(0);
    await sendMessage(graph, { backend, thread_id: "t", message: "again" });
    expect(model.seen.length).toBeGreaterThan(0);
    for (const seen of model.seen) assertAccepted(seen);
    expect(said(await messagesOf(host)).slice(0, 5)).toEqual([
      "human: go",
      "ai: →x",
      expect.stringMatching(/^x: The call was interrupted/),
      "human: ?",
      expect.stringContaining("ai: "),
    ]);
  });
});
