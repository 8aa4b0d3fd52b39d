/** Sweeps that die at any operation, beside each other and beside those who use what they look at. */
import fc from "fast-check";
import { type RecordStore, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordStore } from "holdpoint/testing";
import { describe, expect, it } from "vitest";
import { takenUp } from "../../../src/backends/hitl-transitions.ts";
import type { InsertOp } from "../../../src/backends/record-store.ts";
import { makeId, slotOf } from "../../../src/core/ids.ts";
import { countsOf, DAY, HOUR, sweepAll } from "./kit.ts";

const quiet = { sweepEveryMs: 0 } as const;

/** Fails from its n-th operation on: before it, or after its effect. */
function dying(store: RecordStore, after: number, side: "before" | "after"): RecordStore {
  let left = after;
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        left -= 1;
        if (left < 0 && (side === "before" || left < -1)) throw new Error("died");
        const result: unknown = await Reflect.apply(own, target, args);
        if (left < 0) throw new Error("died");
        return result;
      };
    },
  });
}

const SLOT = slotOf("default", "t");
const engine = (
  kind: string,
  name: string,
  status: string,
  value = {},
  due_at: number | null = null,
): InsertOp => ({
  op: "insert",
  record: {
    id: makeId(kind, SLOT, [name]),
    kind,
    tenant_id: "default",
    status,
    keys: { thread: "t" },
    due_at,
    value,
  },
});

/** A thread with two steps, a question of each kind, an own id, and messages. */
async function fill(store: RecordStore, clock: FakeClock): Promise<StoreHITLBackend> {
  const backend = new StoreHITLBackend(store, { clock, retention: quiet });
  const due = clock.now() + 30 * DAY;
  for (const root of ["c1", "c2"]) {
    await store.commit([
      engine("call", `${root}-a`, "finished", { root_checkpoint_id: root }),
      engine("call", `${root}-b`, "finished", { root_checkpoint_id: root }),
      engine("pause", root, "active", { checkpoint_id: root }),
    ]);
  }
  await store.commit([
    engine("thread", "t", "active", {}, due),
    engine("message", "m", "delivered", {}, due),
    engine("mailbox", "box", "active"),
  ]);
  await backend.create({ hitl_id: "own", hitl_type: "ask_user", session_id: "s", data: { message: "?" } });
  await backend.cancel("own");
  const { record } = await backend.create({
    hitl_type: "ask_user",
    session_id: "t",
    thread_id: "t",
    data: { message: "?" },
  });
  await backend.respond(record.hitl_id, { answer: "x" });
  const patch = takenUp("completed", backend.retention);
  await store.commit([{ op: "update", id: record.hitl_id, patch }]);
  await backend.create({ hitl_id: "open", hitl_type: "ask_user", session_id: "s", data: { message: "?" } });
  return backend;
}

describe("a sweep that dies", () => {
  it.each(["before", "after"] as const)(
    "%s any operation leaves nothing that the next one does not find, and nothing pending is lost (P5)",
    async (side) => {
      for (let after = 0, died = true; died; after += 1) {
        expect(after).toBeLessThan(100);
        const clock = new FakeClock();
        const store = new MemoryRecordStore({ clock });
        const backend = await fill(store, clock);
        expect(await countsOf(store)).toEqual({
          hitl: 3,
          call: 4,
          pause: 2,
          thread: 1,
          alias: 2,
          message: 1,
          mailbox: 1,
        });
        clock.advance(31 * DAY);
        const victim = new StoreHITLBackend(dying(store, after, side), { clock, retention: quiet });
        died = await sweepAll(victim).then(
          () => false,
          () => true,
        );
        // Its leases run out.
        clock.advance(DAY);
        await sweepAll(backend);
        clock.advance(DAY);
        await sweepAll(backend);
        expect(await countsOf(store)).toEqual({ hitl: 1, alias: 1 });
        expect((await backend.get("open"))?.status).toBe("pending");
      }
    },
  );
});

/** Does `work` once, right before the first call of the operation that `is` says. */
function interposed(
  store: RecordStore,
  is: (name: string, args: string) => boolean,
  work: () => Promise<unknown>,
) {
  let done = false;
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        if (!done && is(String(name), JSON.stringify(args))) {
          done = true;
          await work();
        }
        return Reflect.apply(own, target, args) as unknown;
      };
    },
  });
}

