/** Whoever answers for somebody: by a graph, a message, the ledger, an interface. Each hears that he may not (PROTOCOL.md §5.5). */
import { describe, expect, it } from "vitest";
import {
  type HITLRecord,
  HITLSuspend,
  HITLToolNode,
  InMemoryHITLBackend,
  respondAndResume,
  sendMessage,
} from "holdpoint";
import { EffectLedger } from "holdpoint/ledger";
import { createAnswerStore } from "holdpoint/react";
import { FakeClock } from "holdpoint/testing";
import { call, chatOf } from "../message/kit.ts";
import { Counter, input, openAsk, outputs, thread, toolOf, toolsGraph } from "../nodes/kit.ts";

const metadata = { answerers: ["ann"] };
const ann = { id: "ann" };
const eve = { id: "eve" };
const yes = { confirmed: true };

const suspendOn = (hitl_type: string, more: object = {}): HITLSuspend =>
  new HITLSuspend({ hitl_type, data: { message: "Go on?" }, resume_mode: "response", metadata, ...more });

describe("who may answer", () => {
  it("P8: respondAndResume does not touch the graph for anybody else", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const pay = toolOf("pay", () => {
      counter.hit("pay");
      throw suspendOn("confirm");
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend }));
    await graph.invoke(input({ name: "pay", id: "c1" }), thread("t"));
    const { hitl_id } = await openAsk(backend, "t", "Go on?");
    for (const actor of [undefined, eve])
      expect(await respondAndResume(graph, { backend, hitl_id, response: yes, actor })).toMatchObject({
        status: "forbidden",
        record: { status: "pending", version: 1 },
        resume: null,
      });
    const answered = await respondAndResume(graph, { backend, hitl_id, response: yes, actor: ann });
    expect(answered).toMatchObject({ status: "accepted", resume: { status: "resumed" } });
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ c1: JSON.stringify(yes) });
    expect(counter.of("pay")).toBe(1);
  });

  it("P8: a tool whose list is none suspends nothing, and leaves no question", async () => {
    const backend = new InMemoryHITLBackend();
    const pay = toolOf("pay", () => {
      throw suspendOn("confirm", { metadata: { answerers: [] } });
    });
    const graph = toolsGraph(new HITLToolNode([pay], { backend, handleToolErrors: false }));
    await expect(graph.invoke(input({ name: "pay", id: "c1" }), thread("t"))).rejects.toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
    });
    expect((await backend.list({})).items).toEqual([]);
  });

  it("P8: a message of somebody else answers nothing, and waits", async () => {
    const backend = new InMemoryHITLBackend();
    const hello = toolOf("hello", () => {
      throw suspendOn("ask_user");
    });
    const graph = chatOf({ backend, tools: [hello], script: { hi: [call("hello", "c1")] } });
    const to = { backend, thread_id: "t", whenPending: "answer", ifNotExists: "create" } as const;
    await sendMessage(graph, { ...to, message: "hi" });
    const sent = { ...to, message: "Eve", message_id: "m" };
    expect(await sendMessage(graph, { ...sent, actor: eve })).toMatchObject({
      status: "forbidden",
      record: { status: "pending" },
      pending: [{ status: "pending" }],
    });
    // It is still the same message, and may be sent again by whoever may answer with it.
    expect(await sendMessage(graph, { ...sent, actor: ann })).toMatchObject({
      status: "answered",
      record: { user_response: { answer: "Eve" }, responded_by: ann },
    });
  });

  it("P4: the ledger lets nobody else approve, deny or resolve, and the effect waits as before", async () => {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const ledger = new EffectLedger({ backend });
    const one = { workflow_id: "w", tool: "pay", args: { amount: 1 } };
    const { effect } = await ledger.begin(one, { requires_approval: true, approval: { metadata } });
    const refused = { code: "ERR_HITL_FORBIDDEN", details: { hitl_id: effect.approval?.hitl_id } };
    await expect(ledger.approve(one)).rejects.toMatchObject(refused);
    await expect(ledger.approve(effect, { actor: eve })).rejects.toMatchObject(refused);
    await expect(ledger.deny(effect, "no", { actor: eve })).rejects.toMatchObject(refused);
    expect(await ledger.getEffect(effect.id)).toEqual(effect);
    const types = async (): Promise<string[]> => (await ledger.history(effect)).items.map(({ type }) => type);
    expect(await types()).toEqual(["created"]);
    const [approved, denied] = await Promise.allSettled([
      ledger.approve(effect, { actor: ann }),
      ledger.deny(effect, "no", { actor: eve }),
    ]);
    expect(approved).toEqual({ status: "fulfilled", value: true });
    // Decided before it looked, or not its to decide.
    expect(denied.status === "rejected" ? denied.reason : denied.value).toEqual(
      denied.status === "rejected" ? expect.objectContaining(refused) : false,
    );
    expect(await types()).toEqual(["created", "approved"]);
    const question = await backend.get(effect.approval?.hitl_id ?? "");
    expect(question?.responded_by).toEqual(ann);
  });

  it("P4: whoever can cancel an effect may, and one that was escalated is decided by whom it was handed to", async () => {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const ledger = new EffectLedger({ backend });
    const approval = { metadata, expiresInMs: 10, on_expire: { escalate: "eve" } } as const;
    const begun = async (workflow_id: string) =>
      (await ledger.begin({ workflow_id, tool: "pay", args: {} }, { requires_approval: true, approval }))
        .effect;
    expect(await ledger.cancel(await begun("one"), { actor: eve })).toBe(true);
    const late = await begun("two");
    await expect(ledger.approve(late, { actor: eve })).rejects.toMatchObject({ code: "ERR_HITL_FORBIDDEN" });
    clock.advance(10);
    expect(await ledger.approve(late, { actor: eve })).toBe(true);
  });

  it("P8: an interface shows that it was not its user's to answer, and the next one may", async () => {
    const backend = new InMemoryHITLBackend();
    const request = { hitl_type: "confirm", session_id: "s", data: { message: "Go on?" }, metadata };
    const { record } = await backend.create(request);
    const storeOf = (actor: { id: string }) =>
      createAnswerStore({ respond: (hitl_id, response) => backend.respond(hitl_id, response, { actor }) });
    expect(await storeOf(eve).respond(record.hitl_id, yes)).toMatchObject({
      state: "error",
      cause: "forbidden",
    });
    expect((await storeOf(ann).respond(record.hitl_id, yes)).state).toBe("answered");
  });

  it("P8: a process that remembers a question of before its escalation refuses nobody by it", async () => {
    const clock = new FakeClock();
    const backend = new InMemoryHITLBackend({ clock });
    const more = { expires_at: clock.now() + 10, on_expire: { escalate: "eve" } };
    const { record } = await backend.create({ hitl_type: "confirm", session_id: "s", metadata, ...more });
    clock.advance(10);
    await backend.get(record.hitl_id);
    const before: HITLRecord = { ...record, expires_at: null };
    const options = { actor: eve, record: before };
    expect((await backend.respond(record.hitl_id, yes, options)).status).toBe("accepted");
  });
});
