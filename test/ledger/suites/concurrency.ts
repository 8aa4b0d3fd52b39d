/** Many callers, leases, fences: one at a time, and all hear the same. */
import { expect, it } from "vitest";
import {
  isEffectFailedError,
  isEffectLedgerInvariantError,
  isEffectTimeoutError,
} from "../../../src/ledger/index.ts";
import { gate, until } from "../../support/poll.ts";
import { EffectLog, errorOf, type Suite, times } from "../kit.ts";

export function concurrency({ ledger, other, call, world }: Suite): void {
  it("P6 of many runs of one call one executes, and all get its result", async () => {
    const one = call();
    const log = new EffectLog();
    const inside = gate();
    const results = times(16, (n) =>
      (n % 2 === 0 ? ledger() : other()).run(one, async () => {
        log.add(`by ${n}`);
        await inside.passed;
        return `by ${n}`;
      }),
    );
    await until("all callers", async () => (await ledger().begin(one)).effect.dedup_count >= 16);
    inside.open();
    expect(new Set(await results)).toEqual(new Set(log.entries));
    expect(log.count).toBe(1);
  });

  it("P6 of many runs of a call that fails one throws its error, and all others hear of it", async () => {
    const one = call();
    const log = new EffectLog();
    const inside = gate();
    const original = new Error("declined");
    const errors = times(8, (n) =>
      errorOf(() =>
        (n % 2 === 0 ? ledger() : other()).run(one, async () => {
          log.add("tried");
          await inside.passed;
          throw original;
        }),
      ),
    );
    await until("all callers", async () => (await ledger().begin(one)).effect.dedup_count >= 8);
    inside.open();
    const thrown = await errors;
    expect(thrown.filter((error) => error === original)).toHaveLength(1);
    expect(thrown.filter(isEffectFailedError)).toHaveLength(7);
    expect(log.count).toBe(1);
  });

  it("P9 a handler that beats is never taken over, however slow it is", async () => {
    const one = call();
    const log = new EffectLog();
    // Beats are so far apart that none overtakes another on a busy machine: their times are those of this clock.
    const leaseMs = 300;
    const options = { leaseMs, inDoubt: "retry" } as const;
    let renewed = 0;
    const first = ledger().run(
      one,
      async ({ effect }) => {
        log.add("first");
        // The clock goes on by half of a lease whenever a beat has come.
        let last = effect.lease?.expires_at ?? 0;
        await until("beats", async () => {
          const now = await other().getEffect(effect.id);
          const expires_at = now?.lease?.expires_at ?? 0;
          if (expires_at <= last && renewed > 0) return false;
          last = expires_at;
          renewed += 1;
          world().clock.advance(leaseMs / 2);
          return renewed > 5;
        });
        return "first";
      },
      options,
    );
    await until("the first handler", () => log.count === 1);
    const second = other().run(one, () => log.add("second"), options);
    expect(await Promise.all([first, second])).toEqual(["first", "first"]);
    expect(log.entries).toEqual(["first"]);
  });

  it("P9 the signal aborts when the lease is lost, and what follows is no outcome", async () => {
    const one = call();
    const error = await errorOf(() =>
      ledger().run(
        one,
        async ({ signal, effect }) => {
          world().clock.advance(60);
          expect((await other().getEffect(effect.id))?.status).toBe("in_doubt");
          await until("the abort", () => signal.aborted);
          expect(signal.reason).toMatchObject({ code: "ERR_HITL_LEASE_LOST" });
          return "late";
        },
        { leaseMs: 60 },
      ),
    );
    expect(error["code"]).toBe("ERR_HITL_LEASE_LOST");
  });

  it("P9 of many workers that meet a dead one's call exactly one takes it over, with a higher fence", async () => {
    const one = call();
    const log = new EffectLog<number>();
    await ledger().begin(one, { leaseMs: 1000 });
    world().clock.advance(1000);
    const results = await times(12, (n) =>
      (n % 2 === 0 ? ledger() : other()).run(one, ({ fence }) => log.add(fence), { inDoubt: "retry" }),
    );
    expect(log.entries).toEqual([2]);
    expect(new Set(results)).toEqual(new Set([2]));
  });

  it("P9 nobody takes a call over before its lease has run out, however often it is repeated", async () => {
    const one = call();
    const log = new EffectLog();
    const { effect } = await ledger().begin(one, { leaseMs: 1000 });
    const options = { inDoubt: "retry", concurrency: { waitTimeoutMs: 15 } } as const;
    for (const ms of [0, 500, 499]) {
      world().clock.advance(ms);
      expect(isEffectTimeoutError(await errorOf(() => other().run(one, () => log.add("ran"), options)))).toBe(
        true,
      );
      expect(await other().claim(one, { inDoubt: "retry" })).toBeNull();
    }
    // Repeating the call has not made the dead worker live longer.
    expect((await other().getEffect(effect.id))?.lease).toEqual(effect.lease);
    world().clock.advance(1);
    expect(await other().run(one, () => log.add("ran"), options)).toBe("ran");
  });

  it("says how long it has waited for another worker, and leaves him alone", async () => {
    const one = call();
    const own = ledger();
    const { effect } = await own.begin(one);
    const error = await errorOf(() =>
      other().run(one, () => "never", { concurrency: { waitTimeoutMs: 20 } }),
    );
    expect(isEffectTimeoutError(error)).toBe(true);
    expect(error).toMatchObject({ idem_key: effect.idem_key, timeout_ms: 20, hitl_id: null });
    expect(await own.commit(effect, { status: "succeeded", result: 1 })).toBe(true);
  });

  it("a waiter is woken by the outcome, and ends when its own signal says so", async () => {
    const one = call();
    const own = ledger();
    const { effect } = await own.begin(one);
    // Nobody looks again within the test: only the watch can wake it.
    const lazy = { maxIntervalMs: 600_000, jitterFactor: 0, waitTimeoutMs: null };
    const seen = other().run(one, () => "never", { concurrency: lazy });
    const user = new AbortController();
    const left = errorOf(() => own.run(one, () => "never", { signal: user.signal, concurrency: lazy }));
    await until("both waiters", async () => (await own.getEffect(effect.id))?.dedup_count === 2);
    user.abort();
    expect((await left)["code"]).toBe("ERR_HITL_ABORTED");
    await own.commit(effect, { status: "succeeded", result: "done" });
    expect(await seen).toBe("done");
  });

  it("an effect that vanishes while it is waited for is an invariant error", async () => {
    const one = call();
    const { effect } = await ledger().begin(one);
    const waiting = errorOf(() => other().run(one, () => "never"));
    await until("the waiter", async () => (await ledger().getEffect(effect.id))?.dedup_count === 1);
    const { store } = world().backends[0];
    await until("the removal", async () => (await store.remove(await existing(effect.id))) === 1);
    expect(isEffectLedgerInvariantError(await waiting)).toBe(true);
  });

  async function existing(id: string) {
    const [stored] = await world().backends[0].store.get([id]);
    return stored ? [stored] : [];
  }
}
