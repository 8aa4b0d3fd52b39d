/** Stores that fail: nothing is forgotten that was done, and callers hear what is known. And what a call costs. */
import { type HITLBackend, isHoldpointError, type RecordStore, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { HoldpointError } from "../../src/core/errors.ts";
import {
  EffectFailedError,
  EffectLedger,
  type EffectStoreError,
  isEffectFailedError,
  isEffectStoreError,
  isEffectTimeoutError,
  type ToolCall,
} from "../../src/ledger/index.ts";
import { EffectLog, errorOf } from "./kit.ts";

const call: ToolCall = { workflow_id: "order-1", tool: "charge", args: { amount: 1 } };

type Method = "commit" | "get" | "page" | "watch" | "append";
/** Before or after the real store has done its work. */
type Fault = (method: Method, nth: number) => { before?: Error; after?: Error } | undefined;

/** A real store whose answers, or requests, are lost on the way; counts what is sent. */
function behind(fault: Fault): { backend: HITLBackend; sent: Method[] } {
  const real = new MemoryRecordStore();
  const sent: Method[] = [];
  const counts = new Map<Method, number>();
  const store = new Proxy<RecordStore>(real, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        const method = name as Method;
        const nth = (counts.get(method) ?? 0) + 1;
        counts.set(method, nth);
        sent.push(method);
        const found = fault(method, nth);
        if (found?.before) throw found.before;
        const result: unknown = await Reflect.apply(own, target, args);
        if (found?.after) throw found.after;
        return result;
      };
    },
  });
  return { backend: new StoreHITLBackend(store, { retention: { sweepEveryMs: 0 } }), sent };
}

const away = new HoldpointError("ERR_HITL_STORE", "connection refused");
const lost = new HoldpointError("ERR_HITL_INDETERMINATE", "no reply");

