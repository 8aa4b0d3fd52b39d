import assert from "node:assert/strict";
import type { PurgeQuery, RecordStore } from "../../backends/record-store.ts";
import { rejectsWith } from "../assertions.ts";
import { eventsOf, idOf, idsOn, KIND, put, read, type StoreCase, update } from "./kit.ts";

async function purge(
  store: RecordStore,
  query: Partial<PurgeQuery>,
): Promise<{ purged: number; more: boolean }> {
  return store.purge({
    kind: KIND,
    statuses: ["done"],
    updatedBefore: Number.MAX_SAFE_INTEGER,
    limit: 100,
    ...query,
  });
}

export const purgeCases: readonly StoreCase[] = [
  {
    name: "S5: only the kind, the statuses and the age that were named are deleted, of every tenant",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const start = clock.now();
      await put(store, idOf("old", 1), { status: "done" });
      await put(store, idOf("tenant", 2), { status: "gone", tenant_id: "t2" });
      await put(store, idOf("open", 3));
      await put(store, idOf("kind", 4), { status: "done", kind: "other" });
      await put(store, idOf("fresh", 5), { status: "done" });
      clock.advance(10);
      await update(store, idOf("fresh", 5));
      assert.deepEqual(await purge(store, { updatedBefore: start }), { purged: 0, more: false });
      const result = await purge(store, { statuses: ["done", "gone", "done"], updatedBefore: start + 1 });
      assert.deepEqual(result, { purged: 2, more: false });
      const ids = [idOf("old", 1), idOf("tenant", 2), idOf("open", 3), idOf("kind", 4), idOf("fresh", 5)];
      const left = (await store.get(ids)).map((record) => record?.id ?? null);
      assert.deepEqual(left, [null, null, ...ids.slice(2)]);
    },
  },
  {
    name: "S5: a deleted record is in no index, is not due, has no history, and its id is free again",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const keys = { session: "s", wake: "w" };
      await put(store, idOf(1), { status: "done", keys, due_at: clock.now() }, { event: { type: "old" } });
      await put(store, idOf(2), { keys, due_at: clock.now() + 9999 });
      assert.deepEqual(await purge(store, {}), { purged: 1, more: false });
      assert.deepEqual(await store.get([idOf(1)]), [null]);
      const statuses = ["done", "open"];
      assert.deepEqual(await idsOn(store, { statuses }), [idOf(2)]);
      assert.deepEqual(await idsOn(store, { statuses, key: { name: "session", value: "s" } }), [idOf(2)]);
      assert.deepEqual(await eventsOf(store, idOf(1)), []);
      assert.equal(await store.append(idOf(1), { type: "e" }), false);
      const query = { kind: KIND, limit: 10, lease: { owner: "w", durationMs: 1 } };
      assert.deepEqual(await store.acquireDue(query), []);
      const again = await put(store, idOf(1), {}, { event: { type: "new" } });
      assert.deepEqual([again.version, again.fence, again.touches], [1, 0, 0]);
      assert.deepEqual(await idsOn(store, { statuses: ["done"] }), []);
      assert.deepEqual(await idsOn(store, { statuses, key: { name: "wake", value: "w" } }), [idOf(2)]);
      assert.deepEqual(await store.acquireDue(query), []);
      assert.deepEqual(
        (await eventsOf(store, idOf(1))).map((event) => [event.seq, event.type]),
        [[1, "new"]],
      );
    },
  },
  {
    name: "S5: a call deletes at most its limit and says whether another one has work",
    run: async ({ store }) => {
      for (let n = 0; n < 10; n += 1) await put(store, idOf(n, n * 400), { status: n < 7 ? "done" : "gone" });
      const statuses = ["done", "gone"];
      assert.deepEqual(await purge(store, { statuses, limit: 4 }), { purged: 4, more: true });
      assert.deepEqual(await purge(store, { statuses, limit: 4 }), { purged: 4, more: true });
      assert.deepEqual(await purge(store, { statuses, limit: 4 }), { purged: 2, more: false });
      assert.deepEqual(await purge(store, { statuses, limit: 4 }), { purged: 0, more: false });
    },
  },
  {
    name: "S5: repeated calls come to an end with everything deleted, also at a multiple of the limit",
    run: async ({ store }) => {
      for (let n = 0; n < 12; n += 1) await put(store, idOf(n, n * 300), { status: "done" });
      let purged = 0;
      for (let calls = 0; ; calls += 1) {
        assert.ok(calls < 10, "the purge does not come to an end");
        const result = await purge(store, { limit: 4 });
        purged += result.purged;
        if (!result.more) break;
      }
      assert.equal(purged, 12);
      assert.deepEqual(await idsOn(store, { statuses: ["done"] }), []);
    },
  },
  {
    name: "S5: the limit is a whole number from 1 to 1000",
    run: async ({ store }) => {
      await put(store, idOf(1), { status: "done" });
      for (const limit of [0, 1001, 1.5, Number.NaN]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => purge(store, { limit }));
      }
      await read(store, idOf(1));
    },
  },
];
