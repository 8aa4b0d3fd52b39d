import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { HoldpointErrorCode } from "../../src/core/errors.ts";
import {
  canonicalJson,
  cloneJson,
  type JsonObject,
  type JsonValue,
  toJson,
  toJsonObject,
} from "../../src/core/json.ts";

function codeOf(run: () => unknown): HoldpointErrorCode | "nothing" {
  try {
    run();
    return "nothing";
  } catch (error) {
    return (error as { code: HoldpointErrorCode }).code;
  }
}

function nested(depth: number): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

class Money {
  readonly amount = 1;
}

const throwing = {
  get secret(): never {
    throw new Error("read");
  },
};
const cyclic: { self?: unknown } = {};
cyclic.self = cyclic;

const NOT_JSON: readonly (readonly [string, unknown])[] = [
  ["undefined", undefined],
  ["undefined in an array", [1, undefined]],
  ["a hole of a sparse array", [1, , 2]], // oxlint-disable-line no-sparse-arrays
  ["a huge sparse array", new Array(4_000_000_000)],
  ["NaN", { a: Number.NaN }],
  ["infinity", [Number.NEGATIVE_INFINITY]],
  ["a bigint", 1n],
  ["a symbol", { a: Symbol("a") }],
  ["a function", { toJSON: () => 1 }],
  ["a date", new Date(0)],
  ["a map", new Map()],
  ["a buffer", Buffer.from("a")],
  ["an error", new Error("a")],
  ["a boxed number", Object(1)],
  ["a class instance", new Money()],
  ["an object without a constructor", Object.create(Object.create(Object.create(null) as object) as object)],
  ["a promise", Promise.resolve(1)],
  ["a lone surrogate", "a\ud800"],
  ["a lone surrogate in a key", { "\udc00": 1 }],
  ["a key __proto__", JSON.parse('{"a":{"__proto__":{"admin":true}}}')],
  ["a key constructor", { constructor: 1 }],
  ["a key prototype", { prototype: 1 }],
  ["a getter that throws", throwing],
  [
    "a proxy that throws",
    new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("trap");
        },
      },
    ),
  ],
];

describe("toJson", () => {
  it.each(NOT_JSON)("refuses %s with a typed error (P3)", (_, value) => {
    expect(codeOf(() => toJson(value, "data"))).toBe("ERR_HITL_NOT_JSON");
  });

  it("names the path of what it refuses", () => {
    expect(() => toJson({ a: [{ b: 1n }] }, "data")).toThrow("data.a[0].b is a bigint");
  });

  it("refuses what refers to itself as too deep", () => {
    expect(codeOf(() => toJson(cyclic, "data"))).toBe("ERR_HITL_TOO_DEEP");
  });

  it("takes the depth of the limit and refuses one level more", () => {
    expect(toJson(nested(64), "data")).toEqual(nested(64));
    expect(codeOf(() => toJson(nested(65), "data"))).toBe("ERR_HITL_TOO_DEEP");
    expect(codeOf(() => toJson(nested(3), "data", { maxBytes: 100, maxDepth: 2 }))).toBe("ERR_HITL_TOO_DEEP");
  });

  it("measures bytes of UTF-8, not characters: the limit itself is taken", () => {
    const limits = { maxBytes: 20, maxDepth: 4 };
    expect(toJson("x".repeat(18), "data", limits)).toHaveLength(18);
    expect(codeOf(() => toJson("x".repeat(19), "data", limits))).toBe("ERR_HITL_TOO_LARGE");
    expect(toJson("é".repeat(9), "data", limits)).toHaveLength(9);
    expect(codeOf(() => toJson("é".repeat(10), "data", limits))).toBe("ERR_HITL_TOO_LARGE");
  });

  it("refuses objects that share parts before they have grown beyond memory", () => {
    let bomb: JsonObject = {};
    for (let level = 0; level < 60; level += 1) bomb = { a: bomb, b: bomb };
    expect(codeOf(() => toJson(bomb, "data"))).toBe("ERR_HITL_TOO_LARGE");
  });

  it("leaves out properties that are undefined, and turns -0 into 0, as JSON text does", () => {
    expect(Object.keys(toJson({ a: undefined, b: 1 }, "data") as JsonObject)).toEqual(["b"]);
    expect(Object.is(toJson(-0, "data"), 0)).toBe(true);
  });

  it("takes plain objects of another realm and without a prototype", () => {
    expect(toJson(runInNewContext("({ a: [1, { b: null }] })"), "data")).toEqual({ a: [1, { b: null }] });
    expect(toJson(Object.assign(Object.create(null), { a: 1 }), "data")).toEqual({ a: 1 });
  });

  it("copies: what is changed afterwards does not reach the result", () => {
    const value = { list: [1] };
    const result = toJson(value, "data") as { list: number[] };
    value.list.push(2);
    expect(result.list).toEqual([1]);
  });

  it("calls no method of a value", () => {
    let called = 0;
    const value = { a: 1, [Symbol.toPrimitive]: () => (called += 1) };
    Object.defineProperty(value, "toString", { value: () => (called += 1), enumerable: false });
    expect(toJson(value, "data")).toEqual({ a: 1 });
    expect(called).toBe(0);
  });
});

describe("toJsonObject", () => {
  it.each([[null], [[]], ["a"], [1], [true]])("refuses %j", (value) => {
    expect(codeOf(() => toJsonObject(value, "data"))).toBe("ERR_HITL_NOT_JSON");
  });
});

describe("cloneJson", () => {
  it("keeps the key __proto__ as a property and leaves every prototype alone (S6)", () => {
    const text = '{"__proto__":{"admin":true},"a":{"__proto__":[1]}}';
    const copy = cloneJson(JSON.parse(text) as JsonObject);
    expect(JSON.stringify(copy)).toBe(text);
    expect((copy as { admin?: boolean }).admin).toBeUndefined();
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
  });

  it("keeps the order of keys (S6)", () => {
    expect(JSON.stringify(cloneJson({ z: 1, a: { y: 2, b: [] } }))).toBe('{"z":1,"a":{"y":2,"b":[]}}');
  });
});

describe("canonicalJson", () => {
  it("is the same for equal values, whatever the order of their keys (P2)", () => {
    expect(canonicalJson({ b: 1, a: [1.0, "é"] })).toBe(canonicalJson({ a: [1, "é"], b: 1 }));
    expect(canonicalJson({ b: 1, a: 2 })).toBe('{"a":2,"b":1}');
  });
});
