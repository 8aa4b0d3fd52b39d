/** By hand: begin, claim, renew, commit. */
import { expect, it } from "vitest";
import { isEffectLedgerValidationError } from "../../../src/ledger/index.ts";
import { errorOf, type Suite, times, typesOf } from "../kit.ts";

export function beginAndCommit({ ledger, other, call, world }: Suite): void {
  it("P6 the first call is fresh, the second replayed, and each one more is counted", async () => {
    const one = call();
    const first = await ledger().begin(one);
    expect(first).toMatchObject({
      cached: false,
      idempotency_status: "fresh",
      effect: { status: "processing", dedup_count: 0, attempt: 1, fence: 1, completed_at: null },
    });
    expect(first.effect.lease?.expires_at).toBe(world().clock.now() + 60_000);
    for (const dedup_count of [1, 2, 3]) {
      const again = await other().begin(one);
      expect(again).toMatchObject({ cached: false, idempotency_status: "replayed", effect: { dedup_count } });
      expect(again).not.toHaveProperty("cached_result");
      expect(again.effect.version).toBe(first.effect.version);
    }
  });

  it("P6 a terminal effect is cached, with its result where there is one", async () => {
    const [good, bad] = [call(), call()];
    const own = ledger();
    const { effect } = await own.begin(good);
    expect(await own.commit(effect.id, { status: "succeeded", result: null })).toBe(true);
    expect(await other().begin(good)).toMatchObject({
      cached: true,
      cached_result: null,
      effect: { status: "succeeded", lease: null, completed_at: world().clock.now() },
    });
    const failed = await own.begin(bad);
    const error = { message: "card declined", code: "card_declined" };
    expect(await own.commit(failed.effect, { status: "failed", error })).toBe(true);
    const replayed = await other().begin(bad);
    expect(replayed).toMatchObject({ cached: true, effect: { status: "failed", error, result: null } });
    expect(replayed).not.toHaveProperty("cached_result");
  });

  it("P6 of many concurrent begins exactly one is fresh", async () => {
    const one = call();
    const [a, b] = [ledger(), other()];
    const began = await times(20, (n) => (n % 2 === 0 ? a : b).begin(one));
    expect(began.filter(({ idempotency_status }) => idempotency_status === "fresh")).toHaveLength(1);
    expect(new Set(began.map(({ effect }) => effect.id)).size).toBe(1);
    expect((await a.findByIdemKey(a.computeIdemKey(one)))?.dedup_count).toBe(19);
  });

  it("P6 a commit is refused for an effect that is unknown, terminal, or waits", async () => {
    const own = ledger();
    const outcome = { status: "succeeded", result: 1 } as const;
    expect(await own.commit("nobody", outcome)).toBe(false);
    expect(await own.commit(`effect_${"0".repeat(32)}`, outcome)).toBe(false);
    const { effect } = await own.begin(call());
    expect(await own.commit(effect.id, outcome)).toBe(true);
    expect(await own.commit(effect.id, { status: "succeeded", result: 2 })).toBe(false);
    expect((await own.getEffect(effect.id))?.result).toBe(1);
    const asked = await own.begin(call(), { requires_approval: true });
    expect(await own.commit(asked.effect.id, outcome)).toBe(false);
    await own.approve(asked.effect);
    expect(await own.commit(asked.effect.id, outcome)).toBe(false);
  });

  it("P9 who has not begun an effect does not end it, unless it was given the fence", async () => {
    const one = call();
    const { effect } = await ledger().begin(one);
    const replayed = await other().begin(one);
    const thief = await errorOf(() => other().commit(replayed.effect, { status: "succeeded" }));
    expect(isEffectLedgerValidationError(thief) && thief.field).toBe("fence");
    expect(await other().commit(effect.id, { status: "succeeded" }, { fence: effect.fence + 1 })).toBe(false);
    expect(await other().commit(effect.id, { status: "succeeded" }, { fence: effect.fence })).toBe(true);
  });

  it("P9 a lease that is renewed lasts, one that ran out is lost and what comes then is evidence", async () => {
    const one = call();
    const own = ledger({ defaults: { leaseMs: 1000 } });
    const { effect } = await own.begin(one);
    world().clock.advance(900);
    expect(await own.renew(effect)).toBe(true);
    world().clock.advance(900);
    expect((await own.getEffect(effect.id))?.status).toBe("processing");
    world().clock.advance(100);
    expect(await own.renew(effect)).toBe(false);
    expect(await own.commit(effect.id, { status: "succeeded", result: "late" })).toBe(false);
    expect(await own.getEffect(effect.id)).toMatchObject({ status: "in_doubt", result: null });
    const { items } = await own.history(one);
    expect(items.at(-1)).toMatchObject({
      type: "in_doubt",
      data: { late_outcome: { status: "succeeded", result: "late", fence: 1 } },
    });
    // And once somebody else has noticed.
    const two = call();
    const second = await own.begin(two);
    world().clock.advance(1000);
    expect((await other().getEffect(second.effect.id))?.status).toBe("in_doubt");
    expect(await own.commit(second.effect.id, { status: "succeeded", result: "later" })).toBe(false);
    expect(await typesOf(own, two)).toEqual(["created", "in_doubt", "late_outcome"]);
  });

  it("P9 one of many claims gets an approved effect, and can commit it", async () => {
    const one = call();
    const own = ledger();
    await own.begin(one, { requires_approval: true });
    expect(await own.claim(one)).toBeNull();
    expect(await own.approve(one, { actor: { id: "alice" } })).toBe(true);
    const ledgers = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? ledger() : other()));
    const claims = await Promise.all(ledgers.map((each) => each.claim(one)));
    const winner = claims.findIndex((claimed) => claimed !== null);
    expect(claims.filter((claimed) => claimed !== null)).toHaveLength(1);
    expect(claims[winner]).toMatchObject({ status: "processing", attempt: 1, fence: 1 });
    const outcome = { status: "succeeded", result: "paid" } as const;
    expect(await ledgers[winner]?.commit(claims[winner]?.id ?? "", outcome)).toBe(true);
    expect(await ledger().run(one, () => "again")).toBe("paid");
  });

  it("P8 a begun effect can be held for approval by its holder, and by nobody else", async () => {
    const one = call();
    const own = ledger();
    const { effect } = await own.begin(one);
    expect(await other().requestApproval(effect.idem_key)).toBe(false);
    expect(await own.requestApproval(effect.idem_key)).toBe(true);
    expect(await own.requestApproval(effect.idem_key)).toBe(false);
    expect(await own.getEffect(effect.id)).toMatchObject({ status: "requires_approval", lease: null });
    expect(await own.commit(effect.id, { status: "succeeded" })).toBe(false);
    expect(await own.deny(effect.idem_key, "no")).toBe(true);
    expect(await own.requestApproval("f".repeat(64))).toBe(false);
  });
}
