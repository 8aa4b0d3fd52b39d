/** The text that is hashed is RFC 8785's, whoever makes it. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalText, hashOf } from "../../src/audit/hash.ts";
import { digestJson } from "../../src/audit/verify/digest.ts";
import { hashJson } from "../../src/core/ids.ts";
import { canonicalJson, type JsonValue } from "../../src/core/json.ts";
import { runs } from "../property/stores.ts";

const key = fc.oneof(
  fc.string({ unit: "binary", maxLength: 4 }),
  fc.constantFrom("__proto__", "10", "9", "toJSON"),
);
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<JsonValue>(null, true, false, 0, -0, 1e21, 5e-324, "\u2028", "\u007f", '"\\'),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: "binary" }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie("value")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

it("is that of core and of the browser for any JSON", async () => {
  await fc.assert(
    fc.asyncProperty(value, async (one) => {
      expect(canonicalText(one)).toBe(canonicalJson(one));
      expect(hashOf(one)).toBe(hashJson(one));
      expect(await digestJson(one)).toBe(hashOf(one));
    }),
    { numRuns: runs(400) },
  );
});

it("leaves out what is undefined, as stores do", () => {
  const given = { b: undefined, a: [undefined, 1, { c: undefined }] } as unknown as JsonValue;
  expect(canonicalText(given)).toBe(canonicalText(JSON.parse(JSON.stringify(given)) as JsonValue));
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, "\ud800", { "\udc00": 1 }, 1n, () => 1, Symbol("x")])(
  "refuses what is not JSON: %s",
  (bad) => {
    expect(() => canonicalText(bad as JsonValue)).toThrow(TypeError);
  },
);
