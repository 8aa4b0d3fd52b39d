/** Arguments that a user interface has turned into text: back to what the tool's schema, or what was shown, says (P7). */
import { describe, expect, it } from "vitest";
import { type HITLRecord, InMemoryHITLBackend } from "../../src/index.ts";
import type { JsonObject, JsonValue } from "../../src/core/json.ts";
import { coerceTo } from "../../src/interop/coerce.ts";
import { fromAgentInbox1 } from "../../src/interop/index.ts";
import { asTexts } from "./kit.ts";

const number = { type: "number" };
const string = { type: "string" };
const nullable = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: "null" }] });
const a = {
  type: "object",
  properties: { kind: { const: "a" }, n: { type: "integer" } },
  required: ["kind", "n"],
};
const b = { type: "object", properties: { kind: { const: "b" }, n: string }, required: ["kind", "n"] };

describe("by a schema", () => {
  it.each([
    [number, "40", 40],
    [number, " -1.5e2 ", -150],
    [number, "", ""],
    [number, "0x10", "0x10"],
    [number, "1e999", "1e999"],
    [number, "Infinity", "Infinity"],
    [{ type: "integer" }, "9007199254740991", 9_007_199_254_740_991],
    // What no number holds would be another number.
    [{ type: "integer" }, "9007199254740993", "9007199254740993"],
    [{ type: "integer" }, "12345678901234567890", "12345678901234567890"],
    [{ type: "integer" }, "12345678901234567000", 12_345_678_901_234_567_000],
    [{ type: "boolean" }, "true", true],
    [{ type: "boolean" }, "yes", "yes"],
    [{ type: "null" }, "null", null],
    [string, "40", "40"],
    [string, "null", "null"],
    [{ type: ["number", "null"] }, "", null],
    [{ type: ["integer", "string"] }, "7", "7"],
    [nullable(number), "4", 4],
    [nullable(number), "null", null],
    [nullable(string), "null", "null"],
    [{ enum: [1, "2", null] }, "1", 1],
    [{ enum: [1, "2", null] }, "2", "2"],
    [{ enum: [1, "2", null] }, "null", null],
    [{ const: true }, "true", true],
    [{ anyOf: [{ type: "string", enum: ["auto"] }, number] }, "5", 5],
    [{ anyOf: [{ type: "string", enum: ["auto"] }, number] }, "auto", "auto"],
    [{ anyOf: [{ type: "string", pattern: "^x" }, { type: "boolean" }] }, "true", true],
    [{ anyOf: [{ type: "boolean" }, { type: "string" }] }, "true", "true"],
    [{ type: "array", items: number }, "[1,2]", [1, 2]],
    [{ type: "array", items: number }, ["1", "2"], [1, 2]],
    [{ type: "array", items: number }, '["1"]', [1]],
    [
      { type: "array", prefixItems: [number, string], items: { type: "boolean" } },
      ["1", "2", "true"],
      [1, "2", true],
    ],
    [{ type: "object" }, "{", "{"],
    [{ type: "object" }, "[1]", "[1]"],
    [{ type: "object", properties: { n: number, s: string } }, '{"n":"1","s":"1"}', { n: 1, s: "1" }],
    [{ type: "object", additionalProperties: number }, { x: "1" }, { x: 1 }],
    [{ oneOf: [a, b] }, '{"kind":"a","n":"5"}', { kind: "a", n: 5 }],
    [{ oneOf: [a, b] }, '{"kind":"b","n":"5"}', { kind: "b", n: "5" }],
    [{ oneOf: [a, b] }, { kind: "a", n: "5" }, { kind: "a", n: 5 }],
    [{ oneOf: [a, b] }, { kind: "b", n: "5" }, { kind: "b", n: "5" }],
    [
      { allOf: [{ properties: { n: number } }, { properties: { m: number } }] },
      { n: "1", m: "2" },
      { n: 1, m: 2 },
    ],
    [{ $ref: "#/$defs/my%20n", $defs: { "my n": number } }, "1", 1],
    [{ $ref: "#/$defs/a~1b", $defs: { "a/b": number } }, "1", 1],
    [
      { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }], $defs: { a, b } },
      { kind: "b", n: "5" },
      { kind: "b", n: "5" },
    ],
    [
      { anyOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }], $defs: { a, b } },
      { kind: "a", n: "5" },
      { kind: "a", n: 5 },
    ],
    [{ $ref: "elsewhere" }, "1", "1"],
    [{ type: "nonsense" }, "1", "1"],
    [true, "1", "1"],
    [undefined, "1", "1"],
  ] as readonly (readonly [JsonValue | undefined, JsonValue, JsonValue])[])(
    "%j: %j is %j",
    (schema, given, value) => {
      expect(coerceTo(schema, given)).toEqual(value);
    },
  );

  it("a schema that leads to itself again and again comes to an end", () => {
    const self = { $ref: "#/$defs/t" };
    const node = (kind: string): JsonObject => ({
      type: "object",
      properties: { kind: { const: kind }, next: self, n: number },
      required: ["kind"],
    });
    const schema = { ...self, $defs: { t: { anyOf: ["a", "b", "c", "d"].map(node) } } };
    let value: JsonValue = { kind: "x", n: "1" };
    for (let depth = 0; depth < 5; depth += 1) value = { kind: "c", n: "1", next: value };
    const before = performance.now();
    expect(coerceTo(schema, value)).toHaveProperty("kind", "c");
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

/** A permission whose arguments Agent Inbox shows as texts. */
async function shown(args: JsonObject, properties?: JsonObject): Promise<HITLRecord> {
  const { record } = await new InMemoryHITLBackend().create({
    hitl_type: "permission",
    session_id: "s",
    data: { message: "May I?", tool: "pay", args, allowed_decisions: ["approve_once", "edit"] },
    ...(properties
      ? {
          response_schema: {
            type: "object",
            properties: {
              decision: { enum: ["approve_once", "edit"] },
              edited_args: { type: "object", properties, additionalProperties: false },
            },
            required: ["decision"],
          },
        }
      : {}),
  });
  return record;
}

const sent = (type: "accept" | "edit", args: object): unknown => [{ type, args: { action: "pay", args } }];

describe("by what was shown", () => {
  const ARGS: JsonObject = {
    note: null,
    either: 40,
    text: "40",
    flag: false,
    deep: { list: [1, "1", null], none: null },
    empty: {},
  };
  const PROPERTIES: JsonObject = {
    note: nullable(string),
    either: { type: ["string", "number"] },
    text: string,
    flag: { anyOf: [string, { type: "boolean" }] },
    deep: {},
    empty: nullable(string),
  };

  it.each([
    ["the tool's schema", PROPERTIES],
    ["no schema", undefined],
  ])("P7 what was left alone is what it was, also where a text would do: %s", async (_name, properties) => {
    const ask = await shown(ARGS, properties && { ...properties, empty: {} });
    for (const type of ["accept", "edit"] as const)
      expect(fromAgentInbox1(sent(type, asTexts(ARGS)), [ask]).answers).toMatchObject([
        { response: { decision: "approve_once" } },
      ]);
    const other = { ...asTexts(ARGS), text: "41" };
    expect(fromAgentInbox1(sent("edit", other), [ask]).answers).toMatchObject([
      { response: { decision: "edit", edited_args: { ...ARGS, text: "41" } } },
    ]);
  });

  it("P7 pretty JSON is what it was, too", async () => {
    const ask = await shown(ARGS);
    const texts = Object.fromEntries(
      Object.entries(ARGS).map(([name, value]) => [
        name,
        typeof value === "string" ? value : JSON.stringify(value, null, 2),
      ]),
    );
    expect(fromAgentInbox1(sent("edit", texts), [ask]).answers).toMatchObject([
      { response: { decision: "approve_once" } },
    ]);
  });

  it("P3 what was shown and is not valid is read by the schema where it is edited", async () => {
    const args = { amount: "40", to: "ann" };
    const ask = await shown(args, { amount: number, to: string });
    expect(fromAgentInbox1(sent("accept", args), [ask]).answers).toMatchObject([
      { response: { decision: "approve_once" } },
    ]);
    expect(fromAgentInbox1(sent("edit", { ...args, to: "bob" }), [ask]).answers).toMatchObject([
      { response: { decision: "edit", edited_args: { amount: 40, to: "bob" } } },
    ]);
  });

  it("P3 a number that cannot be held is refused, and not rounded", async () => {
    for (const properties of [{ id: { type: "integer" } }, undefined]) {
      const ask = await shown({ id: 7 }, properties);
      const { answers } = fromAgentInbox1(sent("edit", { id: "12345678901234567890" }), [ask]);
      if (properties) expect(answers).toEqual([]);
      else expect(answers).toMatchObject([{ response: { edited_args: { id: "12345678901234567890" } } }]);
    }
  });

  it("arguments as one JSON text", async () => {
    const ask = await shown({ amount: 40 }, { amount: number });
    const edit = { decisions: [{ type: "edit", args: { action: "pay", args: '{"amount":"5"}' } }] };
    expect(fromAgentInbox1(edit.decisions, [ask]).answers).toMatchObject([
      { response: { decision: "edit", edited_args: { amount: 5 } } },
    ]);
  });

  it("Unicode: what looks alike and is not is an edit", async () => {
    const ask = await shown({ to: "Zo\u00eb \u{1f600}" });
    expect(fromAgentInbox1(sent("accept", { to: "Zo\u00eb \u{1f600}" }), [ask]).answers).toHaveLength(1);
    expect(fromAgentInbox1(sent("accept", { to: "Zoe\u0308 \u{1f600}" }), [ask]).problems).toMatchObject([
      { code: "mismatch" },
    ]);
  });

  it("names that are none of the prototype's", async () => {
    const ask = await shown({ toString: "x", valueOf: 1 });
    expect(fromAgentInbox1(sent("edit", { toString: "x", valueOf: "1" }), [ask]).answers).toMatchObject([
      { response: { decision: "approve_once" } },
    ]);
    const hostile = JSON.parse('{"toString":"x","__proto__":{"amount":1}}') as object;
    expect(fromAgentInbox1(sent("edit", hostile), [ask]).problems).toMatchObject([{ code: "unreadable" }]);
  });
});

describe("a schema whose alternatives contain each other", () => {
  const part = { properties: { n: number, of: { $ref: "#/$defs/any" } } };
  const schema: JsonObject = {
    $ref: "#/$defs/any",
    $defs: { any: { anyOf: Array.from({ length: 6 }, () => part) } },
  };
  const nested = (depth: number): JsonObject =>
    depth === 0 ? { n: "1" } : { n: "1", of: nested(depth - 1) };

  it("is read where it can be", () => {
    expect(coerceTo(schema, nested(1))).toEqual({ n: 1, of: { n: 1 } });
  });

  it("is read as its first alternative says where it is too deep to be tried, after one try", () => {
    expect(coerceTo(schema, nested(50))).toMatchObject({ n: 1 });
  });
});
