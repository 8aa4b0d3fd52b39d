import assert from "node:assert/strict";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { must } from "../assertions.ts";
import { commitOne, idOf, insertOp, KIND, pageOf, put, read, type StoreCase, update } from "./kit.ts";

function nested(depth: number): JsonValue {
  let value: JsonValue = [];
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? { in: value } : [value];
  return value;
}

/** What datastores and their script languages like to change. */
const VALUES: Readonly<Record<string, JsonObject>> = {
  "the empty object": {},
  "empty arrays and objects": { a: [], b: {}, c: [[], {}], d: { e: [] } },
  "the order of keys": { z: 1, a: 2, m: { y: 1, b: 2 }, "10": 1, "9": 2, A: 3 },
  "null, true and false": { a: null, b: [null, null], c: true, d: false },
  "whole numbers": { a: [0, 1, -1, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 1e15, 12_345_678_901_234_567_000] },
  fractions: { a: [0.1, 0.1 + 0.2, -2.5, 1 / 3, 1e-7, 5e-324, 1.7976931348623157e308, 1e21, 123456.789e-10] },
  "whole numbers beside fractions": { a: 1, b: 1.5, c: [100, 1e2, 1e100] },
  "an emoji, a combining mark, a right-to-left mark": { "👩‍👩‍👧": "e\u0301 \u00e9 \u200f\u05d0" },
  "line separators and control characters": {
    a: "\u2028\u2029\u0000\u0001\u001f\u007f\u0085\ufeff",
    "\u0000": 1,
  },
  "quotes, slashes and escapes": { a: '"\\/\b\f\n\r\t', b: "\\u0041", c: "</script>", "'": "''; --" },
  "text that looks like JSON": { a: "null", b: "[]", c: '{"a":1}', d: "1e5", e: "" },
  "an empty key": { "": { "": [""] } },
  "keys of every object": { toString: 1, hasOwnProperty: 2, length: 3, toJSON: "x", then: 4 },
  "the key __proto__": JSON.parse('{"a":1,"__proto__":{"b":2},"c":{"__proto__":[]}}') as JsonObject,
  "values nested deeply": { a: nested(60) },
  "many keys": Object.fromEntries(Array.from({ length: 2000 }, (_, n) => [`key-${n}`, n])),
  "a long text": { a: "añ𝒳".repeat(30_000) },
};

function assertBytes(found: JsonObject | undefined, expected: JsonObject): void {
  assert.equal(JSON.stringify(found), JSON.stringify(expected));
}

export const byteCases: readonly StoreCase[] = [
  ...Object.entries(VALUES).map(
    ([what, value], n): StoreCase => ({
      name: `S6: ${what}: read back to the byte`,
      run: async ({ store }) => {
        const id = idOf(n);
        const inserted = await commitOne(store, insertOp(id, { value }));
        assertBytes(inserted.record?.value, value);
        assertBytes((await read(store, id)).value, value);
        assertBytes((await store.page(pageOf())).items[0]?.value, value);
        await put(store, idOf("other"));
        const updated = await update(store, idOf("other"), {
          patch: { value },
          event: { type: "e", data: value },
        });
        assertBytes(updated.record?.value, value);
        assertBytes((await read(store, idOf("other"))).value, value);
        assertBytes((await store.history(idOf("other"))).items[0]?.data, value);
      },
    }),
  ),
  {
    name: "S6: a value comes through changes of the rest of its record untouched",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const value = { z: [], a: { y: 1.5, b: 1e21 }, n: 9_007_199_254_740_991, e: {} };
      const id = idOf(1);
      await put(store, id, { value, due_at: clock.now() });
      const lease = { owner: "w", durationMs: 10 };
      const [acquired] = await store.acquireDue({ kind: KIND, limit: 1, lease });
      assertBytes(must(acquired).value, value);
      await update(store, id, { patch: { status: "done", keys: { session: "s" }, lease: "release" } });
      await commitOne(store, insertOp(id, {}, { touch: true }));
      await store.append(id, { type: "e" });
      assertBytes((await read(store, id)).value, value);
      const stale = await update(store, id, { guard: { version: 99 } });
      assertBytes(stale.record?.value, value);
    },
  },
  {
    name: "S6: times are whole milliseconds, also far ahead",
    run: async ({ store }) => {
      for (const [n, due_at] of [0, 1, 2 ** 31, 2 ** 32 + 1, 1_700_000_000_001, 8.64e15].entries()) {
        await put(store, idOf(n), { due_at });
        assert.equal((await read(store, idOf(n))).due_at, due_at);
      }
    },
  },
];
