/** Forms out of schemas, without a browser: every schema gives one, and values come back as they went in. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { JsonValue } from "../../src/core/json.ts";
import { checkJsonSchema } from "../../src/core/response-schema.ts";
import { draftOf, readDraft } from "../../src/react/form/draft.ts";
import { type Field, fieldOf, fieldOfValue } from "../../src/react/form/field.ts";
import { issuesByField, pathKey, shownPaths } from "../../src/react/form/issues.ts";
import { hiddenCharacters, safeLink, visibleText } from "../../src/react/text/safe-text.ts";

const labels = { yes: "Yes", no: "No" };

/** Of keys that no record may hold (PROTOCOL.md §2.2); fast-check likes to make them. */
const FORBIDDEN = /"(__proto__|constructor|prototype)":/;
const json = (fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>).filter(
  (value) => !FORBIDDEN.test(JSON.stringify(value)),
);
const name = fc
  .string({ minLength: 1, maxLength: 8, unit: "grapheme" })
  .filter((key) => !["__proto__", "constructor", "prototype"].includes(key));

/** A schema of what a form has fields for, and a value that satisfies it. */
interface Pair {
  readonly schema: Record<string, unknown>;
  readonly value: JsonValue;
}
const { pair } = fc.letrec<{ pair: Pair; leaf: Pair }>((tie) => ({
  leaf: fc.oneof(
    // An empty required text is not an answer, unless the schema says so.
    fc
      .string({ minLength: 1 })
      .filter((text) => text.trim() !== "")
      .map((value) => ({ schema: { type: "string" }, value })),
    fc.string().map((value) => ({ schema: { type: "string", minLength: 0 }, value })),
    fc
      .double({ noNaN: true, noDefaultInfinity: true })
      .map((value) => ({ schema: { type: "number" }, value: value + 0 })),
    fc.maxSafeInteger().map((value) => ({ schema: { type: "integer" }, value })),
    fc.boolean().map((value) => ({ schema: { type: "boolean" }, value })),
    fc.constant({ schema: { type: ["string", "null"] }, value: null }),
    fc
      .uniqueArray(json, { minLength: 1, maxLength: 12, selector: (value) => JSON.stringify(value) })
      .chain((values) => fc.constantFrom(...values).map((value) => ({ schema: { enum: values }, value }))),
    fc
      .uniqueArray(fc.string(), { minLength: 2 })
      .chain((values) =>
        fc.subarray(values).map((value) => ({ schema: { type: "array", items: { enum: values } }, value })),
      ),
    json.map((value) => ({ schema: { anyOf: [{ type: "number" }, true] }, value })),
  ),
  pair: fc.oneof(
    { maxDepth: 4 },
    tie("leaf"),
    fc.array(fc.integer(), { maxLength: 4 }).map((value) => ({
      schema: { type: "array", items: { type: "integer" } },
      value,
    })),
    fc.dictionary(name, tie("pair"), { minKeys: 1, maxKeys: 4 }).map((parts) => ({
      schema: {
        type: "object",
        properties: Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, part.schema])),
        required: Object.keys(parts),
      },
      value: Object.fromEntries(Object.entries(parts).map(([key, part]) => [key, part.value])),
    })),
  ),
}));

function countFields(field: Field): number {
  if (field.kind === "list") return 1 + countFields(field.item);
  if (field.kind !== "object") return 1;
  return 1 + field.properties.reduce((sum, property) => sum + countFields(property.field), 0);
}

