/** @ag-ui/langgraph: whole rounds, from the question to the effect, through its own client of a LangGraph server. */
import { buildResumeArray } from "@ag-ui/client";
import { EventType, type ResumeEntry } from "@ag-ui/core";
import { EventSchema } from "@ag-ui/core/schemas";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { checkJsonSchema } from "../../../src/core/response-schema.ts";
import type { JsonValue } from "../../../src/core/json.ts";
import type { HITLRecord } from "../../../src/index.ts";
import { pending } from "../../nodes/kit.ts";
import { type Chat, chatOf, EXPIRES_AT } from "./chat.ts";

beforeEach(() => void vi.spyOn(console, "warn").mockImplementation(() => {}));
afterEach(() => void vi.restoreAllMocks());

const STRUCTURED = { emitInterruptOutcome: true };
const open = ({ backend, agent }: Chat): Promise<HITLRecord[]> => pending(backend, agent.threadId);
const resolved = (interruptId: string, payload: unknown): ResumeEntry => ({
  interruptId,
  status: "resolved",
  payload,
});

async function asked(says: string, options: Parameters<typeof chatOf>[1] = STRUCTURED): Promise<Chat> {
  const chat = chatOf(says, options);
  await chat.run();
  return chat;
}

describe("a run that ends with the outcome interrupt", () => {
  it("P1 shows the question, goes on by an answer to its schema, and tells what came of it, once", async () => {
    const chat = chatOf("go", STRUCTURED);
    const first = await chat.run();
    const [ask] = await open(chat);
    const { hitl_id, interrupt_id } = ask as HITLRecord;
    expect(first.finished?.outcome).toMatchObject({
      type: "interrupt",
      interrupts: [
        {
          id: interrupt_id,
          reason: "confirmation",
          message: "Go?",
          toolCallId: "call_go",
          expiresAt: new Date(EXPIRES_AT).toISOString(),
          metadata: { langgraph: { raw: { hitl_id, response_schema: ask?.response_schema } } },
        },
      ],
    });
    expect(chat.counter.all()).toEqual({});

    const payload = { hitl_id, response: { confirmed: true } };
    expect(checkJsonSchema(chat.only().responseSchema ?? false, payload)).toEqual([]);
    const resume = buildResumeArray(chat.agent.pendingInterrupts, {
      [chat.only().id]: { status: "resolved", payload },
    });
    const { finished, events } = await chat.run({ resume });
    expect(finished?.outcome).toBeUndefined();
    expect(chat.agent.pendingInterrupts).toEqual([]);
    expect(events.find(({ type }) => type === EventType.TOOL_CALL_RESULT)).toMatchObject({
      toolCallId: "call_go",
      content: "gone",
    });
    expect(chat.agent.messages).toMatchObject([
      { role: "user", content: "go" },
      { role: "assistant", toolCalls: [{ id: "call_go", function: { name: "go" } }] },
      { role: "tool", toolCallId: "call_go", content: "gone" },
      { role: "assistant", content: "done" },
    ]);
    expect(chat.counter.all()).toEqual({ go: 1 });
    expect(await chat.backend.get(hitl_id)).toMatchObject({
      user_response: { confirmed: true },
      resume: { state: "done" },
    });
    for (const event of [...first.events, ...events]) EventSchema.parse(event);
    // Whatever it does not know in an event, it strips with a warning.
    expect(console.warn).not.toHaveBeenCalled();
  });

  it.each([
    ["pay", { approved: true }, "paid 40", 1],
    ["pay", { approved: true, editedArgs: { amount: 5 } }, "paid 5", 1],
    ["pay", { approved: false, reason: "no" }, "reject", 0],
    ["pay", { type: "respond", message: "later" }, "told later", 0],
    ["pay", { decision: "skip" }, "skip", 0],
    ["go", { approved: false }, "stayed", 0],
    ["name", { type: "respond", message: "Ann" }, "hello Ann", 0],
    ["name", { answer: "Ann" }, "hello Ann", 0],
    ["trip", { city: "Oslo" }, "to Oslo", 0],
  ] as const)("P3 %s: %j", async (tool, payload, said, effects) => {
    const chat = await asked(tool);
    const { hitl_id } = chat.shown();
    const isMarked = "approved" in payload || "type" in payload;
    await chat.run({
      resume: [resolved(chat.only().id, isMarked ? payload : { hitl_id, response: payload })],
    });
    expect(chat.said()).toEqual({ [tool]: said });
    expect(chat.counter.of(tool)).toBe(effects);
    expect(await open(chat)).toEqual([]);
  });

  it("P8 called off: the question is cancelled, and nothing is approved", async () => {
    const chat = await asked("pay");
    const [ask] = await open(chat);
    await chat.run({ resume: [{ interruptId: chat.only().id, status: "cancelled" }] });
    expect(await chat.backend.get((ask as HITLRecord).hitl_id)).toMatchObject({
      status: "cancelled",
      user_response: null,
    });
    expect(chat.counter.all()).toEqual({});
    expect(chat.agent.pendingInterrupts).toEqual([]);
  });

  it.each<readonly [string, (hitl_id: string) => JsonValue]>([
    ["refused by the question's schema", (hitl_id) => ({ hitl_id, response: { confirmed: "yes" } })],
    ["for another question", () => ({ hitl_id: `hitl_${"0".repeat(32)}`, response: { confirmed: true } })],
    ["a decision that it does not offer", () => ({ approved: true, editedArgs: { amount: 1 } })],
    ["neither whose nor what", () => ({ confirmed: true })],
    ["a mere yes", () => true],
  ])(
    "P1 P3 an answer that is %s leaves it open, says what was wrong, and the right one counts",
    async (_name, wrong) => {
      const chat = await asked("go");
      const [ask] = await open(chat);
      const { hitl_id } = ask as HITLRecord;
      const { finished } = await chat.run({ resume: [resolved(chat.only().id, wrong(hitl_id))] });
      expect(finished?.outcome).toMatchObject({
        interrupts: [
          { metadata: { langgraph: { raw: { hitl_id, issues: [{ message: expect.any(String) }] } } } },
        ],
      });
      expect(await open(chat)).toHaveLength(1);
      expect(chat.counter.all()).toEqual({});
      await chat.run({ resume: [resolved(chat.only().id, { hitl_id, response: { confirmed: true } })] });
      expect(chat.said()).toEqual({ go: "gone" });
      expect(chat.counter.all()).toEqual({ go: 1 });
    },
  );

  it("P4 the same answer a second time has no second effect", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    const chat = await asked("pay");
    const resume = [resolved(chat.only().id, { approved: true })];
    await chat.run({ resume });
    // The server says that nothing waits for it.
    await expect(chat.run({ resume })).rejects.toThrow();
    expect(chat.counter.all()).toEqual({ pay: 1 });
  });

  it("P1 P9 another process, which has only the thread and the answer, goes on as well", async () => {
    const chat = await asked("pay");
    const { id } = chat.only();
    const other = chat.again();
    await other.run({ resume: [resolved(id, { approved: true })] });
    expect(other.said()).toEqual({ pay: "paid 40" });
    expect(chat.counter.all()).toEqual({ pay: 1 });
  });

  it("P8 what has expired cannot be answered any more, and the thread goes on when it is called off", async () => {
    const chat = await asked("go");
    const { id } = chat.only();
    const [ask] = await open(chat);
    vi.useFakeTimers({ toFake: ["Date"], now: EXPIRES_AT + 1 });
    try {
      await expect(chat.run({ resume: [resolved(id, { approved: true })] })).rejects.toThrow("expired");
      await chat.run({ resume: [{ interruptId: id, status: "cancelled" }] });
    } finally {
      vi.useRealTimers();
    }
    expect(await chat.backend.get(ask?.hitl_id ?? "")).toMatchObject({ status: "expired" });
    expect(chat.agent.pendingInterrupts).toEqual([]);
    expect(chat.agent.messages.at(-1)).toMatchObject({ content: "done" });
    expect(chat.counter.all()).toEqual({});
  });

  it("P2 a run that is begun again from an earlier message asks again: the answer was for the other branch", async () => {
    const chat = await asked("pay");
    await chat.run({ resume: [resolved(chat.only().id, { approved: true })] });
    // The page knows another answer than the thread: its client takes the thread back to the user's message.
    chat.agent.setMessages([
      { id: "unknown", role: "assistant", content: "Hello" },
      { id: "u1", role: "user", content: "pay" },
    ]);
    const forked = vi.spyOn(chat.agent, "prepareRegenerateStream");
    const { finished } = await chat.run();
    expect(forked).toHaveBeenCalledOnce();
    expect(finished?.outcome).toMatchObject({ type: "interrupt" });
    expect(await open(chat)).toHaveLength(1);
    expect(chat.counter.all()).toEqual({ pay: 1 });
    await chat.run({ resume: [resolved(chat.only().id, { approved: false })] });
    expect(chat.said()).toEqual({ pay: "reject" });
    expect(chat.counter.all()).toEqual({ pay: 1 });
  });

  it("P8 a new message in the place of an answer is refused by the client, and the question stays open", async () => {
    const chat = await asked("pay");
    chat.agent.addMessage({ id: "u2", role: "user", content: "just do it" });
    await expect(chat.run()).rejects.toThrow("pending interrupt");
    expect(await open(chat)).toHaveLength(1);
    expect(chat.counter.all()).toEqual({});
  });
});

