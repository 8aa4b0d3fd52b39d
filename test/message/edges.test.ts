/** sendMessage: what is refused before anything is kept, work elsewhere, runs that fail, several senders, other processes. */
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import {
  confirm,
  HITLToolNode,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  step,
  StoreHITLBackend,
} from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { MAX_WAITING } from "../../src/nodes/message/mailbox.ts";
import { sendMessage, waitingMessages } from "../../src/nodes/message/send-message.ts";
import { call, chatOf, gate, openAsk, pending, replyTo, said, thread, toolOf } from "./kit.ts";

const yes = { confirmed: true };
const ask = (name: string) =>
  toolOf(name, async () => String((await confirm({ message: `${name}?` })).confirmed));
const script = { go: [call("ask", "q")], two: [call("ask", "q"), call("slow", "s")] };

describe("refused, and nothing is kept", () => {
  const backend = new InMemoryHITLBackend();
  const graph = chatOf({ backend, tools: [ask("ask")], script });
  const bare = new StateGraph(MessagesAnnotation)
    .addNode("n", () => ({}))
    .addEdge("__start__", "n")
    .compile();
  const other = new StateGraph(Annotation.Root({ text: Annotation<string>() }))
    .addNode("n", () => ({}))
    .addEdge("__start__", "n")
    .compile({ checkpointer: new MemorySaver() });
  const circular: Record<string, unknown> = { type: "text" };
  circular["self"] = circular;
  const invalid = "ERR_HITL_INVALID_INPUT";

  it.each([
    ["an empty text", { message: " \n" }, invalid],
    ["a number", { message: 7 }, invalid],
    ["null", { message: null }, invalid],
    ["a list", { message: ["hi"] }, invalid],
    ["a message of the model", { message: new AIMessage("hi") }, invalid],
    ["a message of the system", { message: { role: "system", content: "hi" } }, invalid],
    ["no content", { message: { role: "user" } }, invalid],
    ["no blocks", { message: { role: "user", content: [] } }, invalid],
    ["blocks without a type", { message: { role: "user", content: [{ text: "hi" }] } }, invalid],
    ["a name that is no text", { message: { role: "user", content: "hi", name: 7 } }, invalid],
    ["an id with control characters", { message: { role: "user", content: "hi", id: "a\n" } }, invalid],
    ["an id that is no text", { message_id: 7 }, invalid],
    ["a lone surrogate", { message: "\ud800" }, "ERR_HITL_NOT_JSON"],
    [
      "a key that is a trap",
      { message: JSON.parse('{"role":"user","content":[{"type":"text","__proto__":{}}]}') },
      "ERR_HITL_NOT_JSON",
    ],
    ["a circle", { message: { role: "user", content: [circular] } }, "ERR_HITL_TOO_DEEP"],
    ["300 KiB", { message: "x".repeat(300 * 1024) }, "ERR_HITL_TOO_LARGE"],
    ["an unknown mode", { whenPending: "drop" }, invalid],
    ["no thread", { thread_id: "" }, "ERR_HITL_NO_THREAD"],
    ["a thread id with control characters", { thread_id: "a\u0000" }, invalid],
    ["a thread that does not exist", { thread_id: "never", ifNotExists: "reject" }, "ERR_HITL_NOT_FOUND"],
    ["an actor without id", { actor: { role: "user" } }, invalid],
    ["another key", { messagesKey: "chat" }, invalid],
    ["a key of every object", { messagesKey: "constructor" }, invalid],
  ])("%s", async (_, options, code) => {
    const sent = sendMessage(graph, {
      backend,
      thread_id: "t",
      message: "hi",
      ifNotExists: "create",
      ...(options as object),
    });
    await expect(sent).rejects.toMatchObject({ code });
    expect(await waitingMessages({ backend, thread_id: "t" })).toEqual([]);
    expect((await graph.getState(thread("t"))).values).toEqual({});
  });

  it("a graph without checkpointer, or without messages", async () => {
    const to = { backend, thread_id: "t", message: "hi" };
    await expect(sendMessage(bare, to)).rejects.toMatchObject({ code: "ERR_HITL_NO_CHECKPOINTER" });
    await expect(sendMessage(other as never, to)).rejects.toMatchObject({ code: invalid });
  });

  it("an id that another message had; and more messages than anybody reads", async () => {
    const to = { backend, thread_id: "full" };
    await sendMessage(graph, { ...to, message: "go", ifNotExists: "create" });
    for (let i = 0; i < MAX_WAITING; i += 1)
      await sendMessage(graph, { ...to, message: `m${i}`, message_id: `${i}` });
    await expect(sendMessage(graph, { ...to, message: "other", message_id: "1" })).rejects.toMatchObject({
      code: invalid,
    });
    await expect(sendMessage(graph, { ...to, message: "one more" })).rejects.toMatchObject({
      code: "ERR_HITL_TOO_LARGE",
    });
    expect(await waitingMessages(to)).toHaveLength(MAX_WAITING);
    expect(await sendMessage(graph, { ...to, message: "m1", message_id: "1" })).toMatchObject({
      status: "waiting",
    });
  });
});

