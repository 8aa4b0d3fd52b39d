/** Who sweeps by himself, and when: with a timer that the test fires. */
import { InMemoryHITLBackend, type RecordStore, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { gate, turns } from "../../nodes/kit.ts";
import { DAY } from "./kit.ts";

const MINUTE = 60_000;

/** One timer at a time, as a backend has it. */
class Timer {
  readonly delays: number[] = [];
  #run: (() => void) | undefined;

  readonly schedule = (run: () => void, delayMs: number): (() => void) => {
    this.delays.push(delayMs);
    this.#run = run;
    return () => {
      this.#run = undefined;
    };
  };

  get isSet(): boolean {
    return this.#run !== undefined;
  }

  /** Lets it fire, and everything come to rest that follows from it. */
  async fire(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    run?.();
    await turns();
  }
}

const question = { hitl_type: "ask_user", session_id: "s", data: { message: "?" } } as const;

/** The store with its calls noted, some of which can be made to fail or wait. */
function watched(store: RecordStore, before: (name: string) => unknown) {
  const calls: string[] = [];
  const proxy = new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        calls.push(String(name));
        await before(String(name));
        return Reflect.apply(own, target, args) as unknown;
      };
    },
  });
  return { store: proxy, calls };
}

describe("the sweeps of a backend", () => {
  it("begin with its first write, go on until it is closed, and remove what is due", async () => {
    const clock = new FakeClock();
    const timer = new Timer();
    const backend = new InMemoryHITLBackend({ clock, retention: { schedule: timer.schedule } });
    await backend.get("hitl_nobody");
    await backend.list({});
    expect(timer.isSet).toBe(false);
    const { record } = await backend.create(question);
    expect(timer.isSet).toBe(true);
    await backend.respond(record.hitl_id, { answer: "yes" });
    expect(timer.delays).toHaveLength(1);
    await timer.fire();
    expect(await backend.get(record.hitl_id)).not.toBeNull();
    clock.advance(30 * DAY);
    await timer.fire();
    expect(await backend.get(record.hitl_id)).toBeNull();
    expect(timer.delays).toHaveLength(3);
    for (const delay of timer.delays) {
      expect(delay).toBeGreaterThanOrEqual(0.75 * MINUTE);
      expect(delay).toBeLessThanOrEqual(1.25 * MINUTE + 1);
    }
    await backend.close();
    expect(timer.isSet).toBe(false);
  });

  it("of several that are due, all that a turn has time for go in it", async () => {
    const clock = new FakeClock();
    const timer = new Timer();
    const backend = new InMemoryHITLBackend({ clock, retention: { schedule: timer.schedule } });
    for (let n = 0; n < 450; n += 1) {
      const { record } = await backend.create({ ...question, session_id: `s${n}` });
      await backend.cancel(record.hitl_id);
    }
    clock.advance(30 * DAY);
    await timer.fire();
    await turns(200);
    expect((await backend.list({ limit: 1 })).items).toEqual([]);
    await backend.close();
  });

  it("never begin with sweepEveryMs 0", async () => {
    const timer = new Timer();
    const backend = new InMemoryHITLBackend({ retention: { schedule: timer.schedule, sweepEveryMs: 0 } });
    await backend.create(question);
    expect(timer.delays).toEqual([]);
    await backend.close();
  });

  it("of two backends on one store one does, and the other when that one has stopped (P9)", async () => {
    const clock = new FakeClock();
    const data = new MemoryRecordData();
    const sides = [0, 1].map(() => {
      const timer = new Timer();
      const { store, calls } = watched(new MemoryRecordStore({ clock }, data), () => undefined);
      const backend = new StoreHITLBackend(store, { clock, retention: { schedule: timer.schedule } });
      return { timer, calls, backend };
    });
    for (const { backend } of sides) await backend.create(question);
    const sweeps: number[][] = [];
    const turn = async (who: readonly number[]): Promise<void> => {
      for (const { calls } of sides) calls.length = 0;
      for (const n of who) await sides[n]?.timer.fire();
      sweeps.push(sides.map(({ calls }) => calls.filter((name) => name === "acquireDue").length));
      clock.advance(MINUTE);
    };
    await turn([0, 1]);
    await turn([1, 0]);
    await turn([0, 1]);
    await sides[0]?.backend.close();
    await turn([1]);
    // A sweep looks for seven kinds. Who is late finds the lease, which costs him one write.
    expect(sweeps).toEqual([
      [7, 0],
      [0, 7],
      [7, 0],
      [0, 7],
    ]);
    await sides[1]?.backend.close();
  });

  it("that fail throw nowhere: onError hears of each, whatever it does itself, and the next turn comes", async () => {
    const heard: unknown[] = [];
    const timer = new Timer();
    const broken = new Error("disk full");
    const { store } = watched(new MemoryRecordStore(), (name) => {
      if (name === "acquireDue") throw broken;
    });
    const onError = (error: unknown): void => {
      heard.push(error);
      throw new Error("and the log is full");
    };
    const backend = new StoreHITLBackend(store, {
      retention: { schedule: timer.schedule, onError, sweepEveryMs: 1000 },
    });
    await backend.create(question);
    await timer.fire();
    expect(heard).toEqual([broken]);
    expect(timer.isSet).toBe(true);
    await expect(backend.sweep()).rejects.toBe(broken);
    await backend.close();
  });

  it("that fail without onError are one warning of the process, until one succeeds", async () => {
    const warnings: (string | undefined)[] = [];
    const listen = (warning: Error & { code?: string }): void => {
      if (warning.code === "HOLDPOINT_SWEEP") warnings.push(warning.message);
    };
    process.on("warning", listen);
    onTestFinished(() => void process.off("warning", listen));
    let fails = true;
    const clock = new FakeClock();
    const timer = new Timer();
    const { store } = watched(new MemoryRecordStore({ clock }), (name) => {
      if (fails && name === "acquireDue") throw new Error("disk full");
    });
    const backend = new StoreHITLBackend(store, { clock, retention: { schedule: timer.schedule } });
    await backend.create(question);
    const turn = async (failing: boolean): Promise<void> => {
      fails = failing;
      await timer.fire();
      clock.advance(MINUTE);
    };
    for (const failing of [true, true, true]) await turn(failing);
    expect(warnings).toEqual(["Old records could not be removed: disk full"]);
    for (const failing of [false, true]) await turn(failing);
    expect(warnings).toHaveLength(2);
    await backend.close();
  });

  it("are waited for by close, and end with it", async () => {
    const timer = new Timer();
    const [reached, goOn] = [gate(), gate()];
    const closed: string[] = [];
    const { store, calls } = watched(new MemoryRecordStore(), async (name) => {
      if (name === "close") closed.push("store");
      if (name !== "acquireDue") return;
      reached.open();
      await goOn.opened;
    });
    const backend = new StoreHITLBackend(store, { retention: { schedule: timer.schedule } });
    await backend.create(question);
    const fired = timer.fire();
    await reached.opened;
    const closing = backend.close().then(() => closed.push("backend"));
    await turns();
    expect(closed).toEqual([]);
    goOn.open();
    await Promise.all([closing, fired]);
    expect(closed).toEqual(["store", "backend"]);
    expect(calls.filter((name) => name === "acquireDue")).toHaveLength(1);
    expect(timer.isSet).toBe(false);
    await backend.close();
  });

  it("end silently where somebody has closed the store under the backend", async () => {
    const heard: unknown[] = [];
    const timer = new Timer();
    const onError = (error: unknown): void => void heard.push(error);
    const backend = new InMemoryHITLBackend({ retention: { schedule: timer.schedule, onError } });
    await backend.create(question);
    await backend.store.close();
    await timer.fire();
    expect([heard, timer.isSet]).toEqual([[], false]);
  });

  it("are shared by the views of tenants, and outlive them", async () => {
    const timer = new Timer();
    const backend = new InMemoryHITLBackend({ retention: { schedule: timer.schedule } });
    const view = backend.forTenant("t2");
    await view.create(question);
    await backend.create(question);
    await view.close();
    expect([timer.delays.length, timer.isSet]).toEqual([1, true]);
    await backend.close();
  });
});
