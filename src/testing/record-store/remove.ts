import assert from "node:assert/strict";
import { rejectsWith } from "../assertions.ts";
import { eventsOf, idOf, idsOf, idsOn, KIND, pageOf, put, read, type StoreCase, update } from "./kit.ts";

const lease = { owner: "w", durationMs: 1000 };

export const removeCases: readonly StoreCase[] = [
  {
    name: "S5: a record that is as it was read goes with its index entries, its due time and its history",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const keys = { session: "s", thread: "t", wake: "w" };
      const gone = await put(store, idOf(1), { keys, due_at: clock.now() }, { event: { type: "old" } });
      const stays = await put(store, idOf(2), { keys, due_at: clock.now() }, { event: { type: "other" } });
      assert.equal(await store.remove([gone]), 1);
      assert.deepEqual(await store.get([gone.id]), [null]);
      assert.deepEqual(await idsOn(store), [stays.id]);
      for (const name of ["session", "thread", "wake"] as const)
        assert.deepEqual(await idsOn(store, { key: { name, value: keys[name] } }), [stays.id]);
      assert.deepEqual(await eventsOf(store, gone.id), []);
      assert.equal((await eventsOf(store, stays.id)).length, 1);
      assert.equal(await store.append(gone.id, { type: "e" }), false);
      const due = await store.acquireDue({ kind: KIND, limit: 10, lease });
      assert.deepEqual(
        due.map(({ id }) => id),
        [stays.id],
      );
      clock.advance(1);
      const again = await put(store, gone.id, {}, { event: { type: "new" } });
      assert.deepEqual([again.version, again.fence, again.touches, again.keys], [1, 0, 0, {}]);
      assert.deepEqual(
        (await eventsOf(store, gone.id)).map(({ seq, type }) => [seq, type]),
        [[1, "new"]],
      );
    },
  },
  {
    name: "S5: a long history goes as a whole, and what follows begins anew",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const record = await put(store, idOf(1), {}, { event: { type: "e0" } });
      for (let n = 1; n < 40; n += 1) assert.equal(await store.append(record.id, { type: `e${n}` }), true);
      assert.equal(await store.remove([record]), 1);
      clock.advance(1);
      await put(store, record.id, {}, { event: { type: "again" } });
      assert.deepEqual(
        (await eventsOf(store, record.id)).map(({ seq, type }) => [seq, type]),
        [[1, "again"]],
      );
    },
  },
  {
    name: "S2: a record that was changed since it was read stays, with everything",
    run: async ({ store }) => {
      const before = await put(store, idOf(1), { keys: { session: "s" } }, { event: { type: "e" } });
      const { record } = await update(store, before.id, { patch: { value: { a: 1 } } });
      assert.equal(await store.remove([before]), 0);
      assert.deepEqual(await read(store, before.id), record);
      assert.deepEqual(await idsOn(store, { key: { name: "session", value: "s" } }), [before.id]);
      assert.equal((await eventsOf(store, before.id)).length, 1);
      assert.equal(await store.remove([record ?? before]), 1);
    },
  },
  {
    name: "S3: a lease that another handle has taken, renewed or found due keeps the record",
    needs: ["another", "clock"],
    run: async ({ store, clock, another }) => {
      const other = await another();
      const due_at = clock.now();
      for (const n of [1, 2, 3]) await put(store, idOf(n), { due_at });
      const [first, second, third] = await Promise.all([1, 2, 3].map((n) => read(store, idOf(n))));
      assert.ok(first && second && third);
      await update(other, first.id, { patch: { lease } });
      await other.acquireDue({ kind: KIND, limit: 1, lease });
      const mine = await update(store, third.id, { patch: { lease } });
      await update(other, third.id, { patch: { lease: { renewMs: 5000 } } });
      clock.advance(2000);
      assert.equal(await store.remove([first, second, mine.record ?? third]), 0);
      const left = await other.get([first.id, second.id, third.id]);
      assert.ok(left.every((record) => record !== null));
    },
  },
  {
    name: "S4: sent twice it deletes once; a record that was made anew under the id is another one",
    needs: ["another", "clock"],
    run: async ({ store, clock, another }) => {
      const other = await another();
      const record = await put(store, idOf(1), {}, { lease });
      assert.equal(await store.remove([record, record]), 1);
      assert.equal(await other.remove([record]), 0);
      clock.advance(1);
      const anew = await put(other, record.id, {}, { lease });
      assert.deepEqual([anew.version, anew.fence], [record.version, record.fence]);
      assert.equal(await store.remove([record]), 0);
      assert.deepEqual(await read(store, anew.id), anew);
    },
  },
  {
    name: "S1: each record goes by itself, whatever its slot, kind and tenant; unknown ones are passed over",
    run: async ({ store }) => {
      const here = await put(store, idOf(1));
      const there = await put(store, idOf(2, 4095), { kind: "other", tenant_id: "t2", status: "done" });
      const changed = await put(store, idOf(3, 7));
      await update(store, changed.id);
      const unknown = { id: idOf("nobody", 9), version: 1, created_at: here.created_at };
      assert.equal(await store.remove([changed, here, unknown, there]), 2);
      assert.deepEqual(await store.get([here.id, there.id]), [null, null]);
      assert.equal((await read(store, changed.id)).version, 2);
      assert.equal(await store.remove([]), 0);
    },
  },
  {
    name: "S5: a page and a history that are read on meanwhile neither fail nor show what is gone",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      for (let n = 0; n < 6; n += 1) await put(store, idOf(n), { keys: { thread: "t" } });
      const query = pageOf({ key: { name: "thread", value: "t" }, limit: 2 });
      const first = await store.page(query);
      const all = (await store.page({ ...query, limit: 6 })).items;
      const kept = all.slice(4).map(({ id }) => id);
      const long = await put(store, idOf("long"), {}, { event: { type: "e" } });
      for (let n = 0; n < 11; n += 1) await store.append(long.id, { type: "e" });
      const events = await store.history(long.id, { limit: 5 });
      assert.equal(await other.remove([...all.slice(0, 4), long]), 5);
      const next = await store.page({ ...query, cursor: first.next_cursor });
      assert.deepEqual(idsOf(next), kept);
      assert.deepEqual(await store.history(long.id, { cursor: events.next_cursor }), { items: [] });
    },
  },
  {
    name: "S1: of handles that remove a record side by side one does, and a change either wins or finds nothing",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      for (let n = 0; n < 10; n += 1) {
        const record = await put(store, idOf(n), { keys: { session: "s" } }, { event: { type: "e" } });
        const [one, two, changed] = await Promise.all([
          store.remove([record]),
          other.remove([record]),
          other.commit([{ op: "update", id: record.id, optional: true, event: { type: "f" } }]),
        ]);
        const [left] = await store.get([record.id]);
        const outcome = [one + two, changed.results[0]?.status, left?.version ?? null];
        const wins = changed.results[0]?.status === "updated";
        assert.deepEqual(outcome, wins ? [0, "updated", 2] : [1, "missing", null]);
        assert.equal((await eventsOf(store, record.id)).length, wins ? 2 : 0);
      }
      const left = await idsOn(store, { key: { name: "session", value: "s" } });
      const found = await store.get(left);
      assert.ok(found.every((record) => record?.version === 2));
    },
  },
  {
    name: "S1: at most 1000 records at once, and only what a store can have handed out",
    run: async ({ store }) => {
      const record = await put(store, idOf(1));
      await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.remove(Array(1001).fill(record)));
      for (const bad of [
        { id: "nobody" },
        { version: 1.5 },
        { version: Number.NaN },
        { created_at: Infinity },
      ])
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.remove([{ ...record, ...bad }]));
      assert.deepEqual(await read(store, record.id), record);
    },
  },
];
