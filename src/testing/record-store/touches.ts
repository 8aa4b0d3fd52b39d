import assert from "node:assert/strict";
import { commitOne, eventsOf, idOf, insertOp, put, read, type StoreCase, update, updateOp } from "./kit.ts";

export const touchCases: readonly StoreCase[] = [
  {
    name: "S1: an insert that asks for it counts when the record is there already, and nothing else changes",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const again = insertOp(idOf(1), {}, { touch: true, event: { type: "e" } });
      const first = await commitOne(store, again);
      assert.equal(first.record?.touches, 0);
      clock.advance(50);
      for (let touches = 1; touches <= 3; touches += 1) {
        const found = await commitOne(store, again);
        assert.equal(found.status, "exists");
        assert.deepEqual(found.record, { ...first.record, touches });
      }
      await commitOne(store, insertOp(idOf(1)));
      assert.equal((await read(store, idOf(1))).touches, 3);
      assert.equal((await eventsOf(store, idOf(1))).length, 1);
    },
  },
  {
    name: "S1: an optional update whose guard failed counts if it asks for it; one that succeeds does not",
    run: async ({ store }) => {
      const before = await put(store, idOf(1));
      const failing = { guard: { version: 7 }, optional: true } as const;
      assert.deepEqual((await update(store, idOf(1), failing)).record, before);
      const counted = await update(store, idOf(1), { ...failing, touch: true });
      assert.equal(counted.commit, "committed");
      assert.equal(counted.status, "stale");
      assert.deepEqual(counted.record, { ...before, touches: 1 });
      const done = await update(store, idOf(1), { guard: { version: 1 }, optional: true, touch: true });
      assert.equal(done.status, "updated");
      assert.equal(done.record?.touches, 1);
    },
  },
  {
    name: "S1: a refused commit counts nothing",
    run: async ({ store }) => {
      await put(store, idOf("a"));
      await put(store, idOf("b"));
      await store.commit([
        insertOp(idOf("a"), {}, { touch: true }),
        updateOp(idOf("b"), { guard: { version: 7 }, optional: true, touch: true }),
        updateOp(idOf("none")),
      ]);
      await store.commit([updateOp(idOf("a"), { guard: { version: 7 }, touch: true })]);
      await store.commit([insertOp(idOf("a"), {}, { touch: true, if_exists: "abort" })]);
      assert.deepEqual(
        [(await read(store, idOf("a"))).touches, (await read(store, idOf("b"))).touches],
        [0, 0],
      );
    },
  },
  {
    name: "S1: a guard on touches sees that somebody came meanwhile",
    run: async ({ store }) => {
      await put(store, idOf(1));
      await commitOne(store, insertOp(idOf(1), {}, { touch: true }));
      const stale = await update(store, idOf(1), { guard: { touches: 0 } });
      assert.equal(stale.status, "stale");
      assert.equal(stale.record?.touches, 1);
      assert.equal((await update(store, idOf(1), { guard: { touches: 1 } })).status, "updated");
    },
  },
];
