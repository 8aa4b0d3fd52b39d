import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { JsonObject } from "../../src/core/json.ts";
import {
  assertUsableSchema,
  checkJsonSchema,
  checkStandard,
  describeIssues,
  isStandardSchema,
  toJsonSchema,
} from "../../src/core/response-schema.ts";

describe("assertUsableSchema", () => {
  it.each<[JsonObject]>([
    [{ $ref: "#/$defs/none" }],
    [{ properties: { a: { $ref: "#/$defs/none" } } }],
    [{ anyOf: [{ type: "null" }, { items: { $ref: "other.json" } }] }],
    [{ properties: { a: { pattern: "(" } } }],
    [{ properties: { a: { patternProperties: { "[": true } } } }],
    [{ properties: { a: { type: "strng" } } }],
    [{ type: ["string", "nul"] }],
    [{ $ref: "#" }],
  ])("refuses %j when it is asked, not when it is answered (P3)", (schema) => {
    expect(() => assertUsableSchema(schema)).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  });

  it.each<[JsonObject | boolean]>([
    [true],
    [false],
    [{}],
    [{ $defs: { n: { type: "integer" } }, properties: { a: { $ref: "#/$defs/n" } } }],
    [{ $defs: { tree: { properties: { next: { $ref: "#/$defs/tree" } } } }, $ref: "#/$defs/tree" }],
    [{ enum: [{ $ref: "not a schema" }], default: { type: "no schema" } }],
    [{ properties: { type: { type: "string" }, pattern: { const: "(" }, $ref: { type: "null" } } }],
    [{ type: ["string", "null"], pattern: "^\\p{L}+$" }],
  ])("takes %j", (schema) => expect(() => assertUsableSchema(schema)).not.toThrow());
});

describe("checkJsonSchema", () => {
  it("says where and what is wrong, innermost first (P3)", () => {
    const schema = {
      type: "object",
      properties: { "a/b": { type: "array", items: { type: "integer" } } },
      required: ["a/b"],
    };
    expect(checkJsonSchema(schema, { "a/b": [1] })).toEqual([]);
    expect(checkJsonSchema(schema, { "a/b": [1, "x"] })).toEqual([
      { path: ["a/b", 1], message: expect.any(String) },
    ]);
    expect(checkJsonSchema(schema, {})[0]?.message).toContain("a/b");
  });

  it("refuses what it cannot check, instead of throwing (P3, P8)", () => {
    const endless = { properties: { a: { $ref: "#/properties/a" } } };
    expect(checkJsonSchema(endless, { a: 1 })).toHaveLength(1);
    expect(checkJsonSchema(endless, { b: 1 })).toEqual([]);
  });
});

describe("a schema whose alternatives contain each other", () => {
  const node = (kind: string): JsonObject => ({
    type: "object",
    properties: { kind: { const: kind }, of: { $ref: "#/$defs/any" } },
    required: ["kind"],
  });
  const anyOf = ["a", "b", "c", "d", "e", "f"].map(node);
  const schema: JsonObject = { $ref: "#/$defs/any", $defs: { any: { anyOf } } };
  const nested = (depth: number): JsonObject =>
    depth === 0 ? { kind: "a" } : { kind: "a", of: nested(depth - 1) };

  it("is checked for answers that can be checked (P3)", () => {
    assertUsableSchema(schema);
    expect(checkJsonSchema(schema, nested(3))).toEqual([]);
    expect(checkJsonSchema(schema, { kind: "a", of: { kind: "z" } })).not.toEqual([]);
  });

  it("refuses an answer so deep that nobody could wait for the check, and checks the next one (P3, P8)", () => {
    expect(checkJsonSchema(schema, nested(60))).toEqual([
      { path: [], message: "cannot be checked against the schema: it takes too long" },
    ]);
    expect(checkJsonSchema(schema, nested(3))).toEqual([]);
  });

  it("takes a list as long as a record can hold", () => {
    const tree: JsonObject = {
      type: "object",
      properties: { children: { type: "array", items: { $ref: "#" } } },
      additionalProperties: false,
    };
    const children = Array.from({ length: 20_000 }, () => ({ children: [] }));
    expect(checkJsonSchema(tree, { children })).toEqual([]);
  });
});

describe("Standard Schemas", () => {
  const schema = z.object({ n: z.number().refine((n) => n % 2 === 0, "has to be even") });

  it("are recorded as JSON Schema, and checked in full in the process (P3)", async () => {
    expect(isStandardSchema(schema)).toBe(true);
    expect(isStandardSchema({ "~standard": {} })).toBe(false);
    expect(isStandardSchema(null)).toBe(false);
    expect(checkJsonSchema(toJsonSchema(schema), { n: 1 })).toEqual([]);
    expect(checkJsonSchema(toJsonSchema(schema), { n: "1" })).not.toEqual([]);
    const checked = await checkStandard(schema, { n: 1 });
    expect(checked).toEqual({ issues: [{ path: ["n"], message: "has to be even" }] });
    expect("issues" in checked && describeIssues(checked.issues)).toBe("n: has to be even");
    expect(await checkStandard(schema, { n: 2 })).toEqual({ value: { n: 2 } });
  });
});
