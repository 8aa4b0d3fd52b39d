import assert from "node:assert/strict";
import { isHoldpointError } from "../../core/errors.ts";
import { eventsOf, idOf, idsOn, insertOp, KIND, put, read, type StoreCase, update, updateOp } from "./kit.ts";

/** Texts that break stores which glue keys together, match by pattern, fold case, or normalise. */
const TEXTS: readonly string[] = [
  "a",
  "A",
  "a:b",
  "a:",
  ":a",
  "a:b:c",
  "a|b",
  "a/b",
  "a,b",
  "a b",
  "a ",
  "a\u0000b",
  "a\u0000",
  "a\nb",
  "a{b}",
  "{a}b",
  "{}",
  "*",
  "a*",
  "?",
  "[a]",
  "%",
  "_",
  "'a'",
  '"a"',
  "a\\",
  "\u00e9",
  "e\u0301",
  "ß",
  "ss",
  "👍",
  "\u{10FFFF}",
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "null",
  "undefined",
  "0",
  "00",
  "-1",
  "1e0",
  "x".repeat(1024),
];

const NO_IDS: readonly string[] = [
  "",
  "_",
  "rec_",
  "hitl_123",
  "__proto__",
  "constructor",
  "rec_12345",
  `rec_${"g".repeat(32)}`,
  `rec_${"A".repeat(32)}`,
  `rec_${"0".repeat(33)}`,
  `rec:${"0".repeat(32)}`,
  `rec_${"0".repeat(31)}\n`,
  `_${"0".repeat(32)}`,
  `${"0".repeat(32)}`,
  `rec_${"0".repeat(32)}\u0000`,
  `*_${"0".repeat(32)}`,
];

export const hostileCases: readonly StoreCase[] = [
  {
    name: "S5: tenants with any characters are kept apart",
    run: async ({ store }) => {
      for (const [n, tenant_id] of TEXTS.entries()) await put(store, idOf(n), { tenant_id });
      for (const [n, tenant_id] of TEXTS.entries()) {
        assert.deepEqual(await idsOn(store, { tenant_id }), [idOf(n)], JSON.stringify(tenant_id));
        assert.equal((await read(store, idOf(n))).tenant_id, tenant_id);
      }
      assert.deepEqual(await idsOn(store, { tenant_id: "unknown" }), []);
    },
  },
  {
    name: "S5: index keys with any characters are kept apart",
    run: async ({ store }) => {
      for (const [n, value] of TEXTS.entries())
        await put(store, idOf(n), { keys: { session: value, wake: value } });
      for (const [n, value] of TEXTS.entries()) {
        assert.deepEqual(
          await idsOn(store, { key: { name: "session", value } }),
          [idOf(n)],
          JSON.stringify(value),
        );
        assert.deepEqual(
          await idsOn(store, { key: { name: "wake", value } }),
          [idOf(n)],
          JSON.stringify(value),
        );
        assert.deepEqual((await read(store, idOf(n))).keys, { session: value, wake: value });
      }
    },
  },
  {
    name: "S5: statuses and kinds with any characters are kept apart, found as due, and purged alone",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const lease = { owner: "w", durationMs: 10 };
      for (const [n, text] of TEXTS.entries()) {
        await put(store, idOf(n), { status: text, kind: text, due_at: clock.now() });
        await put(store, idOf(`open-${n}`), { status: text });
      }
      for (const [n, text] of TEXTS.entries()) {
        assert.deepEqual(await idsOn(store, { statuses: [text] }), [idOf(`open-${n}`)], JSON.stringify(text));
        assert.deepEqual(
          await idsOn(store, { kind: text, statuses: [text] }),
          [idOf(n)],
          JSON.stringify(text),
        );
        const due = await store.acquireDue({ kind: text, limit: 10, lease });
        assert.deepEqual(
          due.map((record) => record.id),
          [idOf(n)],
          JSON.stringify(text),
        );
        const query = { kind: text, statuses: [text], updatedBefore: clock.now() + 1, limit: 10 };
        assert.deepEqual(await store.purge(query), { purged: 1, more: false }, JSON.stringify(text));
      }
      assert.equal((await idsOn(store, { statuses: TEXTS })).length, TEXTS.length);
    },
  },
  {
    name: "S5: where one text ends and the next begins makes a difference",
    run: async ({ store }) => {
      for (const [round, s] of [":", "\u0000", "|", "/", ",", "-", "_", "}{", '","'].entries()) {
        // Each two of them are the same when their parts are glued together with the separator.
        const records = [
          { kind: "k", tenant_id: `t${s}u`, status: "open", value: "v" },
          { kind: `k${s}t`, tenant_id: "u", status: "open", value: "v" },
          { kind: "k", tenant_id: `t${s}session${s}v`, status: "open", value: "w" },
          { kind: "k", tenant_id: "t", status: "open", value: `v${s}session${s}w` },
          { kind: "k", tenant_id: "t", status: `x${s}open`, value: "v" },
          { kind: "k", tenant_id: "t", status: "open", value: `v${s}x` },
          { kind: "k", tenant_id: "", status: "open", value: `t${s}v` },
          { kind: "k", tenant_id: `${s}t`, status: "open", value: "v" },
        ];
        const of = (n: number): string => idOf(`${round}-${n}`);
        for (const [n, { value, ...record }] of records.entries()) {
          await put(store, of(n), { ...record, keys: { session: value } });
        }
        for (const [n, { value, kind, tenant_id, status }] of records.entries()) {
          const by = { kind, tenant_id, statuses: [status] };
          const expected = JSON.stringify([s, n]);
          assert.deepEqual(await idsOn(store, { ...by, key: { name: "session", value } }), [of(n)], expected);
          assert.ok((await idsOn(store, by)).includes(of(n)), expected);
        }
        for (const [n] of records.entries()) {
          await update(store, of(n), { patch: { status: "closed" } });
        }
      }
    },
  },
  {
    name: "S6: owners, event types and reasons may hold any characters",
    run: async ({ store }) => {
      for (const [n, text] of TEXTS.entries()) {
        await put(
          store,
          idOf(n),
          {},
          { lease: { owner: text, durationMs: 1000 }, event: { type: text, reason: text } },
        );
        assert.equal((await read(store, idOf(n))).lease?.owner, text);
        const [event] = await eventsOf(store, idOf(n));
        assert.deepEqual([event?.type, event?.reason], [text, text]);
        assert.equal((await update(store, idOf(n), { guard: { status: [text] } })).status, "stale");
      }
    },
  },
  {
    name: "S1: an id that is not in the format is refused with a typed error, and never found",
    run: async ({ store }) => {
      for (const id of NO_IDS) {
        for (const operation of [insertOp(id), updateOp(id, { optional: true })]) {
          await assert.rejects(
            () => store.commit([operation]),
            (error) => isHoldpointError(error),
            JSON.stringify(id),
          );
        }
        assert.deepEqual(await store.get([id]), [null], JSON.stringify(id));
        assert.equal(await store.append(id, { type: "e" }), false, JSON.stringify(id));
        assert.deepEqual(await store.history(id), { items: [] }, JSON.stringify(id));
      }
      assert.deepEqual(await idsOn(store), []);
    },
  },
  {
    name: "S2: ids that differ only in their prefix are different records",
    run: async ({ store }) => {
      const digits = idOf(1).slice(4);
      const ids = [`rec_${digits}`, `call_${digits}`, `constructor_${digits}`];
      for (const id of ids) await put(store, id);
      assert.deepEqual((await idsOn(store, { kind: KIND })).toSorted(), ids.toSorted());
    },
  },
];
