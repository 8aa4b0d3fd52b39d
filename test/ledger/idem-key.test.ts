/** The key, to the byte: the vectors, and RFC 8785 by an implementation that is not ours. */
import { hash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  computeIdemKey,
  canonicalize,
  resourceIdCanonical,
  validateArgs,
} from "../../src/ledger/idem-key.ts";
import { isEffectLedgerValidationError } from "../../src/ledger/errors.ts";
import type { ToolCall } from "../../src/ledger/types.ts";
import { runs } from "../property/stores.ts";

const charge: ToolCall = {
  workflow_id: "order-123",
  tool: "stripe.charge",
  args: { amount: 1000, currency: "usd" },
};
const issue: ToolCall = {
  workflow_id: "order-123",
  tool: "github.create_issue",
  args: { title: "Bug" },
  resource: { namespace: "github", type: "issue", id: { owner: "acme", repo: "app" } },
};

function fieldOf(run: () => unknown): string {
  try {
    run();
    return "none";
  } catch (error) {
    return isEffectLedgerValidationError(error) ? error.field : String(error);
  }
}

/** RFC 8785 §3.2, written from its text. */
function rfc8785(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(rfc8785).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const units = (text: string): number[] => Array.from({ length: text.length }, (_, n) => text.charCodeAt(n));
  const order = (a: string, b: string): number => {
    const [left, right] = [units(a), units(b)];
    for (let n = 0; n < Math.min(left.length, right.length); n += 1)
      if (left[n] !== right[n]) return (left[n] as number) - (right[n] as number);
    return left.length - right.length;
  };
  const members = Object.keys(value).toSorted(order);
  return `{${members.map((key) => `${JSON.stringify(key)}:${rfc8785((value as Record<string, unknown>)[key])}`).join(",")}}`;
}

const sha = (text: string): string => hash("sha256", Buffer.from(text, "utf8"), "hex");

describe("the key of a call", () => {
  it("P2 is that of the golden vectors", () => {
    expect(computeIdemKey(charge)).toBe("62e4e85778aaf14f501a4737980621d707a0316b814e4b2094bed1aaaf2107cb");
    expect(computeIdemKey(issue)).toBe("35e3133897294dd5c1b0a1af6db9065d9fe4d95095558696994aa0a116d694f0");
  });

  it("does not depend on the order of arguments or the spelling of numbers", () => {
    const args = { currency: "usd", amount: 1000.0 };
    expect(computeIdemKey({ ...charge, args })).toBe(computeIdemKey(charge));
    const zero = { ...charge, args: { n: -0 } };
    expect(computeIdemKey(zero)).toBe(sha('order-123|stripe.charge|{"n":0}'));
  });

  it("is another one for other arguments, workflows and tools", () => {
    const calls = [
      charge,
      { ...charge, args: { amount: 1001, currency: "usd" } },
      { ...charge, args: {} },
      { ...charge, workflow_id: "order-124" },
      { ...charge, tool: "stripe.refund" },
      { ...charge, workflow_id: "заказ-🎈", tool: "支付" },
    ];
    expect(new Set(calls.map(computeIdemKey)).size).toBe(calls.length);
  });

  it("is decided by the resource alone, where there is one", () => {
    expect(computeIdemKey({ ...issue, args: { title: "Other" }, idempotency_keys: ["title"] })).toBe(
      computeIdemKey(issue),
    );
    const other = { namespace: "github", type: "issue", id: { owner: "acme", repo: "lib" } };
    expect(computeIdemKey({ ...issue, resource: other })).not.toBe(computeIdemKey(issue));
    expect(resourceIdCanonical({ namespace: "n", type: "t", id: { b: 1, a: 2 } })).toBe('n/t/{"a":2,"b":1}');
  });

  it("is decided by the named arguments alone, where some are named", () => {
    const named = { ...charge, idempotency_keys: ["amount"] };
    expect(computeIdemKey(named)).toBe(sha('order-123|stripe.charge|{"amount":1000}'));
    expect(computeIdemKey({ ...named, args: { amount: 1000, note: "again" } })).toBe(computeIdemKey(named));
    expect(computeIdemKey({ ...named, args: { amount: 1001 } })).not.toBe(computeIdemKey(named));
    expect(computeIdemKey({ ...charge, idempotency_keys: [] })).toBe(computeIdemKey(charge));
    expect(computeIdemKey({ ...charge, idempotency_keys: ["amount", "gone"] })).toBe(computeIdemKey(named));
  });

  it("does not escape |, as its definition says", () => {
    const args = {};
    expect(computeIdemKey({ workflow_id: "a|b", tool: "c", args })).toBe(
      computeIdemKey({ workflow_id: "a", tool: "b|c", args }),
    );
  });

  it("is SHA-256 of the canonical form, for any JSON that it takes", () => {
    const args = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ stringUnit: "binary" }));
    const names = fc.string({ unit: "grapheme", minLength: 1 });
    fc.assert(
      fc.property(args, names, names, (given, workflow_id, tool) => {
        let clean: unknown;
        try {
          clean = validateArgs(given);
        } catch (error) {
          expect(isEffectLedgerValidationError(error)).toBe(true);
          return;
        }
        expect(computeIdemKey({ workflow_id, tool, args: given })).toBe(
          sha(`${workflow_id}|${tool}|${rfc8785(clean)}`),
        );
      }),
      { numRuns: runs(500) },
    );
  });

  it("P2 is canonical as the RFC's own examples are", () => {
    const given = {
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    };
    expect(canonicalize(given)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    const sorted = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(Object.values(JSON.parse(canonicalize(sorted)) as object)).toHaveLength(7);
    const text = canonicalize(sorted);
    const places = ["Carriage", "One", "Control", "Latin", "Euro", "Emoji", "Hebrew"].map((word) =>
      text.indexOf(word),
    );
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });
});

