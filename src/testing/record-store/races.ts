/** N operations under way at once, through two handles. Who wins is open; how many win is not. */
import assert from "node:assert/strict";
import type { RecordStore } from "../../backends/record-store.ts";
import { tally, together } from "../assertions.ts";
import {
  commitOne,
  eventsOf,
  idOf,
  idsOn,
  insertOp,
  KIND,
  pageOf,
  put,
  read,
  type StoreCase,
  update,
  updateOp,
} from "./kit.ts";

const N = 50;

/** Hands the two handles out in turn. */
function inTurn(first: RecordStore, second: RecordStore): (index: number) => RecordStore {
  return (index) => (index % 2 === 0 ? first : second);
}

export const raceCases: readonly StoreCase[] = [
  {
    name: "S2: of 50 updates guarded by one version, one happens",
    needs: ["another"],
    run: async ({ store, another }) => {
      const of = inTurn(store, await another());
      await put(store, idOf(1));
      const results = await together(N, (n) =>
        update(of(n), idOf(1), {
          guard: { version: 1 },
          patch: { value: { n } },
          event: { type: "e", data: { n } },
        }),
      );
      assert.deepEqual(tally(results.map((result) => result.status)), { stale: N - 1, updated: 1 });
      const record = await read(store, idOf(1));
      const events = await eventsOf(store, idOf(1));
      assert.equal(record.version, 2);
      assert.deepEqual(
        events.map((event) => event.data),
        [record.value],
      );
      for (const result of results) assert.deepEqual(result.record, record);
    },
  },
  {
    name: "S1: of 50 inserts of one id, one happens, and all see its record",
    needs: ["another"],
    run: async ({ store, another }) => {
      const of = inTurn(store, await another());
      const results = await together(N, (n) =>
        commitOne(of(n), insertOp(idOf(1), { value: { n } }, { touch: true })),
      );
      assert.deepEqual(tally(results.map((result) => result.status)), { exists: N - 1, inserted: 1 });
      const record = await read(store, idOf(1));
      assert.equal(record.touches, N - 1);
      for (const result of results) assert.deepEqual(result.record?.value, record.value);
      assert.deepEqual(await idsOn(store), [idOf(1)]);
    },
  },
  {
    name: "S2: 50 unguarded updates all happen, one after the other",
    needs: ["another"],
    run: async ({ store, another }) => {
      const of = inTurn(store, await another());
      await put(store, idOf(1));
      const results = await together(N, (n) => update(of(n), idOf(1), { event: { type: `e${n}` } }));
      const versions = results.map((result) => result.record?.version ?? 0).toSorted((a, b) => a - b);
      assert.deepEqual(
        versions,
        Array.from({ length: N }, (_, n) => n + 2),
      );
      const events = await eventsOf(store, idOf(1));
      assert.deepEqual(
        events.map((event) => event.seq),
        Array.from({ length: N }, (_, n) => n + 1),
      );
      assert.equal(new Set(events.map((event) => event.type)).size, N);
    },
  },
  {
    name: "S3: of 8 who want a free lease, one gets it; round after round the fence rises by one",
    needs: ["another", "clock"],
    run: async ({ store, another, clock }) => {
      const of = inTurn(store, await another());
      await put(store, idOf(1));
      for (let round = 1; round <= 5; round += 1) {
        const results = await together(8, (n) =>
          update(of(n), idOf(1), {
            guard: { lease: "free" },
            patch: { lease: { owner: `w${n}`, durationMs: 100 } },
          }),
        );
        assert.deepEqual(tally(results.map((result) => result.status)), { stale: 7, updated: 1 });
        const winner = results.findIndex((result) => result.status === "updated");
        const record = await read(store, idOf(1));
        assert.deepEqual([record.fence, record.lease?.owner], [round, `w${winner}`]);
        clock.advance(100);
      }
    },
  },
  {
    name: "S3: fences of leases that many take at once are all different",
    needs: ["another"],
    run: async ({ store, another }) => {
      const of = inTurn(store, await another());
      await put(store, idOf(1));
      const results = await together(N, (n) =>
        update(of(n), idOf(1), { patch: { lease: { owner: `w${n}`, durationMs: 1 } } }),
      );
      const fences = results.map((result) => result.record?.fence ?? 0).toSorted((a, b) => a - b);
      assert.deepEqual(
        fences,
        Array.from({ length: N }, (_, n) => n + 1),
      );
    },
  },
  {
    name: "S3: of many who ask for what is due, each record goes to one",
    needs: ["another", "clock"],
    run: async ({ store, another, clock }) => {
      const of = inTurn(store, await another());
      const ids = Array.from({ length: 60 }, (_, n) => idOf(n, n * 68));
      for (const id of ids) await put(store, id, { due_at: clock.now() });
      const query = (n: number) => ({ kind: KIND, limit: 7, lease: { owner: `w${n}`, durationMs: 100 } });
      const found = (await together(12, async (n) => of(n).acquireDue(query(n)))).flat();
      const rest = await store.acquireDue({ ...query(99), limit: 1000 });
      const all = [...found, ...rest].map((record) => record.id);
      assert.equal(new Set(all).size, all.length);
      assert.deepEqual(all.toSorted(), ids.toSorted());
      assert.ok([...found, ...rest].every((record) => record.fence === 1));
    },
  },
  {
    name: "S1: a reader sees both records of a commit as they were before it, or both after it",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      await put(store, idOf("a"));
      await put(store, idOf("b"));
      const writing = (async () => {
        for (let n = 0; n < N; n += 1) await store.commit([updateOp(idOf("a")), updateOp(idOf("b"))]);
      })();
      for (let n = 0; n < N; n += 1) {
        const { results } = await other.commit([
          { op: "read", id: idOf("a") },
          { op: "read", id: idOf("b") },
        ]);
        assert.equal(results[0]?.record?.version, results[1]?.record?.version);
      }
      await writing;
    },
  },
  {
    name: "S1: of two commits that want each other's record, one happens as a whole",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      for (let n = 0; n < 10; n += 1) {
        const ids = [idOf(`a${n}`), idOf(`b${n}`)] as const;
        for (const id of ids) await put(store, id);
        const take = (by: string, order: readonly string[]) =>
          order.map((id) => updateOp(id, { guard: { version: 1 }, patch: { value: { by } } }));
        const outcomes = await Promise.all([
          store.commit(take("x", ids)),
          other.commit(take("y", ids.toReversed())),
        ]);
        assert.deepEqual(tally(outcomes.map((outcome) => outcome.status)), { committed: 1, refused: 1 });
        const [a, b] = await store.get(ids);
        assert.deepEqual(a?.value, b?.value);
      }
    },
  },
  {
    name: "S5: a page that is read while records change their status shows each record in one of them",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      const ids = Array.from({ length: 10 }, (_, n) => idOf(n));
      for (const id of ids) await put(store, id);
      const writing = together(ids.length, async (n) => {
        for (const status of ["done", "open", "done"]) await update(store, idOf(n), { patch: { status } });
      });
      for (let n = 0; n < 20; n += 1) {
        const { items } = await other.page(pageOf({ statuses: ["done"], limit: 1000 }));
        assert.ok(items.every((record) => record.status === "done"));
        assert.equal(new Set(items.map((record) => record.id)).size, items.length);
      }
      await writing;
      assert.deepEqual((await idsOn(other, { statuses: ["done"] })).toSorted(), ids.toSorted());
      assert.deepEqual(await idsOn(other), []);
    },
  },
  {
    name: "S1: a purge and an update of one record: the update happens before it or finds nothing",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      for (let n = 0; n < 10; n += 1) {
        await put(store, idOf(n), { status: "done" });
        const query = { kind: KIND, statuses: ["done"], updatedBefore: Number.MAX_SAFE_INTEGER, limit: 10 };
        const [updated, purged] = await Promise.all([
          update(other, idOf(n), { patch: { status: "open" }, event: { type: "e" } }),
          store.purge(query),
        ]);
        assert.equal(purged.purged, updated.status === "updated" ? 0 : 1);
        const [record] = await store.get([idOf(n)]);
        assert.equal(record === null, updated.status === "missing");
        assert.equal((await eventsOf(store, idOf(n))).length, updated.status === "updated" ? 1 : 0);
      }
    },
  },
];