describe("a store that fails", () => {
  it("is wrapped once, with what was done to which effect", async () => {
    const driver = new Error("ECONNREFUSED");
    for (const [cause, code] of [
      [away, "ERR_HITL_STORE"],
      [lost, "ERR_HITL_INDETERMINATE"],
      [driver, "ERR_HITL_STORE"],
    ] as const) {
      const { backend } = behind((method) => (method === "commit" ? { before: cause } : undefined));
      const ledger = new EffectLedger({ backend });
      const error = (await errorOf(() => ledger.run(call, () => "ran"))) as unknown as EffectStoreError;
      expect(isEffectStoreError(error)).toBe(true);
      expect(error.cause).toBe(cause);
      expect(error).toMatchObject({ code, operation: "begin", idem_key: ledger.computeIdemKey(call) });
      expect(error.message).toContain(cause.message);
      expect(error.message).toContain(error.idem_key as string);
      expect(error.message.match(/operation:/g)).toHaveLength(1);
    }
  });

  it("P6 a claim that is not confirmed is known by its owner: nothing is in doubt that has not begun", async () => {
    for (const how of ["fresh", "approved", "by hand"] as const) {
      const log = new EffectLog();
      const { backend, sent } = behind((method, nth) =>
        method === "commit" && nth === loses ? { after: lost } : undefined,
      );
      let loses = how === "fresh" ? 1 : 0;
      const ledger = new EffectLedger({ backend });
      if (how !== "fresh") {
        await ledger.begin(call, { requires_approval: true });
        await ledger.approve(call);
        // The next one of a run counts the replay.
        loses = sent.filter((method) => method === "commit").length + (how === "approved" ? 2 : 1);
      }
      if (how === "by hand")
        expect(await ledger.claim(call)).toMatchObject({ status: "processing", attempt: 1 });
      else expect(await ledger.run(call, ({ attempt }) => log.add(`ran ${attempt}`))).toBe("ran 1");
      expect(log.count).toBe(how === "by hand" ? 0 : 1);
    }
  });

  it("P6 a fresh call that is never confirmed does not run, and is in doubt for whoever is next", async () => {
    const log = new EffectLog();
    const { backend } = behind((method, nth) =>
      method === "commit" && nth <= 2 ? { after: lost } : undefined,
    );
    const ledger = new EffectLedger({ backend, defaults: { leaseMs: 20 } });
    const error = await errorOf(() => ledger.run(call, () => log.add("ran")));
    expect(isHoldpointError(error, "ERR_HITL_INDETERMINATE")).toBe(true);
    const next = ledger.run(call, () => log.add("ran"), { inDoubt: "fail" });
    expect(isEffectFailedError(await errorOf(() => next))).toBe(true);
    expect(log.count).toBe(0);
  });

  it("P6 an outcome is sent again until it is confirmed, and is recorded once", async () => {
    for (const fault of [{ before: away }, { after: lost }]) {
      const log = new EffectLog();
      const { backend } = behind((method, nth) =>
        method === "commit" && (nth === 2 || nth === 3) ? fault : undefined,
      );
      const ledger = new EffectLedger({ backend });
      expect(await ledger.run(call, () => log.add("ran"))).toBe("ran");
      expect(await ledger.run(call, () => log.add("ran"))).toBe("ran");
      expect(log.count).toBe(1);
      const { items } = await ledger.history(call);
      expect(items.map(({ type }) => type)).toEqual(["created", "succeeded"]);
    }
  });

  it("P6 a failure whose record was not confirmed is thrown as it was", async () => {
    const original = new Error("declined");
    const { backend } = behind((method, nth) =>
      method === "commit" && nth === 2 ? { after: lost } : undefined,
    );
    const ledger = new EffectLedger({ backend });
    expect(await errorOf(() => ledger.run(call, () => Promise.reject(original)))).toBe(original);
    const { items } = await ledger.history(call);
    expect(items.map(({ type }) => type)).toEqual(["created", "failed"]);
  });

  it("P6 an attempt whose failure was not confirmed counts once", async () => {
    const log = new EffectLog<number>();
    const { backend } = behind((method, nth) =>
      method === "commit" && nth === 2 ? { after: lost } : undefined,
    );
    const ledger = new EffectLedger({ backend });
    const retry = { attempts: 2, initialDelayMs: 1 };
    const result = await ledger.run(
      call,
      ({ attempt }) => {
        log.add(attempt);
        if (attempt === 1) throw new Error("busy");
        return attempt;
      },
      { retry },
    );
    expect([result, log.entries]).toEqual([2, [1, 2]]);
  });

  it("P6 the caller hears of an outcome that could not be recorded, and the call is in doubt", async () => {
    const log = new EffectLog();
    let gone = false;
    const { backend } = behind((method) => (method === "commit" && gone ? { before: away } : undefined));
    const ledger = new EffectLedger({ backend, defaults: { leaseMs: 60 } });
    const error = await errorOf(() =>
      ledger.run(call, () => {
        gone = true;
        log.add("ran");
      }),
    );
    gone = false;
    expect(isEffectStoreError(error) && error.operation).toBe("commit");
    const run = (): Promise<unknown> =>
      ledger.run(call, () => log.add("ran"), { concurrency: { approvalTimeoutMs: 1 } });
    for (let n = 0; n < 9; n += 1) if (isEffectTimeoutError(await errorOf(run))) break;
    expect((await ledger.begin(call)).effect.status).toBe("in_doubt");
    expect(log.count).toBe(1);
  });

  it("a store that cannot be watched is asked again and again", async () => {
    const { backend } = behind((method) => (method === "watch" ? { before: away } : undefined));
    const concurrency = { initialIntervalMs: 1, maxIntervalMs: 5 };
    const ledger = new EffectLedger({ backend, defaults: { concurrency } });
    const { effect } = await ledger.begin(call);
    const waiting = ledger.run(call, () => "never");
    await ledger.commit(effect, { status: "succeeded", result: "done" });
    expect(await waiting).toBe("done");
  });
});

