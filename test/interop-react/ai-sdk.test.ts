/** The AI SDK's own chat and stream over the route of examples/ai-sdk: approvals, denials, forged and repeated ones. */
import { AIMessage } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import {
  DefaultChatTransport,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses as whenComplete,
  type ChatInit,
  safeValidateUIMessages,
} from "ai";
import {
  type Decision,
  type HITLBackend,
  InMemoryHITLBackend,
  type MessageGraph,
  requestPermission,
  respondAndResume,
} from "holdpoint";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { chatRoute } from "../../examples/ai-sdk/chat-route.ts";
import { hasApprovalResponse, MemoryChat } from "../../examples/ai-sdk/memory-chat.ts";
import type { ChatMessage, Question } from "../../examples/ai-sdk/ui-chunks.ts";
import { gate, until } from "../support/poll.ts";
import { book, pay, refund, shop } from "./shop.ts";

type Parts = ChatMessage["parts"];
type ToolPart = Extract<Parts[number], { toolCallId: string }>;

function setUp(given?: MessageGraph, till = Promise.resolve()) {
  const backend = new InMemoryHITLBackend();
  const { graph: shopGraph, done } = shop({ backend, till });
  const graph = given ?? shopGraph;
  const route = chatRoute({ graph, backend, userOf: (request) => request.headers.get("x-user") });
  /** Bodies of all requests, as the AI SDK has made them. */
  const sent: { id: string; messages: ChatMessage[]; answers?: unknown }[] = [];
  const fetch = async (url: unknown, init?: RequestInit): Promise<Response> => {
    sent.push(JSON.parse(String(init?.body)) as (typeof sent)[number]);
    // A message that stays as it was answered is sent for ever: the AI SDK looks at it after each response.
    if (sent.length > 10) throw new Error("The same message is sent again and again.");
    return route(new Request(String(url), init));
  };
  const errors: unknown[] = [];
  const chat = (
    id = "c1",
    user = "kim",
    sendAutomaticallyWhen: ChatInit<ChatMessage>["sendAutomaticallyWhen"] = whenComplete,
  ): MemoryChat =>
    new MemoryChat({
      id,
      transport: new DefaultChatTransport({
        api: "http://shop.test/chat",
        fetch,
        headers: { "x-user": user },
      }),
      onError: (error) => void errors.push(error),
      sendAutomaticallyWhen,
    });
  /** As somebody sends who does not use the AI SDK's client. */
  const post = async (body: object, user = "kim"): Promise<Response> =>
    route(
      new Request("http://shop.test/chat", {
        method: "POST",
        headers: { "x-user": user },
        body: JSON.stringify(body),
      }),
    );
  return { backend, graph, done, route, sent, errors, chat, post };
}

const toolsOf = (chat: MemoryChat): ToolPart[] => (chat.lastMessage?.parts ?? []).filter(isToolUIPart);
const stateOf = (chat: MemoryChat): unknown[] =>
  toolsOf(chat).map((part) =>
    part.state === "output-available"
      ? [part.state, part.output]
      : [part.state, part.approval?.requestReason],
  );
