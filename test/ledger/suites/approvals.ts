/** Approval: asked before anything could run, bound to what was shown, answered once. */
import { expect, it } from "vitest";
import type { HITLRecord } from "holdpoint";
import {
  type Effect,
  type EffectLedger,
  isEffectDeniedError,
  isEffectTimeoutError,
} from "../../../src/ledger/index.ts";
import { hashJson } from "../../../src/core/ids.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import { until } from "../../support/poll.ts";
import { EffectLog, errorOf, type Suite, times, typesOf } from "../kit.ts";

const alice = { id: "alice", role: "user", name: "Alice" } as const;
const needs = { requires_approval: true } as const;

export function approvals({ ledger, other, call, world }: Suite): void {
  const open = async (session_id: string): Promise<readonly HITLRecord[]> =>
    (await world().backends[1].getPendingBySession(session_id)).items;
  const waitsFor = async (own: EffectLedger, key: string, status: Effect["status"]): Promise<void> =>
    until(status, async () => (await own.findByIdemKey(key))?.status === status);

  it("P8 the effect is made together with its question, and every inbox shows it", async () => {
    const one = call({ call_id: "call_1" });
    const { effect, cached, idempotency_status } = await ledger().begin(one, {
      ...needs,
      policy_version: "v1",
      approval: { message: "Charge 10 USD?", assignee: "desk", preview: { total: 1000 } },
    });
    expect({ cached, idempotency_status }).toEqual({ cached: false, idempotency_status: "fresh" });
    expect(effect).toMatchObject({ status: "requires_approval", attempt: 0, fence: 0, lease: null });
    expect(await typesOf(ledger(), one)).toEqual(["created"]);
    const [question, ...more] = await open(one.workflow_id);
    expect(more).toEqual([]);
    expect(question).toMatchObject({
      hitl_id: effect.approval?.hitl_id,
      hitl_type: "permission",
      tool_name: one.tool,
      tool_call_id: "call_1",
      assignee: "desk",
      data: {
        message: "Charge 10 USD?",
        tool: one.tool,
        args: one.args,
        preview: { total: 1000 },
        allowed_decisions: ["approve_once", "reject"],
      },
      subject: { tool: one.tool, args: one.args, approved_hash: effect.call_hash, rule_version: "v1" },
      metadata: { effect_id: effect.id, idem_key: effect.idem_key, workflow_id: one.workflow_id },
    });
  });

  it("P4 approve answers the question in the same commit, and says who, when and why", async () => {
    const one = call();
    const { effect } = await ledger().begin(one, needs);
    world().clock.advance(5);
    expect(await other().approve(effect.idem_key, { actor: alice, reason: "known customer" })).toBe(true);
    const decided = {
      decision: "approved",
      decided_by: alice,
      decided_at: world().clock.now(),
      reason: "known customer",
    };
    expect(await ledger().getEffect(effect.id)).toMatchObject({ status: "ready", approval: decided });
    expect(await world().backends[0].get(effect.approval?.hitl_id ?? "")).toMatchObject({
      status: "completed",
      user_response: { decision: "approve_once", message: "known customer" },
      responded_by: alice,
      responded_at: world().clock.now(),
    });
    const { items } = await ledger().history(one);
    expect(items.at(-1)).toMatchObject({ type: "approved", actor: alice, reason: "known customer" });
    expect(await ledger().approve(one)).toBe(false);
    expect(await ledger().deny(one)).toBe(false);
    const log = new EffectLog();
    expect(await other().run(one, ({ attempt }) => log.add(`paid ${attempt}`))).toBe("paid 1");
  });

  it("P8 deny ends it with its reason, for every caller", async () => {
    const one = call();
    const log = new EffectLog();
    await ledger().begin(one, needs);
    expect(await other().deny(one, "Not authorized", { actor: alice })).toBe(true);
    for (const own of [ledger(), other()]) {
      const error = await errorOf(() => own.run(one, () => log.add("ran")));
      expect(isEffectDeniedError(error)).toBe(true);
      expect(error).toMatchObject({
        message: "Not authorized",
        reason: "Not authorized",
        status: "denied",
        code: "ERR_HITL_EFFECT_DENIED",
      });
    }
    const { effect } = await ledger().begin(one);
    expect(effect).toMatchObject({ status: "denied", error: { message: "Not authorized" } });
    expect(await ledger().approve(one)).toBe(false);
    expect(await ledger().retry(one)).toBe(false);
    const silent = call();
    await ledger().begin(silent, needs);
    expect(await ledger().deny(silent)).toBe(true);
    expect((await ledger().begin(silent)).effect.error).toBeNull();
    const error = await errorOf(() => ledger().run(silent, () => log.add("ran")));
    expect(error.message).toBe(`Effect ${ledger().computeIdemKey(silent)} was denied`);
    expect(log.count).toBe(0);
  });

  it("P4 of racing approvals and denials exactly one decides, and the effect agrees", async () => {
    for (let round = 0; round < 5; round += 1) {
      const one = call();
      await ledger().begin(one, needs);
      const own = [ledger(), other()] as const;
      const said = await times(8, (n) => (n % 2 === 0 ? own[0].approve(one) : own[1].deny(one, `no ${n}`)));
      expect(said.filter(Boolean)).toHaveLength(1);
      const { effect } = await ledger().begin(one);
      expect(effect.status).toBe(said.findIndex(Boolean) % 2 === 0 ? "ready" : "denied");
      expect(await open(one.workflow_id)).toEqual([]);
    }
  });

  it("P4 an answer in any inbox moves the effect, for whoever meets it next", async () => {
    const answers = [
      [{ decision: "approve_once" }, "ready", null],
      [{ decision: "reject", message: "too much" }, "denied", "too much"],
    ] as const;
    for (const [answer, status, reason] of answers) {
      const one = call();
      const { effect } = await ledger().begin(one, needs);
      const { approval, id } = effect;
      const inbox = world().backends[1];
      const invalid = await inbox.respond(approval?.hitl_id ?? "", { decision: "edit", edited_args: {} });
      expect(invalid.status).toBe("invalid");
      const answered = await inbox.respond(approval?.hitl_id ?? "", answer, { actor: alice });
      expect(answered.status).toBe("accepted");
      // Decided is decided: the ledger has not met it yet, and still nobody can decide otherwise.
      expect(await ledger().deny(one)).toBe(false);
      expect(await ledger().getEffect(id)).toMatchObject({ status, approval: { decided_by: alice, reason } });
      expect((await ledger().list({ workflow_id: one.workflow_id, status })).items).toHaveLength(1);
    }
  });

  it("P8 a question that was cancelled, or has expired, cancels the effect", async () => {
    const [cancelled, expired] = [call(), call()];
    const log = new EffectLog();
    const first = await ledger().begin(cancelled, needs);
    await world().backends[1].cancel(first.effect.approval?.hitl_id ?? "", { reason: "new plan" });
    await ledger().begin(expired, { ...needs, approval: { expiresInMs: 1000 } });
    world().clock.advance(1000);
    expect(await ledger().approve(expired)).toBe(false);
    for (const [one, reason] of [
      [cancelled, "new plan"],
      [expired, "expired"],
    ] as const) {
      const error = await errorOf(() => other().run(one, () => log.add("ran")));
      expect(error).toMatchObject({ status: "canceled", reason });
    }
    expect(log.count).toBe(0);
  });

  it("P6 cancel calls off an effect that has not begun, its question too, and no other", async () => {
    const [asked, approved, running] = [call(), call(), call()];
    const own = ledger();
    await own.begin(asked, needs);
    await own.begin(approved, needs);
    await own.approve(approved);
    await own.begin(running);
    const waiting = errorOf(() => other().run(asked, () => "never"));
    expect(await own.cancel(asked, { actor: alice, reason: "customer left" })).toBe(true);
    expect(await waiting).toMatchObject({ status: "canceled", reason: "customer left" });
    expect(await open(asked.workflow_id)).toEqual([]);
    expect(await own.cancel(approved)).toBe(true);
    expect(isEffectDeniedError(await errorOf(() => own.run(approved, () => "never")))).toBe(true);
    expect(await own.cancel(running)).toBe(false);
    // Approved in an inbox, and not met by the ledger yet.
    const met = (await own.begin(call(), needs)).effect;
    await world().backends[1].respond(met.approval?.hitl_id ?? "", { decision: "approve_once" });
    expect(await own.cancel(met.idem_key)).toBe(true);
    expect(await own.cancel(asked)).toBe(false);
  });

  it("P9 many runners wait for one approval: one executes, all get its result", async () => {
    const one = call();
    const log = new EffectLog();
    const runners = times(12, (n) =>
      (n % 2 === 0 ? ledger() : other()).run(one, () => log.add(`by ${n}`), needs),
    );
    const key = ledger().computeIdemKey(one);
    await waitsFor(ledger(), key, "requires_approval");
    expect(log.count).toBe(0);
    expect(await ledger().approve(key)).toBe(true);
    const results = await runners;
    expect(log.count).toBe(1);
    expect(new Set(results)).toEqual(new Set(log.entries));
  });

  it("P8 a runner that waits is told of a denial at once, and of a timeout without losing the question", async () => {
    const [denied, slow] = [call(), call()];
    const log = new EffectLog();
    const waiting = errorOf(() => ledger().run(denied, () => log.add("ran"), needs));
    const key = ledger().computeIdemKey(denied);
    await waitsFor(other(), key, "requires_approval");
    await other().deny(key, "no");
    expect(isEffectDeniedError(await waiting)).toBe(true);
    const options = { ...needs, concurrency: { approvalTimeoutMs: 30 } };
    const error = await errorOf(() => ledger().run(slow, () => log.add("ran"), options));
    expect(isEffectTimeoutError(error)).toBe(true);
    const [question] = await open(slow.workflow_id);
    expect(error).toMatchObject({ timeout_ms: 30, hitl_id: question?.hitl_id });
    expect(await other().approve(slow)).toBe(true);
    expect(await ledger().run(slow, () => log.add("late"), options)).toBe("late");
    expect(log.entries).toEqual(["late"]);
  });

  it("P7 an approval counts for its arguments and its policy: for others it is asked again, with the difference", async () => {
    const resource = { namespace: "bank", type: "transfer", id: { nr: call().workflow_id } };
    const one = call({ resource, args: { amount: 10 } });
    const more = { ...one, args: { amount: 10_000 } };
    const log = new EffectLog();
    const own = ledger();
    await own.begin(one, needs);
    await own.approve(one);
    expect(await own.claim(more)).toBeNull();
    const running = other().run(more, ({ effect }) => log.add(effect.args_canonical));
    await waitsFor(own, own.computeIdemKey(one), "requires_approval");
    const [question] = await open(one.workflow_id);
    expect(question?.data).toMatchObject({ args: { amount: 10_000 }, previous_args: { amount: 10 } });
    expect(log.count).toBe(0);
    expect(await own.approve(more)).toBe(true);
    expect(await running).toBe('{"amount":10000}');
    // A new version of the policy is another approval.
    const versioned = call();
    await own.begin(versioned, { ...needs, policy_version: "v1" });
    await own.approve(versioned);
    expect(await own.claim(versioned, { policy_version: "v2" })).toBeNull();
    expect(await own.claim(versioned, { policy_version: "v1" })).not.toBeNull();
  });

  it("P7 what is approved is the hash of tool and arguments, and of the policy where it has a version", async () => {
    const calls = [
      { tool: 'pay "all"\u2028', args: { b: [1, { z: null, a: "é" }], a: -0, 10: 1, 9: 2 } },
      { tool: "日本 🎈", args: {} },
    ];
    for (const more of calls) {
      const args = JSON.parse(JSON.stringify(more.args)) as JsonObject;
      expect((await ledger().begin(call(more))).effect.call_hash).toBe(hashJson([more.tool, args]));
      const { effect } = await ledger().begin(call(more), { policy_version: "v1" });
      expect(effect.call_hash).toBe(hashJson([more.tool, args, "v1"]));
    }
  });

  it("P7 a decision about what was shown does not count for what is asked by now", async () => {
    const resource = { namespace: "bank", type: "transfer", id: { nr: call().workflow_id } };
    const one = call({ resource, args: { amount: 10 } });
    const own = ledger();
    const shown = (await own.begin(one, needs)).effect;
    await other().approve(one);
    await errorOf(() =>
      own.run({ ...one, args: { amount: 10_000 } }, () => "never", {
        concurrency: { approvalTimeoutMs: 20 },
      }),
    );
    expect(await own.approve(shown)).toBe(false);
    expect(await own.deny(one, "no", { hitl_id: shown.approval?.hitl_id })).toBe(false);
    const now = await own.getEffect(shown.id);
    expect(now).toMatchObject({ status: "requires_approval", approval: { decision: null } });
    expect(await own.approve(now as Effect)).toBe(true);
  });

  it("P8 an effect that was made without approval is not run by a caller who needs one", async () => {
    const one = call();
    const own = ledger();
    await errorOf(() => own.run(one, () => Promise.reject(new Error("m"))));
    expect(await own.retry(one)).toBe(true);
    const log = new EffectLog();
    const options = { ...needs, concurrency: { approvalTimeoutMs: 20 } };
    expect(isEffectTimeoutError(await errorOf(() => other().run(one, () => log.add("ran"), options)))).toBe(
      true,
    );
    expect((await own.begin(one)).effect).toMatchObject({
      status: "requires_approval",
      requires_approval: true,
    });
    // And by one who needs none neither, from now on.
    expect(
      isEffectTimeoutError(
        await errorOf(() => own.run(one, () => log.add("ran"), { concurrency: { approvalTimeoutMs: 20 } })),
      ),
    ).toBe(true);
    expect(log.count).toBe(0);
  });

  it("P8 what cannot be shown whole cannot be approved, and nothing is written", async () => {
    const one = call({ args: { text: "x".repeat(200 * 1024) } });
    const error = await errorOf(() => ledger().run(one, () => "ran", needs));
    expect(error["code"]).toBe("ERR_HITL_TOO_LARGE");
    expect(await ledger().findByIdemKey(ledger().computeIdemKey(one))).toBeNull();
    expect(await ledger().run(one, () => "ran")).toBe("ran");
  });
}