describe("several questions", () => {
  const idsOf = async (chat: Chat): Promise<Record<string, HITLRecord>> =>
    Object.fromEntries((await open(chat)).map((ask) => [String(ask.tool_name), ask]));

  it("P10 in tasks of their own: one interrupt for each, one map for all, by which one is answered and one called off", async () => {
    const chat = await asked("pay go name", { ...STRUCTURED, inTasks: true });
    const asks = await idsOf(chat);
    const ids = Object.fromEntries(
      Object.entries(asks).map(([tool, { interrupt_id }]) => [tool, String(interrupt_id)]),
    );
    expect(chat.agent.pendingInterrupts.map(({ id }) => id).toSorted()).toEqual(
      Object.values(ids).toSorted(),
    );
    const { pay = "", go = "", name = "" } = ids;
    // Its client wants an answer to each.
    await expect(chat.run({ resume: [resolved(pay, { approved: true })] })).rejects.toThrow(
      "pending interrupt",
    );
    const resume = buildResumeArray(chat.agent.pendingInterrupts, {
      [pay]: { status: "resolved", payload: { approved: true } },
      [go]: { status: "cancelled" },
      [name]: { status: "resolved", payload: { answer: "Ann" } },
    });
    const { finished } = await chat.run({ resume });
    expect(finished?.outcome).toBeUndefined();
    expect(chat.said()).toMatchObject({ pay: "paid 40", name: "hello Ann" });
    expect(chat.counter.all()).toEqual({ pay: 1 });
    expect(await chat.backend.get(asks["go"]?.hitl_id ?? "")).toMatchObject({ status: "cancelled" });
  });

  it("P10 in one task of LangGraph 1.4: the interrupt that it keeps lists all, and each is answered by its id, in any order", async () => {
    const chat = await asked("pay go name");
    const asks = await idsOf(chat);
    for (const [tool, payload, left] of [
      ["go", { confirmed: true }, ["name", "pay"]],
      ["name", { answer: "Ann" }, ["pay"]],
      ["pay", { decision: "approve_once" }, []],
    ] as const) {
      const { asks: listed = [chat.shown()] } = chat.shown();
      const hitl_id = asks[tool]?.hitl_id ?? "";
      expect(listed.map((ask) => ask.hitl_id)).toContain(hitl_id);
      await chat.run({ resume: [resolved(chat.only().id, { hitl_id, response: payload })] });
      expect(Object.keys(await idsOf(chat)).toSorted()).toEqual(left);
    }
    expect(chat.said()).toEqual({ pay: "paid 40", go: "gone", name: "hello Ann" });
    expect(chat.counter.all()).toEqual({ pay: 1, go: 1 });
  });

  it("P10 in one task: all in one answer, by their ids", async () => {
    const chat = await asked("pay go");
    const { pay, go } = await idsOf(chat);
    const payload = {
      [pay?.hitl_id ?? ""]: { decision: "approve_once" },
      [go?.hitl_id ?? ""]: { confirmed: false },
    };
    await chat.run({ resume: [resolved(chat.only().id, payload)] });
    expect(chat.said()).toEqual({ pay: "paid 40", go: "stayed" });
  });

  it("P7 in one task: an answer that does not say whose it is answers none", async () => {
    const chat = await asked("pay go");
    await chat.run({ resume: [resolved(chat.only().id, { approved: true })] });
    expect(await open(chat)).toHaveLength(2);
    expect(chat.shown()).toMatchObject({ issues: [{ code: "ambiguous" }] });
    expect(chat.counter.all()).toEqual({});
  });
});

