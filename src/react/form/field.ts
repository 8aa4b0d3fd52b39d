/**
 * What a form asks for, made of a JSON Schema (draft 2020-12). Anything without a field of its own becomes a field for
 * JSON, so that every schema can be answered; what a field leaves unsaid of its schema, the server checks (P3).
 */
import { isForbiddenKey, isObject, listOf, numberOf, textOf } from "../read.ts";
import type { JsonValue } from "../../core/json.ts";

export interface Choice {
  readonly value: JsonValue;
  readonly label: string;
  readonly description: string | null;
}

interface Common {
  readonly title: string | null;
  readonly description: string | null;
  /** Null is an answer too: an empty field gives it where it is required. */
  readonly nullable: boolean;
  /** What is there at first; undefined for nothing. */
  readonly initial: JsonValue | undefined;
}

export type TextFormat = "plain" | "multiline" | "email" | "url" | "date" | "date-time";

/** Lowest and highest; of a number, of how long a text is, of how many items there are. */
export interface Bounds {
  readonly min: number | null;
  readonly max: number | null;
}

/** With `min` 0, which its schema has to say, a required text may be left empty. */
export interface TextField extends Common, Bounds {
  readonly kind: "text";
  readonly format: TextFormat;
}
export interface NumberField extends Common, Bounds {
  readonly kind: "number";
  readonly integer: boolean;
}
/** One of several values; `other`: or a text of one's own. */
export interface ChoiceField extends Common {
  readonly kind: "choice";
  readonly choices: readonly Choice[];
  readonly other: boolean;
}
/** Any of several values, as an array. */
export interface MultiField extends Common, Bounds {
  readonly kind: "multi";
  readonly choices: readonly Choice[];
  readonly other: boolean;
}
export interface ListField extends Common, Bounds {
  readonly kind: "list";
  readonly item: Field;
}
export interface ObjectField extends Common {
  readonly kind: "object";
  readonly properties: readonly Property[];
}
/** JSON as text. `lenient`: what is not JSON is sent as a string, for questions that take anything. */
export interface JsonField extends Common {
  readonly kind: "json";
  readonly lenient: boolean;
}

/** One field of a form, or a group of them. */
export type Field = TextField | NumberField | ChoiceField | MultiField | ListField | ObjectField | JsonField;

export interface Property {
  readonly name: string;
  readonly required: boolean;
  readonly field: Field;
}

type Schema = Readonly<Record<string, unknown>>;

/** Schemas come from outside: what is deeper, or more, than this is asked for as JSON. */
const MAX_DEPTH = 6;
const MAX_FIELDS = 200;
const MAX_CHOICES = 500;

/** Labels of `true` and `false`. */
export interface BooleanLabels {
  readonly yes: string;
  readonly no: string;
}

interface Walk {
  left: number;
  readonly labels: BooleanLabels;
}

/** As a person would read it: `due_date` is `Due date`. */
function titleOfName(name: string): string {
  const words = name
    .replaceAll(/[_-]+/g, " ")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .trim();
  return words === "" ? name : words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}

function labelOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

function common(schema: Schema, nullable: boolean): Common {
  return {
    title: textOf(schema["title"]) || null,
    description: textOf(schema["description"]) || null,
    nullable,
    initial: schema["default"] as JsonValue | undefined,
  };
}

/** The schema without its null, and whether there was one: `type: [T, "null"]`, `anyOf: [T, { type: "null" }]`. */
function withoutNull(schema: Schema): { readonly schema: Schema; readonly nullable: boolean } {
  const { type } = schema;
  if (Array.isArray(type) && type.length === 2 && type.includes("null")) {
    return { schema: { ...schema, type: type.find((name) => name !== "null") }, nullable: true };
  }
  for (const keyword of ["anyOf", "oneOf"]) {
    const parts = schema[keyword];
    if (!Array.isArray(parts) || parts.length !== 2) continue;
    const rest = parts.filter((part) => !(isObject(part) && part["type"] === "null"));
    const [only] = rest;
    if (rest.length !== 1 || !isObject(only)) continue;
    const { [keyword]: _, ...outer } = schema;
    return { schema: { ...outer, ...only }, nullable: true };
  }
  return { schema, nullable: false };
}

/** `enum`, `const`, `oneOf`/`anyOf` of constants, or the two values of a boolean. */
function choicesOf(schema: Schema, labels: BooleanLabels): Choice[] | undefined {
  const plain = (value: unknown): Choice => ({
    value: value as JsonValue,
    label: labelOf(value),
    description: null,
  });
  if ("const" in schema) return [plain(schema["const"])];
  if (Array.isArray(schema["enum"])) return schema["enum"].map(plain);
  for (const keyword of ["oneOf", "anyOf"]) {
    const parts = schema[keyword];
    if (!Array.isArray(parts) || parts.length === 0) continue;
    if (!parts.every((part) => isObject(part) && "const" in part)) continue;
    return (parts as Schema[]).map((part) => ({
      value: part["const"] as JsonValue,
      label: textOf(part["title"]) || labelOf(part["const"]),
      description: textOf(part["description"]) || null,
    }));
  }
  if (schema["type"] !== "boolean") return undefined;
  return [
    { value: true, label: labels.yes, description: null },
    { value: false, label: labels.no, description: null },
  ];
}

const FORMATS: Readonly<Record<string, TextFormat>> = {
  email: "email",
  uri: "url",
  date: "date",
  "date-time": "date-time",
  multiline: "multiline",
};

