import assert from "node:assert/strict";
import { rejectsWith } from "../assertions.ts";
import { eventsOf, idOf, idsOn, insertOp, KIND, pageOf, put, read, type StoreCase, update } from "./kit.ts";

export const closeCases: readonly StoreCase[] = [
  {
    name: "S1: closing twice is as closing once, also at the same time",
    run: async ({ store }) => {
      await put(store, idOf(1));
      await Promise.all([store.close(), store.close()]);
      await store.close();
    },
  },
  {
    name: "S1: a closed store refuses every operation with a typed error",
    run: async ({ store }) => {
      await store.close();
      const lease = { owner: "w", durationMs: 1 };
      const operations: readonly (() => Promise<unknown>)[] = [
        () => store.commit([insertOp(idOf(1))]),
        () => store.get([idOf(1)]),
        () => store.page(pageOf()),
        () => store.acquireDue({ kind: KIND, limit: 1, lease }),
        () => store.append(idOf(1), { type: "e" }),
        () => store.history(idOf(1)),
        () => store.watch([idOf(1)], () => undefined),
        () => store.purge({ kind: KIND, statuses: ["done"], updatedBefore: 1, limit: 1 }),
        () => store.remove([{ id: idOf(1), version: 1, created_at: 1 }]),
      ];
      for (const operation of operations) await rejectsWith("ERR_HITL_CLOSED", operation);
    },
  },
  {
    name: "S1: closing one handle leaves the other at work",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      await put(store, idOf(1));
      await store.close();
      assert.equal((await update(other, idOf(1))).record?.version, 2);
      assert.deepEqual(await idsOn(other), [idOf(1)]);
    },
  },
  {
    name: "S6: what a durable store holds outlives its last handle",
    needs: ["another", "durable"],
    run: async ({ store, another }) => {
      await put(store, idOf(1), { keys: { session: "s" }, due_at: 9 }, { event: { type: "created" } });
      const before = await read(store, idOf(1));
      await store.close();
      const later = await another();
      assert.deepEqual(await read(later, idOf(1)), before);
      assert.deepEqual(await idsOn(later, { key: { name: "session", value: "s" } }), [idOf(1)]);
      assert.equal((await eventsOf(later, idOf(1))).length, 1);
    },
  },
];
