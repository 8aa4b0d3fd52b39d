/** What a thread lists of the interrupts that LangGraph keeps with it. */
import { InMemoryHITLBackend, type HITLRecord } from "holdpoint";
import { describe, expect, it } from "vitest";
import type { CreateRequest } from "../../src/backends/hitl-backend.ts";
import type { ServedState } from "../../src/server/langgraph/options.ts";
import { listedInterrupts } from "../../src/server/langgraph/thread-interrupts.ts";
import { interruptsFor } from "../../src/suspend/interrupt-payload.ts";
import { type AskName, REQUESTS } from "../interop/kit.ts";

type Request = Omit<CreateRequest, "session_id">;

async function asked(...requests: readonly Request[]) {
  let now = 1_000_000;
  const backend = new InMemoryHITLBackend({ clock: { now: () => now } });
  const asks: HITLRecord[] = [];
  for (const request of requests)
    asks.push((await backend.create({ ...request, thread_id: "t", session_id: "s" })).record);
  return { backend, asks, pass: (ms: number) => void (now += ms) };
}

const named = (...names: readonly AskName[]) => asked(...names.map((name) => REQUESTS[name] as Request));

/** As LangGraph 1.4 keeps them: one interrupt of each task. */
function stateOf(...tasks: readonly (readonly unknown[])[]): ServedState {
  return {
    values: {},
    next: ["tools"],
    config: {},
    tasks: tasks.map((interrupts, index) => ({ id: `task${index}`, name: "tools", interrupts })),
  };
}

const kept = (asks: readonly HITLRecord[]) => interruptsFor(asks).slice(0, 1);
const idsIn = (listed: Awaited<ReturnType<typeof listedInterrupts>>) =>
  Object.values(listed)
    .flat()
    .map((entry) => (entry as { id: string }).id);

describe("a thread's interrupts", () => {
  it("none, for a thread that waits for nothing", async () => {
    const { backend } = await named();
    expect(await listedInterrupts(backend, "t", null)).toEqual({});
    expect(await listedInterrupts(backend, "t", stateOf([], []))).toEqual({});
  });

  it("those of others are listed as they are, also beside ours", async () => {
    const { backend, asks } = await named("pay");
    const foreign = { id: "f", value: { question: "Yes?" } };
    const waits = { id: "w", value: { schema_version: 1, asks: [] } };
    const alone = await listedInterrupts(backend, "t", stateOf([foreign], []));
    expect(alone).toEqual({ task0: [foreign] });
    const own = kept(asks);
    expect(await listedInterrupts(backend, "t", stateOf([foreign], own, [waits]))).toEqual({
      task0: [foreign],
      task1: own,
      task2: [waits],
    });
  });

  it("P10 what was answered is left out while another question is open, and listed while all wait for the graph", async () => {
    const { backend, asks } = await named("pay", "mail");
    const [pay, mail] = asks as [HITLRecord, HITLRecord];
    const state = stateOf(kept([pay]), kept([mail]));
    await backend.respond(pay.hitl_id, { decision: "skip" });
    expect(await listedInterrupts(backend, "t", state)).toEqual({ task1: kept([mail]) });
    await backend.cancel(mail.hitl_id);
    expect(await listedInterrupts(backend, "t", state)).toEqual({ task0: kept([pay]), task1: kept([mail]) });
  });

  it("what has expired is open no more", async () => {
    const { backend, asks, pass } = await asked(
      { ...(REQUESTS.pay as Request), expires_at: 1_000_500 },
      REQUESTS.mail as Request,
    );
    const state = stateOf(kept(asks));
    expect(idsIn(await listedInterrupts(backend, "t", state))).toEqual(asks.map((ask) => ask.interrupt_id));
    pass(1_000);
    const listed = await listedInterrupts(backend, "t", state);
    expect(idsIn(listed)).toEqual([asks[1]?.interrupt_id]);
    // One question is left: no list of several.
    expect(Object.values(listed)[0]?.[0]).not.toHaveProperty("value.asks");
  });

  it("a question that two tasks list is listed once", async () => {
    const { backend, asks } = await named("pay", "mail");
    const listed = await listedInterrupts(backend, "t", stateOf(kept(asks), kept(asks)));
    expect(idsIn(listed)).toEqual(asks.map((ask) => ask.interrupt_id));
  });

  it("P3 each says what was wrong with its own answer, and with one that names none", async () => {
    const { backend, asks } = await named("pay", "mail");
    const [pay, mail] = asks as [HITLRecord, HITLRecord];
    const problems = [
      { hitl_id: null, code: "ambiguous", message: "Which?" },
      { hitl_id: pay.hitl_id, code: "invalid", message: "So much?" },
    ] as const;
    const state = stateOf(interruptsFor([pay, mail], problems).slice(0, 1));
    const values = Object.values(await listedInterrupts(backend, "t", state))
      .flat()
      .map((entry) => (entry as { value: { issues: unknown } }).value.issues);
    expect(values).toEqual([problems, problems.slice(0, 1)]);
  });
});

describe("in Agent Inbox's own form", () => {
  it("what is answered by text only; the rest of the value is what it was", async () => {
    const { backend, asks } = await named("doubt");
    const [own] = interruptsFor(asks);
    const { action_requests: _, review_configs: __, ...rest } = own?.value ?? {};
    const listed = await listedInterrupts(backend, "t", stateOf([own]));
    expect(listed["task0"]).toEqual([
      {
        id: own?.id,
        value: {
          ...rest,
          action_request: { action: "in_doubt", args: {} },
          config: { allow_ignore: true, allow_respond: true, allow_edit: false, allow_accept: false },
          description: expect.stringContaining("It did not happen: run it"),
        },
      },
    ]);
  });

  it("P3 arguments that are too long for lists, whole", async () => {
    const args = { to: "ann", text: "x".repeat(70_000) };
    const data = { ...REQUESTS.pay.data, args };
    const { backend, asks } = await asked({ ...(REQUESTS.pay as Request), data });
    expect(kept(asks)[0]?.value).not.toHaveProperty("action_requests");
    const listed = await listedInterrupts(backend, "t", stateOf(kept(asks)));
    expect(listed["task0"]).toMatchObject([
      {
        value: {
          action_request: { action: "pay", args },
          config: { allow_ignore: true, allow_respond: true, allow_edit: true, allow_accept: true },
        },
      },
    ]);
  });
});