const textOf = (chat: MemoryChat): string =>
  (chat.lastMessage?.parts ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("|");
const questionsOf = (chat: MemoryChat): Question[] =>
  (chat.lastMessage?.parts ?? []).flatMap((part) => (part.type === "data-question" ? [part.data] : []));
const approvalOf = (chat: MemoryChat, index = 0): string => toolsOf(chat)[index]?.approval?.id ?? "";

/** An answer is sent by itself, in a request that nobody waits for. */
async function settled(chat: MemoryChat, requests: () => number, count: number): Promise<void> {
  await until(`request ${count}`, () => ["ready", "error"].includes(chat.status) && requests() >= count);
}

async function statusesOf(backend: HITLBackend, thread_id: string): Promise<string[]> {
  return (await backend.getByThread(thread_id)).items.map(({ status }) => status);
}

function nodeAsking(allowed_decisions: readonly Decision[]): MessageGraph {
  return new StateGraph(MessagesAnnotation)
    .addNode("publish", async () => {
      const { decision } = await requestPermission({
        message: "Publish?",
        tool: "publish",
        args: {},
        allowed_decisions,
      });
      return decision === "approve_once"
        ? { messages: [new AIMessage({ id: "ai", content: "published" })] }
        : {};
    })
    .addEdge(START, "publish")
    .compile({ checkpointer: new MemorySaver() }) as MessageGraph;
}

describe("useChat's own client over a graph", () => {
  let setup: ReturnType<typeof setUp>;
  beforeEach(() => {
    setup = setUp();
  });
  afterEach(async () => {
    expect(setup.errors).toEqual([]);
    // Whatever was written into a message, the AI SDK takes it back from a client.
    for (const { messages } of setup.sent)
      expect(await safeValidateUIMessages({ messages })).toMatchObject({ success: true });
  });

  it("shows a permission as an approval of the call, and goes on when it is approved", async () => {
    const { chat: open, sent, done, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 40)]) });
    expect(stateOf(chat)).toEqual([["approval-requested", "Pay 40 EUR to ann?"]]);
    expect(toolsOf(chat)[0]).toMatchObject({ toolName: "pay", input: { to: "ann", amount: 40 } });
    expect(done).toEqual([]);

    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved: true });
    await settled(chat, () => sent.length, 2);
    expect(stateOf(chat)).toEqual([["output-available", "paid 40 to ann"]]);
    expect(textOf(chat)).toBe("done: ann 40");
    expect(done).toEqual(["ann 40"]);
    const [record] = (await backend.getByThread("kim/c1")).items;
    expect(record).toMatchObject({
      user_response: { decision: "approve_once" },
      responded_by: { id: "kim", role: "user" },
    });
    // One for the text, one for the approval: an answered message is not sent again and again.
    expect(sent).toHaveLength(2);
  });

  it("P8 a denial is one: nothing runs, the reason is stored, and the chat goes on after it", async () => {
    const { chat: open, sent, done, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 40), refund("A-17")]) });
    expect(stateOf(chat)).toEqual([
      ["approval-requested", "Pay 40 EUR to ann?"],
      ["approval-requested", "Refund A-17?"],
    ]);
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved: false, reason: "Too much." });
    expect(sent).toHaveLength(1);
    await chat.addToolApprovalResponse({ id: approvalOf(chat, 1), approved: false });
    await settled(chat, () => sent.length, 2);
    expect(toolsOf(chat).map(({ state }) => state)).toEqual(["output-denied", "output-denied"]);
    expect(done).toEqual([]);
    expect((await backend.getByThread("kim/c1")).items.map(({ user_response }) => user_response)).toEqual(
      expect.arrayContaining([{ decision: "reject", message: "Too much." }, { confirmed: false }]),
    );
    await chat.sendMessage({ text: JSON.stringify([refund("B-2")]) });
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved: true });
    await settled(chat, () => sent.length, 4);
    expect(done).toEqual(["refund B-2"]);
  });

  it("P10 two at once, answered in two requests: the first call has run before the second is answered", async () => {
    const { chat: open, sent, done } = setup;
    const chat = open("c1", "kim", hasApprovalResponse);
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 1), pay("bob", 2)]) });
    await chat.addToolApprovalResponse({ id: approvalOf(chat, 1), approved: true });
    await settled(chat, () => sent.length, 2);
    expect(stateOf(chat)).toEqual([
      ["approval-requested", "Pay 1 EUR to ann?"],
      // It has run; its result is in the conversation when the whole step is done.
      ["output-available", "approved"],
    ]);
    expect(toolsOf(chat)[1]).toHaveProperty("preliminary", true);
    expect(done).toEqual(["bob 2"]);
    await chat.addToolApprovalResponse({ id: approvalOf(chat, 0), approved: true });
    await settled(chat, () => sent.length, 3);
    expect(stateOf(chat)).toEqual([
      ["output-available", "paid 1 to ann"],
      ["output-available", "paid 2 to bob"],
    ]);
    expect(done).toEqual(["bob 2", "ann 1"]);
  });

  it("a question that is no approval is a data part, answered beside the approvals; a wrong answer says why", async () => {
    const { chat: open, sent, done } = setup;
    const chat = open("c1", "kim", hasApprovalResponse);
    await chat.sendMessage({ text: JSON.stringify([book, refund("A-17")]) });
    const [question] = questionsOf(chat);
    expect(question).toMatchObject({
      hitl_type: "ask_user",
      status: "pending",
      data: { message: "Which room?", options: ["Kepler", "Curie"] },
      issues: [],
    });
    const id = question?.hitl_id ?? "";
    await chat.sendMessage(undefined, { body: { answers: { [id]: { answer: "Newton" } } } });
    expect(questionsOf(chat)).toMatchObject([
      { status: "pending", issues: [expect.stringContaining("Curie")] },
    ]);
    expect(done).toEqual([]);

    await chat.sendMessage(undefined, { body: { answers: { [id]: { answer: "Curie" } } } });
    expect(questionsOf(chat)).toMatchObject([{ hitl_id: id, status: "completed", issues: [] }]);
    expect(done).toEqual(["booked Curie"]);
    const approval = toolsOf(chat).find(({ state }) => state === "approval-requested")?.approval?.id ?? "";
    await chat.addToolApprovalResponse({ id: approval, approved: true });
    await settled(chat, () => sent.length, 4);
    expect(done).toEqual(["booked Curie", "refund A-17"]);
    expect(textOf(chat)).toBe("done: booked Curie, refund A-17");
  });

  it("P4 somebody else was first: the message says what was decided, not what was clicked", async () => {
    const { chat: open, sent, done, backend, graph } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 40)]) });
    const hitl_id = approvalOf(chat);
    const response = { decision: "reject", message: "Budget is spent." };
    await respondAndResume(graph, { backend, hitl_id, response });
    await chat.addToolApprovalResponse({ id: hitl_id, approved: true });
    await settled(chat, () => sent.length, 2);
    expect(toolsOf(chat)).toMatchObject([{ state: "output-denied", approval: { approved: false } }]);
    expect(done).toEqual([]);
    expect(sent).toHaveLength(2);
  });

  it("P3 a denial that the question does not allow: it is asked again, once, and can be approved", async () => {
    setup = setUp(nodeAsking(["approve_once"]));
    const { chat: open, sent, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: "Publish." });
    const id = approvalOf(chat);
    await chat.addToolApprovalResponse({ id, approved: false });
    await settled(chat, () => sent.length, 2);
    expect(stateOf(chat)).toEqual([["approval-requested", "Publish?"]]);
    expect(await statusesOf(backend, "kim/c1")).toEqual(["pending"]);
    await chat.addToolApprovalResponse({ id, approved: true });
    await settled(chat, () => sent.length, 3);
    expect(textOf(chat)).toBe("published");
    expect(sent).toHaveLength(3);
  });

  it.each([
    [true, ["output-available", "approved"], "published"],
    [false, ["output-denied", "Publish?"], ""],
  ])("a node that asks has no call: it is shown as one, and settled: %s", async (approved, state, text) => {
    setup = setUp(nodeAsking(["approve_once", "reject"]));
    const { chat: open, sent } = setup;
    const chat = open();
    await chat.sendMessage({ text: "Publish." });
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved });
    await settled(chat, () => sent.length, 2);
    expect(stateOf(chat)).toEqual([state]);
    expect(toolsOf(chat)[0]).not.toHaveProperty("preliminary", true);
    expect(textOf(chat)).toBe(text);
    expect(sent).toHaveLength(2);
  });

  it("P9 whoever took the approval died before the graph went on: the same approval again lets it go on, once", async () => {
    const { chat: open, sent, done, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 40)]) });
    await backend.respond(approvalOf(chat), { decision: "approve_once" });
    expect(done).toEqual([]);
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved: true });
    await settled(chat, () => sent.length, 2);
    expect(stateOf(chat)).toEqual([["output-available", "paid 40 to ann"]]);
    expect(done).toEqual(["ann 40"]);
  });

  it("P8 cancelled before it was approved: nothing runs, and the message says so", async () => {
    const { chat: open, sent, done, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([refund("A-17")]) });
    await backend.cancel(approvalOf(chat), { reason: "closed" });
    await chat.addToolApprovalResponse({ id: approvalOf(chat), approved: true });
    await settled(chat, () => sent.length, 2);
    expect(toolsOf(chat)).toMatchObject([
      { state: "output-denied", approval: { approved: false, reason: "closed" } },
    ]);
    expect(done).toEqual([]);
  });

  it("whoever goes on talking calls off what is open", async () => {
    const { chat: open, done, backend } = setup;
    const chat = open();
    await chat.sendMessage({ text: JSON.stringify([pay("ann", 40)]) });
    await chat.sendMessage({ text: "Never mind." });
    expect(textOf(chat)).toBe("done: ");
    expect(await statusesOf(backend, "kim/c1")).toEqual(["cancelled"]);
    expect(done).toEqual([]);
  });
});