it("without the event of before, the outcome is the only way", async () => {
  const chat = chatOf("go", { enableLegacyOnInterruptEvent: false });
  const { events, finished } = await chat.run();
  expect(events.some(({ type }) => type === EventType.CUSTOM)).toBe(false);
  expect(finished?.outcome).toMatchObject({ interrupts: [{ reason: "confirmation" }] });
});

describe("a client of before, with the event on_interrupt", () => {
  it.each<readonly [string, (value: object) => unknown]>([
    ["an object", (value) => value],
    ["a JSON text", (value) => JSON.stringify(value)],
  ])("P1 answers by forwardedProps.command.resume: %s", async (_name, sent) => {
    const chat = chatOf("go");
    const { events, finished } = await chat.run();
    expect(finished?.outcome).toBeUndefined();
    const shown = events.find(({ type }) => type === EventType.CUSTOM) as unknown as {
      name: string;
      value: string;
    };
    expect(shown.name).toBe("on_interrupt");
    const value = JSON.parse(shown.value);
    expect(value).toMatchObject({
      hitl_type: "confirm",
      actionRequests: [{ name: "go", toolCallId: "call_go" }],
    });
    // A run without an answer shows it again, and runs nothing.
    expect((await chat.run()).events.some(({ type }) => type === EventType.CUSTOM)).toBe(true);
    expect(await open(chat)).toHaveLength(1);

    const resume = sent({ decisions: [{ type: "approve" }] });
    await chat.run({ forwardedProps: { command: { resume } } });
    expect(chat.said()).toEqual({ go: "gone" });
    expect(chat.counter.all()).toEqual({ go: 1 });
    expect(chat.agent.messages.at(-1)).toMatchObject({ role: "assistant", content: "done" });
  });

  it("P10 several: one event for each interrupt, answered by their ids", async () => {
    const chat = chatOf("pay go", { inTasks: true });
    const { events } = await chat.run();
    const values = events.flatMap((event) =>
      event.type === EventType.CUSTOM ? [JSON.parse((event as unknown as { value: string }).value)] : [],
    );
    expect(values.map(({ tool_name }) => tool_name).toSorted()).toEqual(["go", "pay"]);
    const resume = Object.fromEntries(
      values.map(({ interrupt_id }) => [interrupt_id, { decisions: [{ type: "approve" }] }]),
    );
    await chat.run({ forwardedProps: { command: { resume } } });
    expect(chat.said()).toEqual({ pay: "paid 40", go: "gone" });
    expect(chat.counter.all()).toEqual({ pay: 1, go: 1 });
  });
});
