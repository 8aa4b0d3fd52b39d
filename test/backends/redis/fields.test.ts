/** How fields are written: what a script and an operator see is what was meant, whatever was given. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { KEY_NAMES, type RecordKeys } from "../../../src/backends/record-store.ts";
import {
  escapeField,
  fullId,
  keyEntries,
  packKeys,
  shortId,
  statusField,
  statusOf,
  tenantField,
  tenantOf,
  unescapeField,
  unpackKeys,
} from "../../../src/backends/redis/fields.ts";
import { StoreHITLBackend } from "../../../src/backends/store-backend.ts";
import { MemoryRecordStore } from "../../../src/testing/index.ts";
import { fullJson, shortJson } from "../../../src/backends/redis/short-json.ts";

/** What could be taken for something else. */
const special = fc.constantFrom(
  "",
  "%",
  "%p",
  "p",
  "c",
  "x",
  "e",
  "pending",
  "expired",
  "default",
  "%25",
  "a|b",
  "=",
);
const text = fc.oneof(special, fc.string({ unit: "grapheme", maxLength: 6 }));

it("S6: statuses, tenants and other fields come back, no two are written alike, none has a separator in it", () => {
  for (const [pack, unpack] of [
    [statusField, statusOf],
    [tenantField, tenantOf],
    [escapeField, unescapeField],
  ] as const) {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(unpack(pack(one))).toBe(one);
        expect(pack(one) === pack(other)).toBe(one === other);
        expect(pack(one)).not.toMatch(/[|\n]/);
      }),
      { numRuns: 2000 },
    );
  }
});

it("S6: keys come back; each is in one entry, and found where its name is looked for", () => {
  const value = fc.option(fc.oneof(fc.constantFrom("a", "b", "s=a", "a|s=b", ""), text), { nil: undefined });
  const record = fc.record(Object.fromEntries(KEY_NAMES.map((name) => [name, value])));
  fc.assert(
    fc.property(record, (given) => {
      const keys = Object.fromEntries(
        Object.entries(given).filter(([, one]) => one !== undefined),
      ) as RecordKeys;
      const fields = packKeys(keys) === "" ? [] : packKeys(keys).split("|");
      expect(unpackKeys(fields, 0)).toEqual(keys);
      for (const name of KEY_NAMES) {
        const own = keys[name];
        const found =
          own === undefined ? [] : keyEntries(name, own).filter((entry) => fields.includes(entry));
        expect(found).toHaveLength(own === undefined ? 0 : 1);
      }
    }),
    { numRuns: 2000 },
  );
  expect(packKeys({ session: "a", invocation: "a", thread: "a", wake: "a" })).toBe("sit=a|w=a");
});

it("S5: short ids are in the order of the ids, and come back", () => {
  const hex = fc.string({ unit: fc.constantFrom("0", "9", "a", "f"), minLength: 32, maxLength: 32 });
  const id = fc
    .tuple(fc.constantFrom("a", "hit", "hitl", "hitlx", "rec", "z"), hex)
    .map((parts) => parts.join("_"));
  fc.assert(
    fc.property(fc.constantFrom("hitl", "rec", "other kind", "%25"), id, id, (kind, one, other) => {
      const [a, b] = [shortId(kind, one), shortId(kind, other)];
      expect(fullId(kind, a)).toBe(one);
      expect(a < b).toBe(one < other);
      expect(a === b).toBe(one === other);
    }),
    { numRuns: 2000 },
  );
});

it("S6: the JSON of a question comes back to the byte, whatever is in it", () => {
  const names = ["thread_id", "checkpoint_ns", "metadata", "occurrence", "on_expire", "reason", "data"];
  const leaf = fc.oneof(
    fc.constantFrom(null, 0, 0.5, "expire", "\u0001", "\u001e", ',"subject":null', "}", '"'),
    fc.string({ unit: "binary", maxLength: 5 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string({ maxLength: 3 })), tie("value"), {
        maxKeys: 8,
      }),
    ),
  }));
  fc.assert(
    fc.property(value, fc.dictionary(fc.constantFrom(...names), value), (id, rest) => {
      const json = JSON.stringify({ schema_version: 1, hitl_id: id, ...rest });
      expect(fullJson(shortJson(json))).toBe(json);
      // What separates the parts of a record, and what a terminal takes for a command.
      for (const character of ["\n", "\r", "\u001b"]) expect(shortJson(json)).not.toContain(character);
      expect(shortJson(json).length).toBeLessThanOrEqual(json.length);
    }),
    { numRuns: 2000 },
  );
});

it("S6: a stored question is read for ever as it was written", () => {
  const no = (...names: string[]): string => names.map((name) => `,"${name}":null`).join("");
  const asked = ',"key":null,"occurrence":0';
  const confirm =
    ',"response_schema":{"type":"object","properties":{"confirmed":{"type":"boolean"},"comment":{"type":"string"}},"required":["confirmed"]}';
  const unanswered = `${no("user_response", "responded_at", "responded_by", "idempotency_key", "reason")}}`;
  const plain = `${no("block_id")},"resume_mode":"response"${no("tool_state")}`;
  const expire = ',"on_expire":"expire"';
  const table: readonly (readonly [string, string])[] = [
    ["01", no("thread_id", "checkpoint_ns")],
    ["02", no("checkpoint_ns")],
    ["03", no("graph_name")],
    ["04", ',"metadata":{}'],
    ["06", plain + no("checkpoint_id", "callback_id")],
    ["10", plain],
    ["11", no("checkpoint_id")],
    ["12", no("callback_id")],
    ["13", no("tool_name", "tool_call_id", "node_id", "params") + asked],
    ["14", no("params")],
    ["15", asked],
    ["16", confirm],
    ["17", no("subject", "assignee")],
    ["18", no("subject")],
    ["19", no("assignee")],
    ["1a", no("expires_at")],
    ["1c", expire],
    ["1d", unanswered],
    ["1e", expire + unanswered],
    ["1f", no("subject", "assignee", "expires_at") + expire + unanswered],
  ];
  for (const [code, phrase] of table)
    expect([code, fullJson(String.fromCharCode(Number.parseInt(code, 16)))]).toEqual([code, phrase]);
});

it("the short form of a question is half of its JSON, of those that tools ask too", async () => {
  const store = new MemoryRecordStore();
  const backend = new StoreHITLBackend(store);
  const request = { hitl_type: "confirm", session_id: "s", data: { message: "Send it?" } };
  for (const more of [
    {},
    {
      thread_id: "t",
      checkpoint_ns: "tools:1",
      tool_name: "send",
      tool_call_id: "c",
      node_id: "tools",
      params: {},
    },
  ]) {
    const { record } = await backend.create({ ...request, ...more });
    const [stored] = await store.get([record.hitl_id]);
    const json = JSON.stringify(stored?.value);
    expect(shortJson(json).length).toBeLessThan(json.length / 2);
  }
});