describe("a worker whose clock is wrong", () => {
  const pair = (
    skewMs: number,
  ): { readonly clock: FakeClock; readonly wrong: EffectLedger; readonly right: EffectLedger } => {
    const clock = new FakeClock();
    const data = new MemoryRecordData();
    const ledgerWith = (own: { now(): number }): EffectLedger => {
      const store = new MemoryRecordStore({ clock }, data);
      const backend = new StoreHITLBackend(store, { clock: own, retention: { sweepEveryMs: 0 } });
      return new EffectLedger({ backend, defaults: { leaseMs: 1000, concurrency: { waitTimeoutMs: 30 } } });
    };
    const skewed = { now: () => clock.now() + skewMs };
    return { clock, wrong: ledgerWith(skewed), right: ledgerWith(clock) };
  };

  it("P9 takes nothing over while the lease lasts by the store's clock, though his own is hours ahead", async () => {
    const { clock, wrong, right } = pair(3_600_000);
    const log = new EffectLog();
    const { effect } = await right.begin(call);
    const run = (): Promise<unknown> => wrong.run(call, () => log.add("ran"), { inDoubt: "retry" });
    expect(isEffectTimeoutError(await errorOf(run))).toBe(true);
    expect((await wrong.getEffect(effect.id))?.status).toBe("processing");
    clock.advance(1000);
    expect(await run()).toBe("ran");
  });

  it("P9 loses its lease by the store's clock, though his own is hours behind", async () => {
    const { clock, wrong, right } = pair(-3_600_000);
    const { effect } = await wrong.begin(call);
    clock.advance(1000);
    expect(await wrong.commit(effect, { status: "succeeded" })).toBe(false);
    expect((await right.getEffect(effect.id))?.status).toBe("in_doubt");
  });

  it("P9 hears of a dead worker after a lease at most, though his own clock is hours behind", async () => {
    const { clock, wrong, right } = pair(-3_600_000);
    await right.begin(call, { leaseMs: 20 });
    clock.advance(20);
    const concurrency = { waitTimeoutMs: 10_000, maxIntervalMs: 5 };
    expect(await wrong.run(call, () => "ran", { inDoubt: "retry", concurrency })).toBe("ran");
  });
});

describe("what a call costs", () => {
  const none: Fault = () => undefined;

  it("a fresh run takes two round trips, a replay one", async () => {
    const { backend, sent } = behind(none);
    const ledger = new EffectLedger({ backend });
    await ledger.run(call, () => "ran");
    expect(sent.splice(0)).toEqual(["commit", "commit"]);
    await ledger.run(call, () => "ran");
    expect(sent.splice(0)).toEqual(["commit"]);
    await ledger.begin(call);
    expect(sent.splice(0)).toEqual(["commit"]);
  });

  it("one that may need an approval is looked for first; a replay still takes one", async () => {
    const { backend, sent } = behind(none);
    const ledger = new EffectLedger({ backend, hooks: { requiresApproval: () => false } });
    await ledger.run(call, () => "ran");
    expect(sent.splice(0)).toEqual(["commit", "commit", "commit"]);
    await ledger.run(call, () => "ran");
    expect(sent.splice(0)).toEqual(["commit"]);
    const asked = { ...call, workflow_id: "order-2" };
    await ledger.begin(asked, { requires_approval: true });
    expect(sent.splice(0)).toEqual(["commit", "commit"]);
  });
});

describe("errors of another copy of the package", () => {
  it("are told by their brand and name", async () => {
    const copy = new EffectFailedError("k", { message: "m", code: "c" });
    const foreign = Object.assign(Object.create(Error.prototype) as object, {
      name: copy.name,
      code: copy.code,
      [Symbol.for("holdpoint.error")]: true,
    });
    expect(isEffectFailedError(foreign)).toBe(true);
    expect(isEffectFailedError(Object.assign(new Error("m"), { name: copy.name, code: copy.code }))).toBe(
      false,
    );
    expect(isEffectStoreError(copy)).toBe(false);
  });
});