describe("what is accepted", () => {
  it("texts, HumanMessages, and role with content blocks; ids and names are kept", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = chatOf({ backend, tools: [], script: {} });
    const to = { backend, thread_id: "t", ifNotExists: "create" } as const;
    const blocks = [
      { type: "text", text: "look" },
      { type: "image_url", image_url: { url: "https://x.test/a.png" } },
    ];
    await sendMessage(graph, { ...to, message: "hi" });
    await sendMessage(graph, { ...to, message: new HumanMessage({ content: "ho", id: "h", name: "ann" }) });
    await sendMessage(graph, { ...to, message: { role: "user", content: blocks } });
    const { messages } = (await graph.getState(thread("t"))).values as { messages: HumanMessage[] };
    const humans = messages.filter((message) => message.getType() === "human");
    expect(humans.map(({ content }) => content)).toEqual(["hi", "ho", blocks]);
    expect(humans[1]).toMatchObject({ id: "h", name: "ann" });
  });
});

describe("work elsewhere (P9)", () => {
  it("a thread's first message, sent while a resumed run is at work, waits for who resumes it next", async () => {
    const backend = new InMemoryHITLBackend();
    const started = gate();
    const opened = gate();
    const slow = toolOf("slow", async () => {
      const { confirmed } = await confirm({ message: "work?" });
      started.open();
      await opened.opened;
      return String(confirmed);
    });
    const graph = chatOf({ backend, tools: [slow], script: { hi: [call("slow", "s")] } });
    await graph.invoke({ messages: [new HumanMessage("hi")] }, thread("t"));
    const [question] = await pending(backend, "t");
    const hitl_id = question?.hitl_id ?? "";
    const running = respondAndResume(graph, { backend, hitl_id, response: yes });
    await started.opened;
    expect((await sendMessage(graph, { backend, thread_id: "t", message: "ho" })).status).toBe("busy");
    opened.open();
    expect((await running).resume?.status).toBe("resumed");
    expect(await waitingMessages({ backend, thread_id: "t" })).toHaveLength(1);
    await resumeThread(graph, { backend, thread_id: "t" });
    expect(said((await graph.getState(thread("t"))).values)).toEqual([
      "human: hi",
      expect.stringMatching(/^ai/),
      "s: true",
      expect.stringMatching(/^ai/),
      "human: ho",
      expect.stringMatching(/^ai/),
    ]);
  });

  it("a call at work is not cut off: busy, the message is kept, and goes in when the call has ended", async () => {
    const data = new MemoryRecordData();
    const [one, two] = [0, 1].map(() => new StoreHITLBackend(new MemoryRecordStore({}, data))) as [
      StoreHITLBackend,
      StoreHITLBackend,
    ];
    const checkpointer = new MemorySaver();
    const started = gate();
    const opened = gate();
    const slow = toolOf("slow", () =>
      step("work", async () => {
        started.open();
        await opened.opened;
        return "worked";
      }),
    );
    const graphs = [one, two].map((backend) =>
      chatOf({ backend, tools: [ask("ask"), slow], script, checkpointer }),
    );
    const [first, second] = graphs as [(typeof graphs)[number], (typeof graphs)[number]];
    const running = sendMessage(first, {
      backend: one,
      thread_id: "t",
      message: "two",
      ifNotExists: "create",
    });
    await started.opened;
    while ((await pending(two, "t")).length === 0) await new Promise((resolve) => setImmediate(resolve));
    const sent = await sendMessage(second, {
      backend: two,
      thread_id: "t",
      message: "stop",
      whenPending: "cancel",
    });
    expect(sent).toMatchObject({ status: "busy", until: expect.any(Number) });
    expect(await waitingMessages({ backend: two, thread_id: "t" })).toHaveLength(1);
    opened.open();
    await running;
    expect(said((await first.getState(thread("t"))).values).slice(2)).toEqual([
      expect.stringMatching(/^q: The call was cancelled/),
      "s: worked",
      "human: stop",
      "ai: ok stop",
    ]);
  });

  it("messages of many senders at once go in once each, and the graph is run by one at a time", async () => {
    const data = new MemoryRecordData();
    const checkpointer = new MemorySaver();
    let atWork = 0;
    let most = 0;
    const senders = Array.from({ length: 8 }, (_, i) => {
      const backend = new StoreHITLBackend(new MemoryRecordStore({}, data));
      const onModel = async (): Promise<void> => {
        most = Math.max(most, (atWork += 1));
        await new Promise((resolve) => setImmediate(resolve));
        atWork -= 1;
      };
      const graph = chatOf({ backend, tools: [], script: {}, checkpointer, onModel });
      const message_id = `${i % 4}`;
      return {
        graph,
        to: { backend, thread_id: "t", message: `m${i % 4}`, message_id, ifNotExists: "create" as const },
      };
    });
    const sent = await Promise.all(senders.map(({ graph, to }) => sendMessage(graph, to)));
    expect(sent.every(({ status }) => status === "delivered" || status === "busy")).toBe(true);
    const [{ graph }] = senders as [(typeof senders)[number]];
    const humans = said((await graph.getState(thread("t"))).values).filter((line) =>
      line.startsWith("human"),
    );
    expect(humans.toSorted()).toEqual(["human: m0", "human: m1", "human: m2", "human: m3"]);
    expect(most).toBe(1);
  });

  it("a run of nobody's that shows no sign of life for as long as a lease lasts is given up by cancel alone", async () => {
    const clock = new FakeClock(Date.now());
    const backend = new StoreHITLBackend(new MemoryRecordStore({ clock }), { clock });
    const checkpointer = new MemorySaver();
    const hangs = toolOf("slow", () => new Promise(() => {}));
    const graph = chatOf({ backend, tools: [hangs], script: { go: [call("slow", "s")] }, checkpointer });
    void graph.invoke({ messages: [new HumanMessage("go")] }, thread("t"));
    while (said((await graph.getState(thread("t"))).values.messages ?? []).length < 2)
      await new Promise((resolve) => setImmediate(resolve));
    const to = { backend, thread_id: "t" };
    expect(await sendMessage(graph, { ...to, message: "a" })).toMatchObject({ status: "busy", until: null });
    expect(await sendMessage(graph, { ...to, message: "b", whenPending: "cancel" })).toMatchObject({
      status: "busy",
      until: expect.any(Number),
    });
    clock.advance(61_000);
    expect(await sendMessage(graph, { ...to, message: "c" })).toMatchObject({ status: "delivered" });
    expect(said((await graph.getState(thread("t"))).values).slice(2)).toEqual([
      expect.stringMatching(/^s: The call was interrupted .* may or may not have taken effect/),
      "human: a",
      "human: b",
      "human: c",
      "ai: ok c",
    ]);
  });
});

