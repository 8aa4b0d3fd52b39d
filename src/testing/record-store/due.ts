import assert from "node:assert/strict";
import type { RecordStore, StoredRecord } from "../../backends/record-store.ts";
import { rejectsWith } from "../assertions.ts";
import { commitOne, eventsOf, idOf, insertOp, KIND, put, read, type StoreCase, update } from "./kit.ts";

const lease = { owner: "worker", durationMs: 100 };

async function acquire(store: RecordStore, limit = 100, kind = KIND): Promise<readonly StoredRecord[]> {
  return store.acquireDue({ kind, limit, lease });
}

async function acquiredIds(store: RecordStore, limit?: number): Promise<string[]> {
  return (await acquire(store, limit)).map((record) => record.id).toSorted();
}

export const dueCases: readonly StoreCase[] = [
  {
    name: "S3: what is due is handed out leased and fenced, as it is then stored, without a history event",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const before = await put(store, idOf(1), { due_at: clock.now() });
      const now = clock.advance(5);
      const [record, ...more] = await acquire(store);
      assert.deepEqual(more, []);
      assert.deepEqual(record, {
        ...before,
        version: 2,
        updated_at: now,
        fence: 1,
        lease: { owner: "worker", expires_at: now + 100 },
      });
      assert.deepEqual(await read(store, idOf(1)), record);
      assert.deepEqual(await eventsOf(store, idOf(1)), []);
    },
  },
  {
    name: "S5: a record is due from due_at on, not before, and never without one",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const start = clock.now();
      await put(store, idOf("past", 1), { due_at: start - 1 });
      await put(store, idOf("at", 2), { due_at: start + 10 });
      await put(store, idOf("later", 3), { due_at: start + 11 });
      await put(store, idOf("never", 4));
      assert.deepEqual(await acquiredIds(store), [idOf("past", 1)]);
      clock.set(start + 10);
      assert.deepEqual(await acquiredIds(store), [idOf("at", 2)]);
    },
  },
  {
    name: "S3: nobody gets a record while its lease lasts; afterwards it comes again with a higher fence",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), { due_at: clock.now() });
      assert.equal((await acquire(store))[0]?.fence, 1);
      clock.advance(99);
      assert.deepEqual(await acquire(store), []);
      clock.advance(1);
      assert.equal((await acquire(store))[0]?.fence, 2);
    },
  },
  {
    name: "S3: a lease that has run out is handed out, due time or not",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const start = clock.now();
      await put(store, idOf("none"), {}, { lease: { owner: "dead", durationMs: 50 } });
      await put(
        store,
        idOf("future"),
        { due_at: start + 9999 },
        { lease: { owner: "dead", durationMs: 50 } },
      );
      await put(store, idOf("past"), { due_at: start - 1 }, { lease: { owner: "dead", durationMs: 60 } });
      clock.set(start + 49);
      assert.deepEqual(await acquiredIds(store), []);
      clock.set(start + 50);
      assert.deepEqual(await acquiredIds(store), [idOf("none"), idOf("future")].toSorted());
      clock.set(start + 60);
      assert.deepEqual(await acquiredIds(store), [idOf("past")]);
    },
  },
  {
    name: "S5: a released record comes again only if it is still due",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      for (const n of ["same", "none", "moved"]) await put(store, idOf(n), { due_at: clock.now() });
      assert.equal((await acquire(store)).length, 3);
      await update(store, idOf("same"), { patch: { lease: "release" } });
      await update(store, idOf("none"), { patch: { lease: "release", due_at: null } });
      await update(store, idOf("moved"), { patch: { lease: "release", due_at: { inMs: 30 } } });
      assert.deepEqual(await acquiredIds(store), [idOf("same")]);
      clock.advance(30);
      assert.deepEqual(await acquiredIds(store), [idOf("moved")]);
    },
  },
  {
    name: "S5: a due time that moves takes the record along",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), { due_at: clock.now() });
      await put(store, idOf(2), { due_at: clock.now() + 9999 });
      await update(store, idOf(1), { patch: { due_at: clock.now() + 9999 } });
      await update(store, idOf(2), { patch: { due_at: clock.now() - 5 } });
      assert.deepEqual(await acquiredIds(store), [idOf(2)]);
    },
  },
  {
    name: "S5: a touch leaves a record due; renewing a lease puts the next turn off",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), { due_at: clock.now() });
      await commitOne(store, insertOp(idOf(1), {}, { touch: true }));
      assert.deepEqual(await acquiredIds(store), [idOf(1)]);
      await update(store, idOf(1), { guard: { fence: 1 }, patch: { lease: { renewMs: 500 } } });
      clock.advance(499);
      assert.deepEqual(await acquiredIds(store), []);
      clock.advance(1);
      assert.deepEqual(await acquiredIds(store), [idOf(1)]);
    },
  },
  {
    name: "S3: a call hands out at most its limit, and calls one after the other hand out each record once",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const ids = Array.from({ length: 25 }, (_, n) => idOf(n, n * 150));
      for (const id of ids) await put(store, id, { due_at: clock.now() });
      const seen: string[] = [];
      for (const expected of [10, 10, 5, 0]) {
        const found = await acquiredIds(store, 10);
        assert.equal(found.length, expected);
        seen.push(...found);
      }
      assert.deepEqual(seen.toSorted(), ids.toSorted());
    },
  },
  {
    name: "S5: one kind is handed out, of all tenants and statuses",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf("a"), { due_at: clock.now(), tenant_id: "t2", status: "done" });
      await put(store, idOf("b"), { due_at: clock.now(), kind: "other" });
      assert.deepEqual(
        (await acquire(store)).map((record) => record.id),
        [idOf("a")],
      );
      assert.deepEqual(
        (await acquire(store, 1, "other")).map((record) => record.id),
        [idOf("b")],
      );
      assert.deepEqual(await acquire(store, 1, "none"), []);
    },
  },
  {
    name: "S5: the limit is a whole number from 1 to 1000",
    run: async ({ store }) => {
      for (const limit of [0, -1, 1.5, 1001, Number.NaN]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => acquire(store, limit));
      }
    },
  },
];