describe("arguments", () => {
  const refused: readonly (readonly [string, unknown])[] = [
    ["a list", []],
    ["null", null],
    ["a text", "x"],
    ["undefined", undefined],
    ["a date", { at: new Date(0) }],
    ["a function", { f: () => 1 }],
    ["a bigint", { n: 1n }],
    ["NaN", { n: Number.NaN }],
    ["infinity", { n: [Number.POSITIVE_INFINITY] }],
    ["2^53", { n: 2 ** 53 }],
    ["-2^53, nested", { a: [{ n: -(2 ** 53) }] }],
    ["10^20", { n: 1e20 }],
    ["a lone surrogate", { s: "\ud800" }],
    ["a lone surrogate in a key", { "\udfff": 1 }],
    ["a map", new Map([["a", 1]])],
    ["__proto__", JSON.parse('{"__proto__":{"admin":true}}')],
  ];

  it.each(refused)("P3 are refused with their field: %s", (_, args) => {
    expect(fieldOf(() => computeIdemKey({ ...charge, args: args as never }))).toBe("args");
  });

  it("may hold the largest exact integers, and numbers that no reader takes for integers", () => {
    const args = { most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, far: 1e300, near: 0.1 };
    expect(validateArgs(args)).toEqual(args);
  });

  it("are taken at exactly the limit of bytes, and refused above it", () => {
    const exact = { s: "x".repeat(1024 * 1024 - 8) };
    expect(Buffer.byteLength(canonicalize(exact))).toBe(1024 * 1024);
    expect(fieldOf(() => computeIdemKey({ ...charge, args: exact }))).toBe("none");
    expect(fieldOf(() => computeIdemKey({ ...charge, args: { s: `${exact.s}x` } }))).toBe("args");
    expect(fieldOf(() => validateArgs({ s: "é".repeat(6) }, 20))).toBe("none");
    expect(fieldOf(() => validateArgs({ s: "é".repeat(7) }, 20))).toBe("args");
  });
});