describe("runs that fail", () => {
  it("the error is thrown, the message is in the conversation once, and the next one goes in behind it", async () => {
    const backend = new InMemoryHITLBackend();
    let fails = true;
    const graph = chatOf({
      backend,
      tools: [],
      script: {},
      onModel: () => {
        if (fails) throw new Error("429");
      },
    });
    const to = { backend, thread_id: "t", ifNotExists: "create" } as const;
    await expect(sendMessage(graph, { ...to, message: "hi", message_id: "m" })).rejects.toThrow("429");
    fails = false;
    expect(await sendMessage(graph, { ...to, message: "hi", message_id: "m" })).toMatchObject({
      status: "delivered",
    });
    expect(await sendMessage(graph, { ...to, message: "there" })).toMatchObject({ status: "delivered" });
    expect(said((await graph.getState(thread("t"))).values)).toEqual([
      "human: hi",
      "human: there",
      "ai: ok there",
    ]);
  });

  it("an approved call that fails is tried once more, then given up by cancel, and the model hears of its error", async () => {
    const backend = new InMemoryHITLBackend();
    const broken = toolOf("ask", async () => {
      await confirm({ message: "ask?" });
      throw new Error("broken");
    });
    const node = new HITLToolNode([broken], { backend, handleToolErrors: false });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", ({ messages }) => ({ messages: [replyTo(messages, script)] }))
      .addNode("tools", node)
      .addEdge("__start__", "model")
      .addConditionalEdges("model", ({ messages }) =>
        said(messages).at(-1) === "ai: →q" ? "tools" : "__end__",
      )
      .addEdge("tools", "model")
      .compile({ checkpointer: new MemorySaver() });
    const to = { backend, thread_id: "t" };
    await sendMessage(graph, { ...to, message: "go", ifNotExists: "create" });
    const { hitl_id } = await openAsk(backend, "t");
    await expect(respondAndResume(graph, { backend, hitl_id, response: yes })).rejects.toThrow("broken");
    await expect(sendMessage(graph, { ...to, message: "again" })).rejects.toThrow("broken");
    await sendMessage(graph, { ...to, message: "stop", whenPending: "cancel" });
    expect(said((await graph.getState(thread("t"))).values).slice(2)).toEqual([
      expect.stringMatching(/^q: .*may or may not have taken effect.* It failed: Error: broken\.$/),
      "human: again",
      "human: stop",
      "ai: ok stop",
    ]);
  });
});

describe("sessions", () => {
  it("questions of the runs are listed by the given session, and answering elsewhere lets messages in", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = chatOf({ backend, tools: [ask("ask")], script });
    const to = { backend, thread_id: "t", session_id: "s" };
    await sendMessage(graph, { ...to, message: "go", ifNotExists: "create" });
    expect((await backend.getPendingBySession("s")).items).toHaveLength(1);
    expect(await sendMessage(graph, { backend, thread_id: "t", message: "more" })).toMatchObject({
      status: "waiting",
    });
    const { hitl_id } = await openAsk(backend, "t");
    await respondAndResume(graph, { backend, hitl_id, response: yes });
    expect(said((await graph.getState(thread("t"))).values).at(-1)).toBe("ai: ok more");
    const tenant = backend.forTenant("acme");
    expect(await waitingMessages({ backend: tenant, thread_id: "t" })).toEqual([]);
    expect(await resumeThread(graph, { backend, thread_id: "t" })).toMatchObject({
      status: "nothing_to_resume",
    });
  });
});
