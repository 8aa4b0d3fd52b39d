/** Before a call runs: policy, grant or answer; nothing else lets it (P7, P8). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type HITLRecord, InMemoryHITLBackend } from "holdpoint";
import { FakeClock } from "holdpoint/testing";
import {
  definePolicy,
  type GateResult,
  PolicyGate,
  PolicyGrants,
  type PolicyRule,
} from "../../src/policy/index.ts";
import { answeredPast } from "./kit.ts";

const pay: PolicyRule = {
  id: "pay",
  for: "pay",
  verdict: "ask",
  allowed_decisions: ["approve_once", "approve_always", "edit", "reject", "respond", "skip"],
  answerers: ["ann"],
  grant: { args: ["to"] },
};
const rules: readonly PolicyRule[] = [
  {
    id: "none",
    for: "pay",
    when: ({ args }) => Number(args["amount"]) > 1000,
    verdict: "deny",
    message: "Too much.",
  },
  {
    id: "much",
    for: "pay",
    when: ({ args }) => Number(args["amount"]) > 100,
    verdict: "ask",
    answerers: ["cfo"],
  },
  { id: "small", for: "pay", when: ({ args }) => Number(args["amount"]) < 1, verdict: "allow" },
  pay,
];
const where = { session_id: "s" };

function setUp(given: readonly PolicyRule[] = rules) {
  const clock = new FakeClock();
  const backend = new InMemoryHITLBackend({ clock });
  const grants = new PolicyGrants({ backend });
  const gateOf = (some: readonly PolicyRule[]) =>
    new PolicyGate({ policy: definePolicy({ rules: some }), grants });
  const gate = gateOf(given);
  const by = { ...where, call_id: "c" };
  const check = (
    args: Record<string, unknown>,
    question: HITLRecord | null = null,
    { of = gate, call_id = "c" }: { of?: PolicyGate; call_id?: string } = {},
  ): Promise<GateResult> => of.check({ name: "pay", args }, where, { ...by, call_id }, question);
  const asked = async (args: Record<string, unknown>, result?: GateResult): Promise<HITLRecord> => {
    const found = result ?? (await check(args));
    if (found.outcome !== "ask") throw new Error(`${found.outcome}, not ask`);
    return (await backend.create({ ...found.question.request, ...where })).record;
  };
  const answer = async (record: HITLRecord, response: unknown, actor = "ann"): Promise<HITLRecord> => {
    const { status } = await backend.respond(record.hitl_id, response, { actor: { id: actor } });
    expect(status).toBe("accepted");
    return (await backend.get(record.hitl_id)) as HITLRecord;
  };
  return { clock, backend, grants, gateOf, check, asked, answer };
}

const args = { to: "x", amount: 50 };

describe("before a call runs", () => {
  it("the policy decides, where it asks nobody", async () => {
    const { check } = setUp();
    expect(await check({ amount: 0 })).toMatchObject({
      outcome: "run",
      because: "policy",
      args: { amount: 0 },
    });
    const denied = await check({ amount: 5000 });
    expect(denied).toMatchObject({ outcome: "answer", because: "denied", message: "Too much.", error: true });
  });

  it("an open question is waited for", async () => {
    const { check, asked } = setUp();
    const record = await asked(args);
    expect(await check(args, record)).toEqual({ outcome: "wait", hitl_id: record.hitl_id });
  });

  it("an approval counts for what was shown, and else is asked again with both (P7)", async () => {
    const { check, asked, answer } = setUp();
    const record = await answer(await asked(args), { decision: "approve_once" });
    expect(await check(args, record)).toMatchObject({ outcome: "run", because: "answer", args });
    const again = await check({ ...args, amount: 51 }, record);
    expect(again).toMatchObject({ outcome: "ask", question: { request: { data: { previous_args: args } } } });
    const second = await answer(await asked(args, again), { decision: "approve_once" });
    expect(await check({ ...args, amount: 51 }, second)).toMatchObject({ outcome: "run", because: "answer" });
    expect(await check(args, second)).toMatchObject({ outcome: "ask" });
  });

  it("a deploy with the same rules asks nothing again, one with others does, and a deny wins (P7)", async () => {
    const { check, asked, answer, gateOf } = setUp();
    const record = await answer(await asked(args), { decision: "approve_once" });
    const now = (some: readonly PolicyRule[]) => check(args, record, { of: gateOf(some) });
    expect(await now([...rules])).toMatchObject({ outcome: "run" });
    expect(await now([{ id: "x", for: "other", verdict: "deny" }, ...rules])).toMatchObject({
      outcome: "run",
    });
    expect(await now([{ ...pay, risk_level: "medium" }])).toMatchObject({ outcome: "ask" });
    expect(await now([{ ...pay, id: "renamed" }])).toMatchObject({ outcome: "ask" });
    expect(await now([{ for: "pay", verdict: "deny" }, ...rules])).toMatchObject({ because: "denied" });
    expect(await now([{ for: "pay", verdict: "allow" }])).toMatchObject({
      outcome: "run",
      because: "policy",
    });
  });

  it("edited arguments go through the policy again (P7)", async () => {
    const { check, asked, answer } = setUp();
    const edited = async (amount: number): Promise<GateResult> => {
      const edited_args = { to: "x", amount };
      return check(args, await answer(await asked(args), { decision: "edit", edited_args }));
    };
    const run = await edited(40);
    expect(run).toMatchObject({ outcome: "run", because: "answer", args: { amount: 40 } });
    expect(run.outcome === "run" && run.note).toContain('"amount":40');
    expect(await edited(5000)).toMatchObject({ outcome: "answer", because: "denied" });
    // Another rule asks, and somebody else has to answer.
    expect(await edited(500)).toMatchObject({ outcome: "ask", decision: { rule_id: "much" } });
    expect(await edited(0)).toMatchObject({ outcome: "run" });
  });

  it("the model reads why a call did not run, or what stands in its place", async () => {
    const { check, asked, answer } = setUp();
    const result = async (response: unknown) => check(args, await answer(await asked(args), response));
    const rejected = await result({ decision: "reject", message: "not today" });
    expect(rejected).toMatchObject({ because: "rejected", error: true });
    expect(rejected).toHaveProperty("message", expect.stringContaining("not today"));
    expect(await result({ decision: "respond", message: "It was paid." })).toMatchObject({
      outcome: "answer",
      because: "responded",
      message: "It was paid.",
      error: false,
    });
    expect(await result({ decision: "skip" })).toMatchObject({ because: "skipped", error: false });
  });

  it("what expired, was cancelled, or answered by somebody who may not, is no approval (P8)", async () => {
    const { check, asked, backend, clock } = setUp([{ ...pay, expiresInMs: 10 }]);
    const cancelled = await asked(args);
    await backend.cancel(cancelled.hitl_id, { reason: "superseded" });
    expect(await check(args, await backend.get(cancelled.hitl_id))).toMatchObject({
      because: "cancelled",
      error: true,
    });
    const result = await check(args);
    if (result.outcome !== "ask") throw new Error("it is asked");
    const expires_at = clock.now() + (result.question.expiresInMs ?? 0);
    const { record } = await backend.create({ ...result.question.request, ...where, expires_at });
    clock.advance(11);
    expect(await check(args, await backend.get(record.hitl_id))).toMatchObject({
      because: "expired",
      error: true,
    });
    for (const decision of ["approve_once", "approve_always"]) {
      const question = await asked(args);
      const refused = await backend.respond(question.hitl_id, { decision }, { actor: { id: "mallory" } });
      expect(refused.status).toBe("forbidden");
      const forged = await answeredPast(backend, question, { decision }, { id: "mallory" });
      expect(await check(args, forged)).toMatchObject({ because: "rejected" });
    }
    expect(await check(args, null, { call_id: "next" })).toMatchObject({ outcome: "ask" });
  });

  it("what the author himself has written for the deadline counts for the call, and for no other (P8)", async () => {
    for (const decision of ["approve_once", "approve_always"]) {
      const { check, backend, clock, grants } = setUp([{ ...pay, on_expire: { respond: { decision } } }]);
      const result = await check(args);
      if (result.outcome !== "ask") throw new Error("it is asked");
      const expires_at = clock.now() + 10;
      const { record } = await backend.create({ ...result.question.request, ...where, expires_at });
      clock.advance(11);
      expect(await check(args, await backend.get(record.hitl_id))).toMatchObject({
        outcome: "run",
        because: "answer",
      });
      expect((await grants.list()).items).toEqual([]);
      expect(await check(args, null, { call_id: "next" })).toMatchObject({ outcome: "ask" });
    }
  });

  it("an approval for always lets the call run, and later ones by its grant, until it is revoked", async () => {
    const { check, asked, answer, grants } = setUp();
    const record = await answer(await asked(args), { decision: "approve_always" });
    expect(await check(args, record)).toMatchObject({ outcome: "run", because: "answer" });
    const later = await check({ ...args, amount: 70 }, null, { call_id: "c2" });
    expect(later).toMatchObject({ outcome: "run", because: "grant" });
    expect(await check({ ...args, to: "y" }, null, { call_id: "c3" })).toMatchObject({ outcome: "ask" });
    expect(await check({ ...args, amount: 500 }, null, { call_id: "c4" })).toMatchObject({ outcome: "ask" });
    expect(await check({ ...args, amount: 5000 }, null, { call_id: "c5" })).toMatchObject({
      because: "denied",
    });
    const [grant] = (await grants.list()).items;
    await grants.revoke(grant?.grant_id ?? "");
    expect(await check(args, null, { call_id: "c6" })).toMatchObject({ outcome: "ask" });
    expect(await check({ ...args, amount: 70 }, null, { call_id: "c2" })).toMatchObject({ outcome: "ask" });
  });

  it("nothing but a clear yes lets it run, whatever stands in the record (P8)", async () => {
    const { check, asked } = setUp();
    const open = await asked(args);
    const response = fc.oneof(
      fc.jsonValue(),
      fc.record({
        decision: fc.oneof(fc.jsonValue(), fc.constantFrom("approve", "yes", "accept", "reject", "skip")),
      }),
    );
    const status = fc.constantFrom<HITLRecord["status"]>("pending", "completed", "cancelled", "expired");
    await fc.assert(
      fc.asyncProperty(status, response, async (ends, user_response) => {
        const given = user_response as { decision?: unknown } | null;
        fc.pre(!["approve_once", "approve_always", "edit"].includes(String(given?.decision)));
        const record = { ...open, status: ends, user_response, responded_by: { id: "ann" } } as HITLRecord;
        expect((await check(args, record)).outcome).not.toBe("run");
      }),
      { numRuns: 300 },
    );
  });
});