describe("beside those who work", () => {
  it("a thread that asks while its record goes has one again, and all of it goes in its time", async () => {
    const clock = new FakeClock();
    const inner = new MemoryRecordStore({ clock });
    const thread = engine("thread", "t", "active", {}, clock.now());
    const asks = [
      engine("call", "a", "suspended", { root_checkpoint_id: "c" }),
      engine("pause", "c", "active", { checkpoint_id: "c" }),
      thread,
    ];
    await inner.commit([thread]);
    const store = interposed(
      inner,
      (name, args) => name === "remove" && args.includes("thread_"),
      () => inner.commit(asks),
    );
    const backend = new StoreHITLBackend(store, { clock, retention: quiet });
    await sweepAll(backend);
    expect(await countsOf(inner)).toEqual({ call: 1, pause: 1, thread: 1 });
    const [call] = asks;
    await inner.commit([{ op: "update", id: call?.record.id ?? "", patch: { status: "finished" } }]);
    for (let day = 0; day < 35; day += 1) {
      clock.advance(DAY);
      await sweepAll(backend);
    }
    expect(await countsOf(inner)).toEqual({});
  });

  it("an own id that is given again while its old question goes names the new one (P2)", async () => {
    const clock = new FakeClock();
    const inner = new MemoryRecordStore({ clock });
    const plain = new StoreHITLBackend(inner, { clock, retention: quiet });
    const asked = { hitl_id: "own", hitl_type: "ask_user", session_id: "s", data: { message: "?" } } as const;
    await plain.create(asked);
    await plain.cancel("own");
    clock.advance(30 * DAY);
    const store = interposed(
      inner,
      (name, args) => name === "commit" && args.includes("hitl_type"),
      () => sweepAll(plain),
    );
    const { status } = await new StoreHITLBackend(store, { clock, retention: quiet }).create(asked);
    expect(status).toBe("created");
    expect((await plain.get("own"))?.status).toBe("pending");
    expect(await countsOf(inner)).toEqual({ hitl: 1, alias: 1 });
  });

  it("an answer that is taken up while a sweep puts it off keeps its time (P1)", async () => {
    const clock = new FakeClock();
    const inner = new MemoryRecordStore({ clock });
    const plain = new StoreHITLBackend(inner, { clock, retention: quiet });
    const asked = { hitl_type: "ask_user", session_id: "t", thread_id: "t", data: { message: "?" } } as const;
    const { hitl_id } = (await plain.create(asked)).record;
    await plain.respond(hitl_id, { answer: "x" });
    const patch = takenUp("completed", plain.retention);
    const store = interposed(
      inner,
      (name, args) => name === "commit" && args.includes("release"),
      () => inner.commit([{ op: "update", id: hitl_id, patch }]),
    );
    await new StoreHITLBackend(store, { clock, retention: quiet }).sweep();
    // The lease of the sweep has to run out, and then the record is looked at once more.
    for (const ms of [HOUR, 30 * DAY - HOUR - 1]) {
      clock.advance(ms);
      await sweepAll(plain);
      expect((await plain.get(hitl_id))?.status).toBe("completed");
    }
    clock.advance(1);
    await sweepAll(plain);
    expect(await plain.get(hitl_id)).toBeNull();
  });

  it("an answer, a new question and a claim win or come after: what is open is whole (P4, P6)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.nat({ max: 3 }), async (scheduler, extra) => {
        const clock = new FakeClock();
        const inner = new MemoryRecordStore({ clock });
        const store = new Proxy(inner, {
          get(target, name) {
            const own: unknown = Reflect.get(target, name, target);
            if (typeof own !== "function" || name === "close") return own;
            return (...args: unknown[]): unknown =>
              scheduler
                .schedule(Promise.resolve(), String(name))
                .then(() => Reflect.apply(own, target, args) as unknown);
          },
        }) as unknown as RecordStore;
        await fill(inner, clock);
        clock.advance(31 * DAY);
        const backend = new StoreHITLBackend(store, { clock, retention: quiet });
        const root = "c3";
        const asks = [
          engine("call", "c3-a", "finished", { root_checkpoint_id: root }),
          engine("call", "c3-b", "suspended", { root_checkpoint_id: root }),
          engine("pause", root, "active", { checkpoint_id: root }),
          engine("thread", "t", "active", {}, clock.now() + 30 * DAY),
        ];
        const work = [
          backend.sweep({ limit: 1 + extra * 20 }),
          backend.sweep(),
          store.commit(asks),
          backend.create({
            hitl_type: "ask_user",
            session_id: "t",
            thread_id: "t",
            data: { message: "new" },
          }),
          backend.respond("open", { answer: "now" }),
        ];
        await scheduler.waitFor(Promise.all(work));
        const left = await inner.get(asks.map(({ record }) => record.id));
        expect(left.map((record) => record?.status)).toEqual(["finished", "suspended", "active", "active"]);
        const plain = new StoreHITLBackend(inner, { clock, retention: quiet });
        expect((await plain.getByThread("t")).items.map(({ data }) => data["message"])).toContain("new");
        expect((await plain.get("open"))?.status).toBe("completed");
        // And it is found again when all of it has ended.
        for (const { record } of asks.slice(0, 2))
          await inner.commit([{ op: "update", id: record.id, patch: { status: "finished" } }]);
        for (const { hitl_id } of (await plain.list({ status: "pending" })).items) {
          await plain.cancel(hitl_id);
          const patch = takenUp("cancelled", plain.retention);
          await inner.commit([{ op: "update", id: hitl_id, patch }]);
        }
        for (let day = 0; day < 40; day += 1) {
          clock.advance(DAY + HOUR);
          await sweepAll(plain);
        }
        expect(await countsOf(inner)).toEqual({});
      }),
      { numRuns: 200, endOnFailure: false },
    );
  });
});