function textField(schema: Schema, base: Common): TextField {
  const named = textOf(schema["format"]) ?? "";
  const max = numberOf(schema["maxLength"]);
  const known = Object.hasOwn(FORMATS, named) ? FORMATS[named] : undefined;
  return {
    ...base,
    kind: "text",
    // Long texts want room; the limit from which on is taste.
    format: known ?? (max !== null && max > 200 ? "multiline" : "plain"),
    min: numberOf(schema["minLength"]),
    max,
  };
}

function arrayField(schema: Schema, base: Common, depth: number, walk: Walk): Field | undefined {
  const { items } = schema;
  if (!isObject(items) || "prefixItems" in schema) return undefined;
  const bounds = { min: numberOf(schema["minItems"]), max: numberOf(schema["maxItems"]) };
  const choices = choicesOf(items, walk.labels);
  if (choices && choices.length > 1 && choices.length <= MAX_CHOICES && items["type"] !== "boolean")
    return { ...base, ...bounds, kind: "multi", choices, other: false };
  return { ...base, ...bounds, kind: "list", item: fieldAt(items, depth + 1, walk) };
}

function objectField(schema: Schema, base: Common, depth: number, walk: Walk): Field | undefined {
  const { properties } = schema;
  if (!isObject(properties)) return undefined;
  // A key that no record may hold cannot be answered.
  const names = Object.keys(properties).filter((name) => !isForbiddenKey(name));
  if (names.length === 0 || names.length > walk.left) return undefined;
  const required = listOf(schema["required"]);
  return {
    ...base,
    kind: "object",
    properties: names.map((name) => {
      const field = fieldAt(properties[name], depth + 1, walk);
      return {
        name,
        required: required.includes(name),
        field: { ...field, title: field.title ?? titleOfName(name) },
      };
    }),
  };
}

function fieldAt(given: unknown, depth: number, walk: Walk): Field {
  walk.left -= 1;
  if (!isObject(given)) return jsonField({}, false);
  const { schema, nullable } = withoutNull(given);
  const base = common(schema, nullable);
  const json = jsonField(schema, nullable);
  if (walk.left < 0 || depth > MAX_DEPTH || "$ref" in schema) return json;
  const choices = choicesOf(schema, walk.labels);
  if (choices) {
    if (choices.length === 0 || choices.length > MAX_CHOICES) return json;
    const initial = "const" in schema ? (schema["const"] as JsonValue) : base.initial;
    return { ...base, initial, kind: "choice", choices, other: false };
  }
  // One of several schemas cannot be drawn as one field.
  if ("anyOf" in schema || "oneOf" in schema) return json;
  switch (schema["type"]) {
    case "string":
      return textField(schema, base);
    case "number":
    case "integer":
      return {
        ...base,
        kind: "number",
        integer: schema["type"] === "integer",
        min: boundOf(schema["minimum"]),
        max: boundOf(schema["maximum"]),
      };
    case "array":
      return arrayField(schema, base, depth, walk) ?? json;
    case "object":
      return objectField(schema, base, depth, walk) ?? json;
    case undefined:
      return ("properties" in schema ? objectField(schema, base, depth, walk) : undefined) ?? json;
    default:
      return json;
  }
}

/** Libraries write the limits of safe integers for "any integer": nobody wants to read them. */
function boundOf(value: unknown): number | null {
  const bound = numberOf(value);
  return bound !== null && Math.abs(bound) < Number.MAX_SAFE_INTEGER ? bound : null;
}

function jsonField(schema: Schema, nullable: boolean): JsonField {
  return { ...common(schema, nullable), kind: "json", lenient: Object.keys(schema).length === 0 };
}

/**
 * The field for a JSON Schema: strings, numbers, booleans, enums, arrays and objects of these; `null`, `true` and `{}`
 * take anything; all else is asked for as JSON.
 *
 * @example
 * ```ts
 * import { fieldOf } from "holdpoint/react";
 *
 * const field = fieldOf({ type: "object", properties: { due_date: { type: "string", format: "date" } } });
 * console.log(field.kind === "object" && field.properties[0]?.field.title); // prints: Due date
 * ```
 */
export function fieldOf(schema: unknown, labels: BooleanLabels = { yes: "Yes", no: "No" }): Field {
  return fieldAt(isObject(schema) ? schema : {}, 0, { left: MAX_FIELDS, labels });
}

/** A field for a value that is there already, so that people can change it; its type stays. */
export function fieldOfValue(value: JsonValue, labels: BooleanLabels): Field {
  return { ...fieldOf(schemaOfValue(value, 0), labels), initial: value };
}

function schemaOfValue(value: unknown, depth: number): Schema {
  if (typeof value === "string") {
    const multiline = value.length > 60 || /[\r\n]/.test(value);
    return { type: "string", minLength: 0, ...(multiline ? { format: "multiline" } : {}) };
  }
  if (typeof value === "number") return { type: "number" };
  if (typeof value === "boolean") return { type: "boolean" };
  if (Array.isArray(value)) {
    const [first] = value;
    const same = value.every((item) => typeof item === typeof first && typeof item !== "object");
    return value.length > 0 && same
      ? { type: "array", items: schemaOfValue(first, depth + 1) }
      : { type: "array" };
  }
  if (!isObject(value) || depth >= MAX_DEPTH) return {};
  const entries = Object.entries(value).filter(([name]) => !isForbiddenKey(name));
  return {
    type: "object",
    properties: Object.fromEntries(
      entries.map(([name, item]) => [name, { title: name, ...schemaOfValue(item, depth + 1) }]),
    ),
    required: entries.map(([name]) => name),
  };
}
