import assert from "node:assert/strict";
import type { StoreOp } from "../../backends/record-store.ts";
import { rejectsWith } from "../assertions.ts";
import { eventsOf, idOf, idsOn, insertOp, put, read, type StoreCase, updateOp } from "./kit.ts";

export const atomicityCases: readonly StoreCase[] = [
  {
    name: "S1: one refused operation, and nothing of the others happens",
    run: async ({ store }) => {
      const a = await put(store, idOf("a"), { keys: { session: "s" } });
      const b = await put(store, idOf("b"));
      const c = await put(store, idOf("c"));
      const { status, results } = await store.commit([
        insertOp(idOf("new"), { keys: { session: "s" } }, { event: { type: "e" } }),
        updateOp(idOf("a"), {
          patch: {
            status: "done",
            keys: { session: "s2" },
            lease: { owner: "x", durationMs: 10 },
            due_at: 1,
          },
          event: { type: "e" },
        }),
        insertOp(idOf("c"), {}, { touch: true }),
        updateOp(idOf("b"), { guard: { version: 9 } }),
        { op: "read", id: idOf("a") },
      ]);
      assert.equal(status, "refused");
      assert.deepEqual(results, [
        { status: "skipped", record: null },
        { status: "skipped", record: a },
        { status: "exists", record: c },
        { status: "stale", record: b },
        { status: "read", record: a },
      ]);
      assert.deepEqual(await store.get(["new", "a", "b", "c"].map((n) => idOf(n))), [null, a, b, c]);
      assert.deepEqual((await idsOn(store)).toSorted(), ["a", "b", "c"].map((n) => idOf(n)).toSorted());
      assert.deepEqual(await idsOn(store, { key: { name: "session", value: "s" } }), [idOf("a")]);
      assert.deepEqual(await idsOn(store, { key: { name: "session", value: "s2" } }), []);
      assert.deepEqual(await idsOn(store, { statuses: ["done"] }), []);
      assert.deepEqual(await eventsOf(store, idOf("a")), []);
      assert.deepEqual(await eventsOf(store, idOf("new")), []);
      const due = await store.acquireDue({ kind: "thing", limit: 10, lease: { owner: "w", durationMs: 10 } });
      assert.deepEqual(due, []);
    },
  },
  {
    name: "S1: a refusal before or after in the order of operations makes no difference",
    run: async ({ store }) => {
      const a = await put(store, idOf("a"));
      const good = updateOp(idOf("a"), { patch: { status: "done" } });
      const bad = updateOp(idOf("none"));
      for (const ops of [
        [good, bad],
        [bad, good],
      ]) {
        const { status, results } = await store.commit(ops);
        assert.equal(status, "refused");
        assert.deepEqual(results.map((result) => result.status).toSorted(), ["missing", "skipped"]);
        assert.deepEqual(await read(store, idOf("a")), a);
      }
    },
  },
  {
    name: "S1: an optional update that fails, and an insert that finds its record, do not stop the others",
    run: async ({ store }) => {
      await put(store, idOf("a"));
      await put(store, idOf("b"));
      const { status, results } = await store.commit([
        updateOp(idOf("a"), { guard: { version: 5 }, patch: { status: "done" }, optional: true }),
        updateOp(idOf("none"), { optional: true }),
        insertOp(idOf("b"), { status: "done" }),
        insertOp(idOf("c")),
      ]);
      assert.equal(status, "committed");
      assert.deepEqual(
        results.map((result) => result.status),
        ["stale", "missing", "exists", "inserted"],
      );
      assert.deepEqual((await idsOn(store)).toSorted(), ["a", "b", "c"].map((n) => idOf(n)).toSorted());
    },
  },
  {
    name: "S1: reads in a commit see the state after it, wherever they stand",
    run: async ({ store }) => {
      await put(store, idOf("a"));
      const { results } = await store.commit([
        { op: "read", id: idOf("a") },
        { op: "read", id: idOf("new") },
        { op: "read", id: idOf("none") },
        updateOp(idOf("a"), { patch: { value: { n: 2 } } }),
        insertOp(idOf("new")),
        { op: "read", id: idOf("a") },
      ]);
      assert.deepEqual(
        results.map((result) => result.record?.version ?? null),
        [2, 1, null, 2, 1, 2],
      );
      assert.deepEqual(results[0]?.record?.value, { n: 2 });
    },
  },
  {
    name: "S1: a commit of reads only writes nothing",
    run: async ({ store }) => {
      const a = await put(store, idOf("a"));
      const { status, results } = await store.commit([{ op: "read", id: idOf("a") }]);
      assert.equal(status, "committed");
      assert.deepEqual(results, [{ status: "read", record: a }]);
    },
  },
  {
    name: "S1: records of two slots are refused before anything is written",
    run: async ({ store }) => {
      const a = await put(store, idOf("a", 1));
      const commits: readonly (readonly StoreOp[])[] = [
        [insertOp(idOf("x", 1)), insertOp(idOf("y", 2))],
        [updateOp(idOf("a", 1)), updateOp(idOf("b", 2), { optional: true })],
        [updateOp(idOf("a", 1)), { op: "read", id: idOf("b", 2) }],
      ];
      for (const ops of commits) await rejectsWith("ERR_HITL_CROSS_SLOT", () => store.commit(ops));
      assert.deepEqual(await store.get([idOf("a", 1), idOf("x", 1), idOf("y", 2)]), [a, null, null]);
    },
  },
  {
    name: "S1: a commit without operations, or one that writes a record twice, is refused",
    run: async ({ store }) => {
      const a = await put(store, idOf("a"));
      await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.commit([]));
      await rejectsWith("ERR_HITL_INVALID_INPUT", () =>
        store.commit([updateOp(idOf("a")), updateOp(idOf("a"))]),
      );
      await rejectsWith("ERR_HITL_INVALID_INPUT", () =>
        store.commit([insertOp(idOf("n")), updateOp(idOf("n"))]),
      );
      assert.deepEqual(await store.get([idOf("a"), idOf("n")]), [a, null]);
    },
  },
];