describe("fieldOf", () => {
  it("P3 a value that satisfies a schema goes through its form unchanged", () => {
    fc.assert(
      fc.property(pair, ({ schema, value: drawn }) => {
        const field = fieldOf(schema, labels);
        // JSON has no -0.
        const value = JSON.parse(JSON.stringify(drawn)) as typeof drawn;
        expect(readDraft(field, draftOf(field, value))).toEqual({ value, issues: [] });
      }),
      { numRuns: 500 },
    );
  });

  it("makes a form of anything that is given as a schema, and reads it without throwing", () => {
    const keywords = [
      "type",
      "properties",
      "items",
      "enum",
      "oneOf",
      "anyOf",
      "required",
      "const",
      "default",
      "minLength",
    ];
    const schema = fc.letrec<{ schema: unknown }>((tie) => ({
      schema: fc.oneof(
        { maxDepth: 4 },
        json,
        fc.dictionary(fc.constantFrom(...keywords), tie("schema"), { maxKeys: 5 }),
        fc.record({
          type: fc.constantFrom("string", "object", "array", "number"),
          properties: fc.dictionary(name, tie("schema")),
        }),
      ),
    })).schema;
    fc.assert(
      fc.property(schema, json, (given, value) => {
        const field = fieldOf(given, labels);
        readDraft(field, draftOf(field));
        readDraft(field, draftOf(field, value));
      }),
      { numRuns: 500 },
    );
  });

  it("P3 what it sends of an empty form is nothing that the server would not say more of", () => {
    fc.assert(
      fc.property(pair, ({ schema }) => {
        const field = fieldOf(schema, labels);
        const { value, issues } = readDraft(field, draftOf(field));
        // Whatever is missing has been found here, or the server says so at a field that is shown.
        const shown = shownPaths(field, draftOf(field));
        const refused =
          issues.length === 0 && value !== undefined ? checkJsonSchema(schema as never, value) : [];
        const keys = new Set(shown.map(pathKey));
        for (const key of issuesByField(refused, shown).keys()) expect(keys.has(key)).toBe(true);
        for (const { path } of issues) expect(keys.has(pathKey(path))).toBe(true);
      }),
    );
  });

  it("asks for JSON beyond a depth, and beyond a number of fields", () => {
    let deep: object = { type: "string" };
    for (let depth = 0; depth < 5000; depth += 1) deep = { type: "object", properties: { next: deep } };
    expect(countFields(fieldOf(deep, labels))).toBeLessThan(10);
    const many = (length: number): object => ({
      type: "object",
      properties: Object.fromEntries(Array.from({ length }, (_, index) => [`p${index}`, { type: "string" }])),
    });
    expect(fieldOf(many(5000), labels).kind).toBe("json");
    const parts = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`part${index}`, many(50)]));
    expect(countFields(fieldOf({ type: "object", properties: parts }, labels))).toBeLessThan(300);
  });

  it("leaves out keys that no record may hold", () => {
    const schema = JSON.parse(
      '{"type":"object","properties":{"__proto__":{"type":"string"},"a":{"const":1}}}',
    ) as object;
    const field = fieldOf(schema, labels);
    expect(field.kind === "object" && field.properties.map(({ name: key }) => key)).toEqual(["a"]);
    expect(readDraft(field, draftOf(field)).value).toEqual({ a: 1 });
  });

  it("leaves out what is optional and empty", () => {
    const schema = {
      type: "object",
      properties: {
        text: { type: "string" },
        group: { type: "object", properties: { inner: { type: "string" } }, required: ["inner"] },
        list: { type: "array", items: { type: "string" } },
        flag: { type: "boolean" },
      },
    };
    const field = fieldOf(schema, labels);
    expect(readDraft(field, draftOf(field))).toEqual({ value: {}, issues: [] });
  });
});

describe("fieldOfValue", () => {
  it("P7 arguments that nobody edits come back as they were, whatever they are", () => {
    fc.assert(
      fc.property(fc.dictionary(name, json, { maxKeys: 6 }), (given) => {
        const args = JSON.parse(JSON.stringify(given)) as JsonValue;
        const field = fieldOfValue(args, labels);
        expect(readDraft(field, draftOf(field))).toEqual({ value: args, issues: [] });
      }),
      { numRuns: 500 },
    );
  });
});

describe("issuesByField", () => {
  it("shows an issue at the innermost field that is shown around it, and none is lost", () => {
    const path = fc.array(fc.oneof(fc.constantFrom("a", "b", "c"), fc.integer({ min: 0, max: 2 })), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(path), fc.array(path), (paths, shown) => {
        const issues = paths.map((at, index) => ({ path: at, message: String(index) }));
        const found = issuesByField(issues, [[], ...shown]);
        expect([...found.values()].flat().toSorted()).toEqual(
          issues.map(({ message }) => message).toSorted(),
        );
        const keys = new Set([pathKey([]), ...shown.map(pathKey)]);
        for (const { path: at, message } of issues) {
          const nearest = at
            .map((_, index) => at.slice(0, at.length - index))
            .find((part) => keys.has(pathKey(part)));
          expect(found.get(pathKey(nearest ?? []))).toContain(message);
        }
      }),
    );
  });
});

describe("texts of others", () => {
  it("keeps what people write: lines, tabs, emoji, scripts with joiners", () => {
    for (const text of ["a\n\tb", "👩‍👩‍👧 ❤️‍🔥 🏳️‍🌈", "می‌خواهم", "Müller 日本 עברית"]) {
      expect(visibleText(text)).toBe(text);
      expect(hiddenCharacters(text)).toEqual([]);
    }
  });

  it("spells out whatever turns or hides text", () => {
    for (const code of [
      0, 7, 27, 127, 0x85, 0xad, 0x200b, 0x200d, 0x200e, 0x202e, 0x2028, 0x2066, 0xfeff, 0xe0041,
    ]) {
      const character = String.fromCodePoint(code);
      const shown = `\\u{${code.toString(16)}}`;
      expect(visibleText(`x${character}y`)).toBe(`x${shown}y`);
      expect(hiddenCharacters(`x${character}y${character}`)).toEqual([shown]);
    }
  });

  it("links to http and https only, whatever the address", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.webUrl(), fc.constantFrom("java\nscript:alert(1)", "JAVASCRIPT:x")),
        (address) => {
          expect(safeLink(address)?.href ?? "https://").toMatch(/^https?:\/\//);
        },
      ),
    );
    expect(safeLink("https://a.example:8443/x")?.host).toBe("a.example:8443");
    expect(safeLink("https://аpple.com/")?.host).toBe("xn--pple-43d.com");
  });
});
