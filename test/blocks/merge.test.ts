/** What each op does to data (B11, B12), and paths that mean harm. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { applyBlockEvent, createBlockState, getBlock } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import type { JsonObject, JsonValue } from "../../src/core/json.ts";
import { event, fold, runs } from "./kit.ts";

function after(
  start: JsonObject,
  op: "apply" | "delta" | "patch",
  data: JsonObject | null,
): JsonObject | undefined {
  return getBlock(fold([event({ op: "apply", data: start }), event({ op, data })]), "b")?.data;
}

describe("B11: apply and delta", () => {
  it.each([
    ["apply", { a: 1, b: 2 }, { c: 3 }, { c: 3 }],
    ["apply", { a: 1 }, null, {}],
    ["delta", { content: "Hold" }, { content: "point" }, { content: "Holdpoint" }],
    ["delta", {}, { content: "H" }, { content: "H" }],
    ["delta", { items: [1] }, { items: [2, 3] }, { items: [1, 2, 3] }],
    ["delta", { n: 1, s: "a", o: { x: 1 } }, { n: 2, s: 3, o: { y: 2 } }, { n: 2, s: 3, o: { y: 2 } }],
    ["delta", { a: 1 }, null, { a: 1 }],
    ["delta", { a: [1] }, { a: "x" }, { a: "x" }],
  ] as const)("%s on %j with %j", (op, start, data, expected) => {
    expect(after(start as JsonObject, op, data as JsonObject | null)).toEqual(expected);
  });
});

describe("B12: patch", () => {
  it.each([
    [{}, { status: "running" }, { status: "running" }],
    [{ a: { b: 1, x: 2 } }, { "a.b.c": 3 }, { a: { b: { c: 3 }, x: 2 } }],
    [{}, { "a.b.c": 1 }, { a: { b: { c: 1 } } }],
    [{}, { "items[0].name": "n" }, { items: [{ name: "n" }] }],
    [{ items: {} }, { "items[0]": 1 }, { items: [1] }],
    [{ items: [{ name: "x", n: 1 }] }, { "items[0].name": "y" }, { items: [{ name: "y", n: 1 }] }],
    [{}, { "items[2]": "z" }, { items: [null, null, "z"] }],
    [{}, { "items[2].a": "z" }, { items: [{}, {}, { a: "z" }] }],
    [{}, { "m[0][1]": 1 }, { m: [[null, 1]] }],
    [{ a: null }, { "a.b": 1 }, { a: { b: 1 } }],
    [{}, { "a.x": 1, "a.y": 2 }, { a: { x: 1, y: 2 } }],
    [{ toString: 1 }, { "valueOf.a": 1 }, { toString: 1, valueOf: { a: 1 } }],
  ] as const)("%j with %j", (start, data, expected) => {
    expect(after(start as unknown as JsonObject, "patch", data as unknown as JsonObject)).toEqual(expected);
  });

  it("sets what it names and nothing else, whatever was there", () => {
    const step = fc.oneof(fc.constantFrom("a", "b", "c"), fc.nat(4));
    const steps = fc.tuple(fc.constantFrom("a", "b"), fc.array(step, { maxLength: 5 }));
    const json = fc.jsonValue({
      maxDepth: 4,
      stringUnit: fc.constantFrom("a", "b", "c"),
    }) as fc.Arbitrary<JsonValue>;
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom("a", "b", "z"), json),
        steps,
        json,
        (start, [first, rest], value) => {
          const path = rest.reduce<string>(
            (text, one) => text + (typeof one === "number" ? `[${one}]` : `.${one}`),
            first,
          );
          const expected = JSON.stringify(start);
          const data = after(start, "patch", { [path]: value }) as JsonObject;
          let found: unknown = data[first];
          for (const one of rest) found = (found as Record<string | number, unknown>)[one];
          assert.deepEqual(found, JSON.parse(JSON.stringify(value)));
          for (const key of Object.keys(start))
            if (key !== first) assert.deepEqual(data[key], JSON.parse(JSON.stringify(start[key])));
          assert.equal(JSON.stringify(start), expected);
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it("parts that a patch does not touch are shared", () => {
    const start = fold([event({ op: "apply", data: { a: { b: [1] }, c: { d: 1 } } })]);
    const next = fold([event({ op: "patch", data: { "c.d": 2 } })], start);
    expect(getBlock(next, "b")?.data["a"]).toBe(getBlock(start, "b")?.data["a"]);
  });

  it.each([
    "__proto__.polluted",
    "a.__proto__.polluted",
    "constructor.prototype.polluted",
    "a.constructor",
    "a.prototype",
    "a[1e9]",
    "a[-1]",
    "a[100000]",
    "a[01]",
    "a[",
    "a]",
    "a[]",
    "a[0",
    "a[0]b",
    "a..b",
    ".a",
    "a.",
    "[0]",
    "",
    `a${".a".repeat(40)}`,
  ])("the path %j is refused, and changes nothing", (path) => {
    const start = fold([event({ op: "apply", data: { a: {} }, seq: 0 })]);
    expect(() =>
      applyBlockEvent(start, { ...event({ op: "patch", seq: 1 }), data: { ok: 1, [path]: 1 } }),
    ).toThrow(expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }));
    expect(getBlock(start, "b")?.data).toEqual({ a: {} });
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it.each([
    { "a[2000]": 1 },
    Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`l${n}[100]`, 1])),
    { [`a${"[99]".repeat(20)}`]: 1 },
  ])("a short patch does not make long lists", (data) => {
    expect(() => fold([event({ op: "patch", data })])).toThrow(
      expect.objectContaining({ code: "ERR_HITL_TOO_LARGE" }),
    );
  });

  it.each(["delta", "patch", "apply"] as const)("%s with a key __proto__ is refused", (op) => {
    const data = JSON.parse('{"__proto__":{"polluted":1}}') as JsonObject;
    expect(() => applyBlockEvent(createBlockState(), { ...event({ op }), data })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_NOT_JSON" }),
    );
  });
});
