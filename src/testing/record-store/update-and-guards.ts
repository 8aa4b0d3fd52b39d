import assert from "node:assert/strict";
import type { Guard, StoredRecord } from "../../backends/record-store.ts";
import { eventsOf, idOf, idsOn, put, read, type StoreCase, update } from "./kit.ts";

/** For a record with status open, version 1, due in 100 ms, fence 1, a lease of 50 ms, no touch. */
const HOLDING: readonly Guard[] = [
  {},
  { status: ["open"] },
  { status: ["done", "open"] },
  { version: 1 },
  { touches: 0 },
  { fence: 1 },
  { not_due: true },
  { status: ["open"], version: 1, touches: 0, fence: 1, not_due: true },
];
const FAILING: readonly Guard[] = [
  { status: ["done"] },
  { status: [] },
  { version: 0 },
  { version: 2 },
  { touches: 1 },
  { fence: 0 },
  { fence: 2 },
  { lease: "free" },
  { due: true },
  { status: ["open"], version: 1, touches: 0, fence: 1, due: true },
  { status: ["open"], version: 2, touches: 0, fence: 1, not_due: true },
];

export const updateCases: readonly StoreCase[] = [
  {
    name: "S2: each update adds one to the version; created_at stays, updated_at moves",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const first = await put(store, idOf(1));
      for (let version = 2; version < 12; version += 1) {
        const now = clock.advance(10);
        const { record, status } = await update(store, idOf(1), { guard: { version: version - 1 } });
        assert.equal(status, "updated");
        assert.deepEqual(record, { ...first, version, updated_at: now });
      }
    },
  },
  {
    name: "S2: only what the patch names changes",
    needs: ["clock"],
    run: async ({ store }) => {
      const more = { lease: { owner: "a", durationMs: 100 } };
      let before = await put(
        store,
        idOf(1),
        { value: { a: 1, b: 2 }, keys: { session: "s" }, due_at: 7 },
        more,
      );
      const check = async (
        patch: NonNullable<Parameters<typeof update>[2]>["patch"],
        expected: Partial<StoredRecord>,
      ) => {
        const { record } = await update(store, idOf(1), patch === undefined ? {} : { patch });
        assert.deepEqual(record, { ...before, ...expected, version: before.version + 1 });
        before = await read(store, idOf(1));
        assert.deepEqual(before, record);
      };
      await check(undefined, {});
      await check({}, {});
      await check({ status: "done" }, { status: "done" });
      await check({ value: { c: 3 } }, { value: { c: 3 } });
      await check({ due_at: 8 }, { due_at: 8 });
      await check({ due_at: null }, { due_at: null });
      await check({ keys: { thread: "t" } }, { keys: { session: "s", thread: "t" } });
      await check({ keys: {} }, {});
      await check({ keys: { session: "s2", thread: null, wake: null } }, { keys: { session: "s2" } });
      await check({ lease: "release" }, { lease: null });
    },
  },
  {
    name: "S5: a due time in so many ms is by the store's clock",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1));
      clock.advance(1000);
      const { record } = await update(store, idOf(1), { patch: { due_at: { inMs: 250 } } });
      assert.equal(record?.due_at, clock.now() + 250);
    },
  },
  {
    name: "S1: an update happens when all conditions of its guard hold",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      for (const [n, guard] of HOLDING.entries()) {
        await put(store, idOf(n), { due_at: clock.now() + 100 }, { lease: { owner: "a", durationMs: 50 } });
        const { status } = await update(store, idOf(n), { guard });
        assert.equal(status, "updated", JSON.stringify(guard));
      }
    },
  },
  {
    name: "S1: an update whose guard fails in one condition changes nothing and shows the record",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const before = await put(
        store,
        idOf(1),
        { due_at: clock.now() + 100 },
        { lease: { owner: "a", durationMs: 50 } },
      );
      for (const guard of FAILING) {
        const result = await update(store, idOf(1), {
          guard,
          patch: { status: "done" },
          event: { type: "e" },
        });
        assert.deepEqual(
          result,
          { commit: "refused", status: "stale", record: before },
          JSON.stringify(guard),
        );
        assert.deepEqual(await read(store, idOf(1)), before);
      }
      assert.deepEqual(await eventsOf(store, idOf(1)), []);
      assert.deepEqual(await idsOn(store), [idOf(1)]);
    },
  },
  {
    name: "S1: due and not_due turn over at due_at itself; a record without one is never due",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const start = clock.now();
      const guards: readonly (readonly [number, Guard, string])[] = [
        [99, { due: true }, "stale"],
        [99, { not_due: true }, "updated"],
        [100, { due: true }, "updated"],
        [100, { not_due: true }, "stale"],
      ];
      await put(store, idOf(1), { due_at: start + 100 });
      await put(store, idOf(2));
      for (const [at, guard, expected] of guards) {
        clock.set(start + at);
        assert.equal((await update(store, idOf(1), { guard })).status, expected, JSON.stringify([at, guard]));
      }
      assert.equal((await update(store, idOf(2), { guard: { due: true } })).status, "stale");
      assert.equal((await update(store, idOf(2), { guard: { not_due: true } })).status, "updated");
    },
  },
  {
    name: "S1: an update of a record that is not there is refused as missing; an optional one is passed over",
    run: async ({ store }) => {
      assert.deepEqual(await update(store, idOf(1)), { commit: "refused", status: "missing", record: null });
      const optional = await update(store, idOf(1), { optional: true, touch: true, event: { type: "e" } });
      assert.deepEqual(optional, { commit: "committed", status: "missing", record: null });
      assert.deepEqual(await store.get([idOf(1)]), [null]);
    },
  },
];
