import assert from "node:assert/strict";
import {
  commitOne,
  eventsOf,
  idOf,
  idsOn,
  insertOp,
  KIND,
  put,
  read,
  type StoreCase,
  TENANT,
} from "./kit.ts";

export const insertCases: readonly StoreCase[] = [
  {
    name: "S2: a new record has version 1 and nothing that was not given",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const result = await commitOne(store, insertOp(idOf(1), { value: { a: 1 } }));
      assert.equal(result.commit, "committed");
      assert.equal(result.status, "inserted");
      const expected = {
        id: idOf(1),
        kind: KIND,
        tenant_id: TENANT,
        status: "open",
        version: 1,
        keys: {},
        due_at: null,
        lease: null,
        fence: 0,
        touches: 0,
        created_at: clock.now(),
        updated_at: clock.now(),
        value: { a: 1 },
      };
      assert.deepEqual(result.record, expected);
      assert.deepEqual(await read(store, idOf(1)), expected);
    },
  },
  {
    name: "S2: keys and a due time are stored as given",
    run: async ({ store }) => {
      const keys = { session: "s", thread: "t", wake: "w" };
      const record = await put(store, idOf(1), { keys, due_at: 12_345 });
      assert.deepEqual(record.keys, keys);
      assert.equal(record.due_at, 12_345);
      assert.deepEqual(await read(store, idOf(1)), record);
    },
  },
  {
    name: "S3: a record that is leased from the start has fence 1 and an end by the store's clock",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const record = await put(store, idOf(1), {}, { lease: { owner: "a", durationMs: 500 } });
      assert.deepEqual(record.lease, { owner: "a", expires_at: clock.now() + 500 });
      assert.equal(record.fence, 1);
      assert.equal(record.version, 1);
    },
  },
  {
    name: "S2: a record that exists is kept and returned",
    run: async ({ store }) => {
      const first = await put(store, idOf(1), { value: { n: 1 }, keys: { session: "s" } });
      const again = insertOp(
        idOf(1),
        { value: { n: 2 }, status: "done", keys: { session: "other" } },
        { lease: { owner: "b", durationMs: 10 }, event: { type: "again" } },
      );
      const result = await commitOne(store, again);
      assert.equal(result.commit, "committed");
      assert.equal(result.status, "exists");
      assert.deepEqual(result.record, first);
      assert.deepEqual(await read(store, idOf(1)), first);
      assert.deepEqual(await idsOn(store, { statuses: ["done"] }), []);
      assert.deepEqual(await eventsOf(store, idOf(1)), []);
    },
  },
  {
    name: "S1: if_exists abort refuses the commit and shows the record",
    run: async ({ store }) => {
      const first = await put(store, idOf(1));
      const { status, results } = await store.commit([
        insertOp(idOf(2)),
        insertOp(idOf(1), { value: { n: 2 } }, { if_exists: "abort" }),
      ]);
      assert.equal(status, "refused");
      assert.deepEqual(results, [
        { status: "skipped", record: null },
        { status: "exists", record: first },
      ]);
      assert.deepEqual(await store.get([idOf(2)]), [null]);
    },
  },
  {
    name: "S1: an insert writes its event as the first of the history",
    run: async ({ store }) => {
      await put(store, idOf(1), {}, { event: { type: "created" } });
      const [event, ...more] = await eventsOf(store, idOf(1));
      assert.deepEqual(more, []);
      assert.equal(event?.type, "created");
      assert.equal(event.seq, 1);
      assert.equal(event.version, 1);
      assert.equal(event.status, "open");
    },
  },
  {
    name: "S2: get answers in the order of the ids, over slots, with null for none",
    run: async ({ store }) => {
      const a = await put(store, idOf("a", 0));
      const b = await put(store, idOf("b", 4095));
      const ids = [idOf("b", 4095), idOf("none", 7), idOf("a", 0), idOf("b", 4095)];
      assert.deepEqual(await store.get(ids), [b, null, a, b]);
      assert.deepEqual(await store.get([]), []);
    },
  },
  {
    name: "S1: several records of one slot are inserted together",
    run: async ({ store }) => {
      const ids = Array.from({ length: 20 }, (_, n) => idOf(n));
      const { status, results } = await store.commit(ids.map((id) => insertOp(id)));
      assert.equal(status, "committed");
      assert.deepEqual(
        results.map((result) => result.record?.id),
        ids,
      );
      assert.deepEqual((await idsOn(store)).toSorted(), ids.toSorted());
    },
  },
  {
    name: "S1: a part that is frozen on its surface only does not reach into the store either",
    run: async ({ store }) => {
      const inner = { n: 1 };
      const list = [inner];
      await put(store, idOf(1), {
        value: { part: Object.freeze({ inner }), list: Object.freeze(list) as never },
      });
      inner.n = 2;
      const { value } = await read(store, idOf(1));
      assert.deepEqual(value, { part: { inner: { n: 1 } }, list: [{ n: 1 }] });
    },
  },
  {
    name: "S1: what the caller passed or received does not reach into the store",
    run: async ({ store }) => {
      const value = { list: [1] };
      const keys = { session: "s" };
      const data = { n: 1 };
      await put(store, idOf(1), { value, keys }, { event: { type: "created", data } });
      value.list.push(2);
      keys.session = "changed";
      data.n = 2;
      const seen = await read(store, idOf(1));
      const history = await eventsOf(store, idOf(1));
      assert.deepEqual(
        [seen.value, seen.keys, history[0]?.data],
        [{ list: [1] }, { session: "s" }, { n: 1 }],
      );
      const changes = [
        () => (seen.value["list"] as number[]).push(3),
        () => Object.assign(seen.keys, { session: "changed" }),
        () => Object.assign(history[0]?.data ?? {}, { n: 3 }),
      ];
      for (const change of changes) {
        try {
          change();
        } catch (error) {
          // A store may freeze what it hands out.
          assert.ok(error instanceof TypeError);
        }
      }
      const again = await read(store, idOf(1));
      const events = await eventsOf(store, idOf(1));
      assert.deepEqual(
        [again.value, again.keys, events[0]?.data],
        [{ list: [1] }, { session: "s" }, { n: 1 }],
      );
      assert.deepEqual(await idsOn(store, { key: { name: "session", value: "s" } }), [idOf(1)]);
    },
  },
];
