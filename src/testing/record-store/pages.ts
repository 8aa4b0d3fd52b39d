import assert from "node:assert/strict";
import { KEY_NAMES, type RecordStore, type StoredRecord } from "../../backends/record-store.ts";
import { must, rejectsWith } from "../assertions.ts";
import type { FakeClock } from "../fake-clock.ts";
import { idOf, idsOf, idsOn, pageOf, put, read, type StoreCase, update, walk } from "./kit.ts";

/** `count` records over many slots, three to a millisecond; their ids, oldest first. */
async function fill(
  store: RecordStore,
  clock: FakeClock,
  count: number,
  statuses = ["open"],
): Promise<string[]> {
  const records: StoredRecord[] = [];
  for (let n = 0; n < count; n += 1) {
    const status = statuses[n % statuses.length] ?? "open";
    records.push(await put(store, idOf(n, (n * 677) % 4096), { status, keys: { session: "s" } }));
    if (n % 3 === 2) clock.advance(1);
  }
  return inOrder(records);
}

function inOrder(records: readonly StoredRecord[]): string[] {
  return records
    .toSorted((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1))
    .map((record) => record.id);
}

export const pageCases: readonly StoreCase[] = [
  {
    name: "S5: each index key finds its records, and no others",
    run: async ({ store }) => {
      for (const [n, name] of KEY_NAMES.entries()) {
        await put(store, idOf(`${name}-a`, n), { keys: { [name]: "a" } });
        await put(store, idOf(`${name}-b`, n), { keys: { [name]: "b" } });
      }
      for (const [n, name] of KEY_NAMES.entries()) {
        assert.deepEqual(await idsOn(store, { key: { name, value: "a" } }), [idOf(`${name}-a`, n)]);
        assert.deepEqual(await idsOn(store, { key: { name, value: "c" } }), []);
      }
      assert.equal((await idsOn(store)).length, 2 * KEY_NAMES.length);
    },
  },
  {
    name: "S5: kind, tenant and status keep records apart, with a key and without",
    run: async ({ store }) => {
      const keys = { session: "s" };
      await put(store, idOf("base"), { keys });
      await put(store, idOf("kind"), { keys, kind: "other" });
      await put(store, idOf("tenant"), { keys, tenant_id: "t2" });
      await put(store, idOf("status"), { keys, status: "done" });
      for (const key of [undefined, { name: "session", value: "s" } as const]) {
        const by = key ? { key } : {};
        assert.deepEqual(await idsOn(store, by), [idOf("base")]);
        assert.deepEqual(await idsOn(store, { ...by, kind: "other" }), [idOf("kind")]);
        assert.deepEqual(await idsOn(store, { ...by, tenant_id: "t2" }), [idOf("tenant")]);
        assert.deepEqual(await idsOn(store, { ...by, statuses: ["done"] }), [idOf("status")]);
      }
    },
  },
  {
    name: "S5: an index follows each change of status and keys",
    run: async ({ store }) => {
      await put(store, idOf(1), { keys: { session: "s1", thread: "t" } });
      const seen = async () => [
        await idsOn(store, { key: { name: "session", value: "s1" } }),
        await idsOn(store, { key: { name: "session", value: "s2" } }),
        await idsOn(store, { key: { name: "thread", value: "t" } }),
        await idsOn(store),
        await idsOn(store, { statuses: ["done"] }),
        await idsOn(store, { statuses: ["done"], key: { name: "session", value: "s2" } }),
      ];
      const it = [idOf(1)];
      assert.deepEqual(await seen(), [it, [], it, it, [], []]);
      await update(store, idOf(1), { patch: { keys: { session: "s2" } } });
      assert.deepEqual(await seen(), [[], it, it, it, [], []]);
      await update(store, idOf(1), { patch: { keys: { thread: null } } });
      assert.deepEqual(await seen(), [[], it, [], it, [], []]);
      await update(store, idOf(1), { patch: { status: "done" } });
      assert.deepEqual(await seen(), [[], [], [], [], it, it]);
      await update(store, idOf(1), { patch: { value: { n: 1 } } });
      assert.deepEqual(await seen(), [[], [], [], [], it, it]);
      await update(store, idOf(1), { patch: { status: "open", keys: { session: null } } });
      assert.deepEqual(await seen(), [[], [], [], it, [], []]);
    },
  },
  {
    name: "S5: items are the records as they are now",
    run: async ({ store }) => {
      await put(store, idOf(1), { value: { n: 1 }, keys: { session: "s" } });
      await update(store, idOf(1), { patch: { value: { n: 2 } } });
      const { items } = await store.page(pageOf({ key: { name: "session", value: "s" } }));
      assert.deepEqual(items, [await read(store, idOf(1))]);
    },
  },
  {
    name: "S5: pages go by time of creation and then id, over all slots, in both orders, whatever the limit",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const oldest = await fill(store, clock, 40);
      for (const limit of [1, 3, 7, 39, 40, 41]) {
        for (const key of [undefined, { name: "session", value: "s" } as const]) {
          const by = { limit, ...(key && { key }) };
          assert.deepEqual(await walk(store, by), oldest);
          assert.deepEqual(await walk(store, { ...by, order: "newest" }), oldest.toReversed());
        }
      }
    },
  },
  {
    name: "S5: several statuses are merged in order, each record once",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const oldest = await fill(store, clock, 30, ["open", "done", "gone", "else"]);
      const not = new Set(await idsOn(store, { statuses: ["else"] }));
      const expected = oldest.filter((id) => !not.has(id));
      assert.ok(expected.length < oldest.length);
      const statuses = ["gone", "open", "done", "open", "never"];
      for (const limit of [1, 4, 30]) {
        assert.deepEqual(await walk(store, { statuses, limit }), expected);
        assert.deepEqual(await walk(store, { statuses, limit, order: "newest" }), expected.toReversed());
      }
    },
  },
  {
    name: "S5: a slot restricts a page to its records",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const own: string[] = [];
      for (let n = 0; n < 12; n += 1) {
        const slot = [0, 1, 4095][n % 3] ?? 0;
        const record = await put(store, idOf(n, slot), { keys: { session: "s" } });
        if (slot === 4095) own.push(record.id);
        clock.advance(1);
      }
      assert.deepEqual(await walk(store, { slot: 4095, limit: 3 }), own);
      assert.deepEqual(await walk(store, { slot: 4095, limit: 3, order: "newest" }), own.toReversed());
      assert.deepEqual(
        await walk(store, { slot: 4095, limit: 2, key: { name: "session", value: "s" } }),
        own,
      );
      assert.equal((await idsOn(store, { slot: 0 })).length, 4);
      assert.deepEqual(await idsOn(store, { slot: 2 }), []);
    },
  },
  {
    name: "S5: records that come and go between pages: none twice, none that stayed is missed",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const before = await fill(store, clock, 30);
      const gone = new Set<string>();
      const come = new Set<string>();
      const ids = await walk(store, { limit: 5 }, async (page) => {
        for (const id of [before[page], before[page * 5 - 1], before[page * 5 + 1]]) {
          if (id && !gone.has(id)) await update(store, must(id), { patch: { status: "done" } });
          if (id) gone.add(id);
        }
        clock.advance(1);
        come.add((await put(store, idOf(`new-${page}`, page * 99))).id);
        if (page > 20) throw new Error("The walk does not end.");
      }).catch((error: unknown) => assert.fail(String(error)));
      assert.equal(new Set(ids).size, ids.length);
      const stayed = before.filter((id) => !gone.has(id));
      assert.deepEqual(
        ids.filter((id) => stayed.includes(id)),
        stayed,
      );
      assert.ok(ids.every((id) => come.has(id) || before.includes(id)));
    },
  },
  {
    name: "S5: newest first, what came after the first page is not shown, and nothing is shown twice",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const before = await fill(store, clock, 20);
      const ids = await walk(store, { limit: 6, order: "newest" }, async (page) => {
        clock.advance(1);
        await put(store, idOf(`new-${page}`, page));
      });
      assert.deepEqual(ids, before.toReversed());
    },
  },
  {
    name: "S5: a cursor stays good after the record it stands on has left, and after all of them have",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const before = await fill(store, clock, 9);
      const first = await store.page(pageOf({ limit: 4 }));
      assert.deepEqual(idsOf(first), before.slice(0, 4));
      const cursor = must(first.next_cursor, "cursor");
      await update(store, must(before[3]), { patch: { status: "done" } });
      assert.deepEqual(idsOf(await store.page(pageOf({ cursor }))), before.slice(4));
      for (const id of before) await update(store, id, { patch: { status: "done" } });
      assert.deepEqual(await store.page(pageOf({ cursor })), { items: [] });
    },
  },
  {
    name: "S5: 50 records are a page unless said otherwise, and only the last page has no cursor",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await fill(store, clock, 51);
      const first = await store.page(pageOf());
      assert.equal(first.items.length, 50);
      const last = await store.page(pageOf({ cursor: must(first.next_cursor, "cursor") }));
      assert.equal(last.items.length, 1);
      assert.equal("next_cursor" in last, false);
      assert.equal("next_cursor" in (await store.page(pageOf({ limit: 51 }))), false);
      assert.equal((await store.page(pageOf({ limit: 1000 }))).items.length, 51);
    },
  },
  {
    name: "S5: limits outside 1 to 1000, no status, and unknown keys or slots are refused",
    run: async ({ store }) => {
      for (const limit of [0, -1, 2.5, 1001, Number.NaN, Number.POSITIVE_INFINITY]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.page(pageOf({ limit })));
      }
      await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.page(pageOf({ statuses: [] })));
      const key = { name: "__proto__" as "session", value: "s" };
      await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.page(pageOf({ key })));
      for (const slot of [-1, 4096, 1.5]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.page(pageOf({ slot })));
      }
    },
  },
  {
    name: "S5: a cursor that no page has returned is refused",
    run: async ({ store }) => {
      await put(store, idOf(1));
      const forged = ["1", "1.rec_1", `1.${idOf(1)}x`, `-1.${idOf(1)}`, `.${idOf(1)}`, `1.${idOf(1)}\n`];
      const encoded = forged.map((text) => Buffer.from(text).toString("base64url"));
      for (const cursor of ["", "x", "{}", "0", "../..", "a".repeat(5000), "\u0000", ...encoded]) {
        await rejectsWith("ERR_HITL_CURSOR", () => store.page(pageOf({ cursor })));
      }
    },
  },
];
