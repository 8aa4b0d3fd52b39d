/** Resume values on the graph itself: taken in by whichever of our nodes asks (docs/interop.md, "Where …"). */
import { MemorySaver } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { describe, expect, it } from "vitest";
import { type HITLRecord, InMemoryHITLBackend, resumeThread } from "../../src/index.ts";
import { Counter, interruptsIn, outputs, pending } from "../nodes/kit.ts";
import { HOSTS, idOf, openBy, payCall, runOf, said } from "./hosts-kit.ts";
import { asTexts } from "./kit.ts";

const approve = { type: "approve" };
const once = { decision: "approve_once" };
const edited = { to: "ann", amount: 5 };

describe.each(HOSTS)("%s", (host) => {
  const SHAPES: readonly (readonly [string, (ask: HITLRecord) => unknown, unknown])[] = [
    [
      "Agent Inbox, accept",
      () => [{ type: "accept", args: { action: "pay", args: asTexts({ to: "ann", amount: 40 }) } }],
      once,
    ],
    ["Agent Inbox, accept without arguments", () => [{ type: "accept", args: null }], once],
    [
      "Agent Inbox, edit",
      () => [{ type: "edit", args: { action: "pay", args: asTexts(edited) } }],
      { decision: "edit", edited_args: edited },
    ],
    [
      "Agent Inbox, response",
      () => [{ type: "response", args: "hm" }],
      { decision: "respond", message: "hm" },
    ],
    ["Agent Inbox, ignore", () => [{ type: "ignore", args: null }], { decision: "skip" }],
    ["LangChain JS, approve", () => ({ decisions: [approve] }), once],
    [
      "LangChain JS, edit",
      () => ({ decisions: [{ type: "edit", editedAction: { name: "pay", args: edited } }] }),
      { decision: "edit", edited_args: edited },
    ],
    [
      "LangChain Python, edit",
      () => ({ decisions: [{ type: "edit", edited_action: { name: "pay", args: edited } }] }),
      { decision: "edit", edited_args: edited },
    ],
    [
      "LangChain, respond",
      () => ({ decisions: [{ type: "respond", message: "hm" }] }),
      { decision: "respond", message: "hm" },
    ],
    [
      "LangGraph, by interrupt id",
      (ask) => ({ [idOf(ask)]: { decision: "reject" } }),
      { decision: "reject" },
    ],
    ["deepagents, by interrupt id", (ask) => ({ [idOf(ask)]: { decisions: [approve] } }), once],
    [
      "AG-UI, resume map",
      (ask) => ({
        __agui_resume_map__: { [idOf(ask)]: { status: "resolved", payload: { approved: true } } },
      }),
      once,
    ],
    [
      "AG-UI, resume",
      (ask) => [{ interruptId: idOf(ask), status: "resolved", payload: { decision: "skip" } }],
      { decision: "skip" },
    ],
    [
      "AI SDK",
      (ask) => ({ type: "tool-approval-response", approvalId: ask.hitl_id, approved: false, reason: "no" }),
      { decision: "reject", message: "no" },
    ],
    ["MCP 1", () => ({ action: "accept", content: { decision: "approve_once" } }), once],
    [
      "MCP 2",
      (ask) => ({ inputResponses: { [ask.hitl_id]: { action: "accept", content: { decision: "skip" } } } }),
      { decision: "skip" },
    ],
    ["a JSON text", () => JSON.stringify({ decisions: [approve] }), once],
  ];

  it.each(SHAPES)(
    "F14 P3 %s: the record has the answer, and the tool runs once",
    async (_name, value, answer) => {
      const backend = new InMemoryHITLBackend();
      const counter = new Counter();
      const run = runOf(host, backend, [payCall("ann", "p")], counter);
      await run.start();
      const [ask] = await pending(backend, "t");
      const result = await run.resume(value(ask as HITLRecord));
      expect(said(result)["p"]).toEqual(answer);
      const record = await backend.get((ask as HITLRecord).hitl_id);
      expect(record).toMatchObject({ status: "completed", user_response: answer, resume: { state: "done" } });
      expect(Object.values(counter.all())).toEqual([1]);
    },
  );

  it.each([
    ["AG-UI", (ask: HITLRecord) => ({ __agui_cancelled__: true, interrupt_id: idOf(ask) })],
    ["AG-UI, without id", () => ({ __agui_cancelled__: true })],
    [
      "AG-UI, resume map",
      (ask: HITLRecord) => ({ __agui_resume_map__: { [idOf(ask)]: { status: "cancelled" } } }),
    ],
    ["MCP", () => ({ action: "cancel" })],
  ])("F15 P8 %s: cancelled, and nothing was approved", async (_name, value) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const run = runOf(host, backend, [payCall("ann", "p")], counter);
    await run.start();
    const [ask] = await pending(backend, "t");
    // What becomes of a tool that throws is the host's business.
    await run.resume(value(ask as HITLRecord)).catch(() => {});
    expect(await backend.get((ask as HITLRecord).hitl_id)).toMatchObject({ status: "cancelled" });
    expect(counter.all()).toEqual({});
  });

  const three = [payCall("ann", "a"), payCall("bob", "b"), { name: "go", args: {}, id: "g" }];

  it("F15 P10 a resume map answers one, cancels one, and leaves one open", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, [...three.slice(0, 2), { name: "name", args: {}, id: "n" }]);
    await run.start();
    const open = await openBy(backend);
    const value = {
      __agui_resume_map__: {
        [idOf(open["Pay ann?"])]: { status: "resolved", payload: once },
        [idOf(open["Pay bob?"])]: { status: "cancelled" },
      },
    };
    // In an agent a tool that was called off stops the run.
    await run.resume(value).catch(() => {});
    expect(Object.keys(await openBy(backend))).toEqual(["Name?"]);
    expect(await backend.get(open["Pay bob?"]?.hitl_id ?? "")).toMatchObject({ status: "cancelled" });
    expect(await backend.get(open["Pay ann?"]?.hitl_id ?? "")).toMatchObject({ user_response: once });
    await run.resume({ [idOf((await openBy(backend))["Name?"])]: "Ann" }).catch(() => {});
    expect(await pending(backend, "t")).toEqual([]);
  });

  it.each([
    [{ decisions: [approve] }],
    [{ approved: true }],
    [[{ type: "accept", args: null }]],
    [{ decisions: [approve, approve] }],
    [{ __agui_cancelled__: true }],
    [true],
    ["yes"],
  ])("F6 one value for three questions answers none: %j", async (value) => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const run = runOf(host, backend, three, counter);
    await run.start();
    const result = await run.resume(value);
    expect(await pending(backend, "t")).toHaveLength(3);
    expect(counter.all()).toEqual({});
    for (const { value: shown } of interruptsIn(result)) expect(shown).toHaveProperty("issues");
  });

  it("P10 as many decisions as are shown, each to its own: in the order of the list, by ids where there are several", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, three);
    const first = await run.start();
    const shown = interruptsIn(first).map(
      ({ value }) => value as unknown as { actionRequests: { toolCallId: string }[] },
    );
    const ids = shown.flatMap(({ actionRequests }) => actionRequests.map(({ toolCallId }) => toolCallId));
    const order = [...new Set(ids)];
    // LangGraph 1.4 shows one interrupt of a task; of several tasks it shows several.
    expect(order.toSorted()).toEqual(["a", "b", "g"]);
    const decisionOf: Record<string, object> = {
      a: { type: "reject", message: "no" },
      b: approve,
      g: approve,
    };
    const outcome = { a: { decision: "reject", message: "no" }, b: once, g: true };
    const result = await run.resume({ decisions: order.map((id) => decisionOf[id]) });
    const isOneList = shown.some(({ actionRequests }) => actionRequests.length === 3);
    if (isOneList) return expect(said(result)).toEqual(outcome);
    // Clients see several interrupts in different orders: a list would give a decision to another call.
    expect(said(result)).toEqual({});
    expect(await pending(backend, "t")).toHaveLength(3);
    const ofCall = ({ value }: { value: unknown }): string =>
      (value as { actionRequests: [{ toolCallId: string }] }).actionRequests[0].toolCallId;
    const byId = interruptsIn(result).map((shownAgain) => [
      shownAgain.id,
      { decisions: [decisionOf[ofCall(shownAgain)]] },
    ]);
    expect(said(await run.resume(Object.fromEntries(byId)))).toEqual(outcome);
  });

  it("P7 P10 a list for one interrupt id is one over the questions that this interrupt shows, and over no others", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, three);
    const interrupts = interruptsIn(await run.start());
    const [shown] = interrupts as unknown as {
      id: string;
      value: { actionRequests: { toolCallId: string }[] };
    }[];
    const order = shown?.value.actionRequests.map(({ toolCallId }) => toolCallId) ?? [];
    const decisions = [{ type: "reject", message: "no" }, approve, approve];
    const { said: result, left } = {
      said: said(await run.resume({ [String(shown?.id)]: { decisions } })),
      left: await pending(backend, "t"),
    };
    if (interrupts.length === 1 && order.length === 3) {
      const answers: Record<string, unknown> = { a: once, b: once, g: true };
      const no: Record<string, unknown> = {
        a: { decision: "reject", message: "no" },
        b: { decision: "reject", message: "no" },
        g: false,
      };
      const [first, ...others] = order as [string, string, string];
      expect(result).toEqual({
        [first]: no[first],
        ...Object.fromEntries(others.map((id) => [id, answers[id]])),
      });
      expect(left).toEqual([]);
      return;
    }
    expect(result).toEqual({});
    expect(left).toHaveLength(3);
  });

  it("P1 a list for an interrupt that shows another question by then answers none", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, [payCall("ann", "a"), { name: "twice", args: {}, id: "w" }]);
    await run.start();
    const { "Pay ann?": pay, "First?": first } = await openBy(backend);
    // A client that has seen these two: its list comes after another one has answered, and "Second?" is asked.
    await run.resume({ [idOf(first)]: true });
    await run.resume({ [idOf(pay)]: { decisions: [approve, approve] } });
    expect(Object.keys(await openBy(backend)).toSorted()).toEqual(["Pay ann?", "Second?"]);
  });

  it("P3 a bad answer leaves the question open and says what was wrong, and the right one counts", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const run = runOf(host, backend, [payCall("ann", "p")], counter);
    await run.start();
    const bad = { decisions: [{ type: "edit", editedAction: { name: "wire", args: {} } }] };
    const refused = await run.resume(bad);
    expect(interruptsIn(refused)).toMatchObject([{ value: { issues: [{ code: "mismatch" }] } }]);
    expect(await pending(backend, "t")).toHaveLength(1);
    // Whoever only looks again is shown the question without it.
    expect(interruptsIn(await run.again())).toHaveLength(1);
    expect(said(await run.resume({ decisions: [approve] }))["p"]).toEqual(once);
    expect(counter.all()).toEqual({ "approve_once ann": 1 });
  });

  it("P1 a value that was taken answers no second question when the run is started again, and the same words do", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, [{ name: "twice", args: {}, id: "w" }]);
    await run.start();
    await run.resume({ decisions: [approve] });
    expect(Object.keys(await openBy(backend))).toEqual(["Second?"]);
    await run.again();
    await resumeThread(run.graph, { thread_id: "t", backend });
    await run.again();
    expect(Object.keys(await openBy(backend))).toEqual(["Second?"]);
    const result = await run.resume({ decisions: [approve] });
    expect(outputs(result)["w"]).toBe("true true");
  });

  it("P1 P8 where the checkpointer keeps the value for ever, only ids answer", async () => {
    const backend = new InMemoryHITLBackend();
    class Stubborn extends MemorySaver {
      override async putWrites(
        ...[config, writes, task]: Parameters<MemorySaver["putWrites"]>
      ): Promise<void> {
        const isOurs = writes.some(([, value]) => (value as { hitl?: unknown } | null)?.hitl === "taken");
        if (!isOurs) await super.putWrites(config, writes, task);
      }
    }
    const calls = [{ name: "twice", args: {}, id: "w" }];
    const run = runOf(host, backend, calls, new Counter(), new Stubborn());
    await run.start();
    const [first] = await pending(backend, "t");
    await run.resume({ [idOf(first)]: true });
    for (let count = 0; count < 2; count += 1) await run.again();
    const refused = await run.resume({ decisions: [approve] });
    expect(interruptsIn(refused)[0]?.value).toMatchObject({ issues: [{ code: "ambiguous" }] });
    for (let count = 0; count < 2; count += 1) await run.again();
    const open = await openBy(backend);
    expect(Object.keys(open)).toEqual(["Second?"]);
    expect(outputs(await run.resume({ [idOf(open["Second?"])]: false }))["w"]).toBe("true false");
  });

  it("P4 P9 the same value twice at once: one answer, one effect", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const run = runOf(host, backend, [payCall("ann", "p")], counter);
    await run.start();
    const value = { decisions: [approve] };
    await Promise.all([run.resume(value), run.resume(value)]);
    await resumeThread(run.graph, { thread_id: "t", backend });
    expect(counter.all()).toEqual({ "approve_once ann": 1 });
    const [record] = (await backend.getByThread("t")).items;
    const types = (await backend.history(record?.hitl_id ?? "")).items.map(({ type }) => type);
    expect(types.filter((type) => type === "answered")).toHaveLength(1);
  });

  it("who answers is the run's user; a question for others does not take it", async () => {
    const backend = new InMemoryHITLBackend();
    const run = runOf(host, backend, [payCall("ann", "p")]);
    await run.start();
    await run.resume({ decisions: [approve] }, { holdpoint: { user_id: "kim" } });
    const [record] = (await backend.getByThread("t")).items;
    expect(record).toMatchObject({ responded_by: { id: "kim", role: "user" } });
  });

  it("survives another process: the value is read from the checkpoint of a database", async () => {
    const backend = new InMemoryHITLBackend();
    const checkpointer = SqliteSaver.fromConnString(":memory:");
    const run = runOf(host, backend, [payCall("ann", "p")], new Counter(), checkpointer);
    await run.start();
    expect(said(await run.resume({ decisions: [approve] }))["p"]).toEqual(once);
  });
});