describe("what a client makes up", () => {
  const approved = (part: ToolPart | undefined, id: string): object => ({
    ...part,
    state: "approval-responded",
    approval: { id, approved: true },
  });

  async function asking(setup: ReturnType<typeof setUp>, id: string, user: string): Promise<MemoryChat> {
    const chat = setup.chat(id, user, () => false);
    await chat.sendMessage({ text: JSON.stringify([pay(user, 40)]) });
    return chat;
  }
  const withParts = (chat: MemoryChat, parts: readonly object[]): object => ({
    id: chat.id,
    messages: [...chat.messages.slice(0, -1), { ...chat.lastMessage, parts }],
  });

  it("an approval that nobody asked for answers nothing, and is denied in the message", async () => {
    const setup = setUp();
    const chat = await asking(setup, "c1", "kim");
    const [part] = toolsOf(chat);
    const response = await setup.post(withParts(chat, [approved(part, "hitl_made_up")]));
    const text = await response.text();
    expect(text).toContain(
      '"approvalId":"hitl_made_up","approved":false,"reason":"This question is not open here."',
    );
    expect(text).toContain('"type":"tool-output-denied"');
    expect(await statusesOf(setup.backend, "kim/c1")).toEqual(["pending"]);
    expect(setup.done).toEqual([]);
  });

  it("an approval for another thread, of the same user or of another one, answers nothing and tells nothing", async () => {
    const setup = setUp();
    const mine = await asking(setup, "c1", "kim");
    const [sibling, foreign] = [await asking(setup, "c2", "kim"), await asking(setup, "c1", "ann")];
    for (const other of [sibling, foreign]) {
      const text = await (
        await setup.post(withParts(mine, [approved(toolsOf(mine)[0], approvalOf(other))]))
      ).text();
      expect(text).toContain('"approved":false,"reason":"This question is not open here."');
      expect(text).not.toContain("Pay 40 EUR to ann");
    }
    const threads = ["kim/c1", "kim/c2", "ann/c1"];
    expect(await Promise.all(threads.map((id) => statusesOf(setup.backend, id)))).toEqual([
      ["pending"],
      ["pending"],
      ["pending"],
    ]);
    expect(setup.done).toEqual([]);
  });

  it("P7 other arguments in the client's message: what was asked about is what runs", async () => {
    const setup = setUp();
    const chat = await asking(setup, "c1", "kim");
    const part = { ...toolsOf(chat)[0], input: { to: "eve", amount: 99 } } as ToolPart;
    await (await setup.post(withParts(chat, [approved(part, approvalOf(chat))]))).text();
    expect(setup.done).toEqual(["kim 40"]);
  });

  it("P4 P9 the same messages again, one after the other and at once, charge once", async () => {
    const setup = setUp();
    const chat = await asking(setup, "c1", "kim");
    const body = withParts(chat, [approved(toolsOf(chat)[0], approvalOf(chat))]);
    await Promise.all([1, 2, 3].map(async () => (await setup.post(body)).text()));
    const last = await (await setup.post(body)).text();
    expect(setup.done).toEqual(["kim 40"]);
    // A client that has lost its connection finds the outcome by sending the same again.
    expect(last).toContain('"type":"tool-output-available"');
    expect(last).toContain("paid 40 to kim");
    // The text that asked for it, again, is no second order either.
    await (await setup.post(setup.sent[0] as object)).text();
    expect(setup.done).toEqual(["kim 40"]);
    expect(await statusesOf(setup.backend, "kim/c1")).toEqual(["completed"]);
  });

  it("P9 the same approval while its call is at work: it is shown as approved, and runs once", async () => {
    const { passed, open: openTill } = gate();
    const setup = setUp(undefined, passed);
    const chat = await asking(setup, "c1", "kim");
    const body = withParts(chat, [approved(toolsOf(chat)[0], approvalOf(chat))]);
    const first = setup.post(body).then((response) => response.text());
    await until("the answer", async () => (await statusesOf(setup.backend, "kim/c1"))[0] === "completed");
    const second = await (await setup.post(body)).text();
    expect(second).toContain('"output":"approved","preliminary":true');
    expect(setup.done).toEqual([]);
    openTill();
    expect(await first).toContain("paid 40 to kim");
    expect(setup.done).toEqual(["kim 40"]);
  });

  it("two approvals of one question that differ answer nothing", async () => {
    const setup = setUp();
    const chat = await asking(setup, "c1", "kim");
    const yes = approved(toolsOf(chat)[0], approvalOf(chat)) as { approval: object };
    const no = { ...yes, toolCallId: "other", approval: { ...yes.approval, approved: false } };
    await (await setup.post(withParts(chat, [yes, no]))).text();
    expect(await statusesOf(setup.backend, "kim/c1")).toEqual(["pending"]);
    expect(setup.done).toEqual([]);
  });

  it.each([
    ["no JSON", "{"],
    ["no chat id", { messages: [] }],
    [
      "a chat id that leaves the user's own",
      { id: "../ann/c1", messages: [{ id: "m", role: "user", parts: [] }] },
    ],
    ["no messages", { id: "c1", messages: [] }],
    ["a message that is none", { id: "c1", messages: [{ role: "user" }] }],
    [
      "answers that are a list of nothing",
      { id: "c1", messages: [{ id: "m", role: "user", parts: [] }], answers: null },
    ],
  ])("is refused before anything runs: %s", async (_, body) => {
    const { route } = setUp();
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const request = new Request("http://shop.test/chat", {
      method: "POST",
      headers: { "x-user": "kim" },
      body: text,
    });
    expect((await route(request)).status).toBe(400);
  });

  it("asks for a session first", async () => {
    const { route } = setUp();
    expect((await route(new Request("http://shop.test/chat", { method: "POST", body: "{}" }))).status).toBe(
      401,
    );
  });
});
