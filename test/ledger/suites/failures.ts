/** What has failed stays failed, unless somebody has said otherwise; and how long all of it is kept. */
import { expect, it } from "vitest";
import { isEffectFailedError, type RetryPolicy } from "../../../src/ledger/index.ts";
import { EffectLog, errorOf, type Suite, times, typesOf } from "../kit.ts";

const DAY = 24 * 60 * 60 * 1000;
const quick: RetryPolicy = { attempts: 3, initialDelayMs: 1, maxDelayMs: 2 };

export function failures({ ledger, other, call, world }: Suite): void {
  /** Fails `times` times with `code`, then succeeds. */
  const flaky = (log: EffectLog<number>, failing: number, code = "busy") => {
    return ({ attempt }: { readonly attempt: number }): string => {
      log.add(attempt);
      if (log.count <= failing) throw Object.assign(new Error(`no ${log.count}`), { code });
      return `done in ${attempt}`;
    };
  };

  it("P6 retry_failed runs it once more, and the next failure stays", async () => {
    const one = call();
    const log = new EffectLog<number>();
    await errorOf(() => ledger().run(one, flaky(log, 2)));
    expect(isEffectFailedError(await errorOf(() => ledger().run(one, flaky(log, 2))))).toBe(true);
    await errorOf(() => other().run(one, flaky(log, 2), { retry_failed: true }));
    expect(log.entries).toEqual([1, 2]);
    expect(await other().run(one, flaky(log, 2), { retry_failed: true })).toBe("done in 3");
    expect(await typesOf(ledger(), one)).toEqual([
      "created",
      "failed",
      "retried",
      "claimed",
      "failed",
      "retried",
      "claimed",
      "succeeded",
    ]);
    expect((await ledger().begin(one)).effect).toMatchObject({ attempt: 3, error: null, fence: 3 });
  });

  it("P6 of many retries at once one runs", async () => {
    const one = call();
    const log = new EffectLog<number>();
    await errorOf(() => ledger().run(one, flaky(log, 1)));
    const results = await times(8, (n) =>
      (n % 2 === 0 ? ledger() : other()).run(one, flaky(log, 1), { retry_failed: true }),
    );
    expect(new Set(results)).toEqual(new Set(["done in 2"]));
    expect(log.count).toBe(2);
  });

  it("P6 retry says who lets it run again, for whoever calls next", async () => {
    const one = call();
    const log = new EffectLog<number>();
    await errorOf(() => ledger().run(one, flaky(log, 1)));
    const actor = { id: "ops" };
    expect(await other().retry(one, { actor, reason: "bank is back" })).toBe(true);
    expect(await other().retry(one)).toBe(false);
    expect((await ledger().begin(one)).effect.status).toBe("ready");
    expect(await ledger().run(one, flaky(log, 1))).toBe("done in 2");
    const { items } = await ledger().history(one);
    expect(items.find(({ type }) => type === "retried")).toMatchObject({ actor, reason: "bank is back" });
    expect(await other().retry(one)).toBe(false);
  });

  it("P6 a retry policy tries again within one run, and each attempt is in the history", async () => {
    const [good, bad] = [call(), call()];
    const log = new EffectLog<number>();
    expect(await ledger().run(good, flaky(log, 2), { retry: quick })).toBe("done in 3");
    expect(log.entries).toEqual([1, 2, 3]);
    const { items } = await ledger().history(good);
    expect(items.map(({ type, reason }) => [type, reason])).toEqual([
      ["created", undefined],
      ["attempt_failed", "no 1"],
      ["attempt_failed", "no 2"],
      ["succeeded", undefined],
    ]);
    expect(items[1]?.data).toEqual({ attempt: 1, error: { message: "no 1", code: "busy" } });
    const tries = new EffectLog<number>();
    const error = await errorOf(() => ledger().run(bad, flaky(tries, 9), { retry: quick }));
    expect(error.message).toBe("no 3");
    // The attempts are those of the call, not of one run.
    await errorOf(() => other().run(bad, flaky(tries, 9), { retry: quick }));
    expect(tries.entries).toEqual([1, 2, 3]);
    await errorOf(() => other().run(bad, flaky(tries, 9), { retry: { ...quick, attempts: 4 } }));
    expect(tries.entries).toEqual([1, 2, 3, 4]);
  });

  it("P6 a retry policy leaves errors alone that are not worth it", async () => {
    const one = call();
    const log = new EffectLog<number>();
    const retry = { ...quick, retryable_codes: ["busy"] };
    await errorOf(() => ledger().run(one, flaky(log, 9, "card_declined"), { retry }));
    expect(isEffectFailedError(await errorOf(() => other().run(one, flaky(log, 9), { retry })))).toBe(true);
    expect(log.entries).toEqual([1]);
    const busy = call();
    expect(await ledger({ defaults: { retry } }).run(busy, flaky(new EffectLog<number>(), 1))).toBe(
      "done in 2",
    );
    const never = ledger({ defaults: { retry } }).run(call(), flaky(new EffectLog<number>(), 1), {
      retry: null,
    });
    expect((await errorOf(() => never)).message).toBe("no 1");
  });

  it("P6 what has ended is kept for its time, and what has not for ever", async () => {
    const own = ledger();
    const [done, failed, denied, asked, ready, working] = [call(), call(), call(), call(), call(), call()];
    await own.run(done, () => "done");
    await errorOf(() => own.run(failed, () => Promise.reject(new Error("m"))));
    for (const one of [denied, asked, ready]) await own.begin(one, { requires_approval: true });
    await own.deny(denied);
    await own.approve(ready);
    await own.begin(working);
    const found = async (): Promise<(string | undefined)[]> =>
      Promise.all(
        [done, failed, denied, asked, ready, working].map(
          async (one) => (await own.findByIdemKey(own.computeIdemKey(one)))?.status,
        ),
      );
    const sweep = async (): Promise<void> => {
      for (let more = true; more; ) ({ more } = await world().backends[0].sweep({ limit: 1000 }));
    };
    world().clock.advance(29 * DAY);
    await sweep();
    const rest = ["requires_approval", "ready", "in_doubt"];
    expect(await found()).toEqual(["succeeded", "failed", "denied", ...rest]);
    // One that is taken up again is not removed in its middle.
    await own.retry(failed);
    world().clock.advance(2 * DAY);
    await sweep();
    expect(await found()).toEqual([undefined, "ready", undefined, ...rest]);
    expect(await own.approve(asked)).toBe(true);
  });

  it("P8 an approval whose question was removed before anybody took it up allows nothing", async () => {
    const one = call();
    const own = ledger();
    const { effect } = await own.begin(one, { requires_approval: true });
    await world().backends[1].respond(effect.approval?.hitl_id ?? "", { decision: "approve_once" });
    world().clock.advance(31 * DAY);
    for (let more = true; more; ) ({ more } = await world().backends[0].sweep({ limit: 1000 }));
    const log = new EffectLog();
    await errorOf(() => own.run(one, () => log.add("ran"), { concurrency: { approvalTimeoutMs: 20 } }));
    expect(log.count).toBe(0);
    expect((await world().backends[1].getPendingBySession(one.workflow_id)).items).toHaveLength(1);
    expect(await own.approve(one)).toBe(true);
    expect(await own.run(one, () => log.add("ran"))).toBe("ran");
  });
}
