/**
 * Values that a user interface has turned into text, turned back: by a JSON Schema, or by the value that was shown. What
 * cannot be turned stays as it is, for the schema to refuse.
 */
import { type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import { isObject, own } from "./ask.ts";

/** A schema may refer to itself. */
const MAX_DEPTH = 24;
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

type Schema = JsonValue | undefined;

/** True if the schema says more of an object than that it is one. */
export function saysMore(schema: Schema): boolean {
  return isObject(schema) && Object.keys(schema).some((name) => name !== "type" && name !== "$id");
}

export function coerceTo(schema: Schema, value: JsonValue): JsonValue {
  return coerce(schema, value, schema, 0);
}

function coerce(schema: Schema, value: JsonValue, root: Schema, depth: number): JsonValue {
  if (!isObject(schema) || depth > MAX_DEPTH) return value;
  const inner = own(schema, "$id") === undefined ? root : schema;
  let current = value;
  const $ref = own(schema, "$ref");
  if (typeof $ref === "string") current = coerce(resolve($ref, inner), current, inner, depth + 1);
  const all = own(schema, "allOf");
  if (Array.isArray(all)) for (const part of all) current = coerce(part, current, inner, depth + 1);
  if (typeof current === "string") return ofText(schema, current, inner, depth);
  if (Array.isArray(current)) {
    const items = own(schema, "items");
    return items === undefined ? current : current.map((item) => coerce(items, item, inner, depth + 1));
  }
  return isObject(current) ? inProperties(schema, current, inner, depth) : current;
}

function inProperties(schema: JsonObject, value: JsonObject, root: Schema, depth: number): JsonObject {
  const properties = own(schema, "properties");
  const others = own(schema, "additionalProperties");
  const entries = Object.entries(value).map(([name, item]): [string, JsonValue] => {
    const known = own(properties, name) ?? others;
    return [name, known === undefined ? item : coerce(known, item, root, depth + 1)];
  });
  return Object.fromEntries(entries);
}

function ofText(schema: JsonObject, text: string, root: Schema, depth: number): JsonValue {
  const members =
    own(schema, "enum") ?? (Object.hasOwn(schema, "const") ? [schema["const"] ?? null] : undefined);
  if (Array.isArray(members)) {
    if (members.includes(text)) return text;
    const meant = members.find((member) => typeof member !== "string" && JSON.stringify(member) === text);
    if (meant !== undefined) return meant;
  }
  const types = typesOf(schema);
  if (types.includes("string")) return text;
  for (const type of types) {
    const read = readAs(type, text);
    // What was one text holds further texts of its own.
    if (read !== undefined) return typeof read === "object" ? coerce(schema, read, root, depth + 1) : read;
  }
  const branches = own(schema, "anyOf") ?? own(schema, "oneOf");
  if (!Array.isArray(branches) || branches.some((branch) => typesOf(branch).includes("string"))) return text;
  for (const branch of branches) {
    const read = coerce(branch, text, root, depth + 1);
    if (read !== text) return read;
  }
  return text;
}

function typesOf(schema: JsonValue): readonly JsonValue[] {
  const type = own(schema, "type");
  return Array.isArray(type) ? type : type === undefined ? [] : [type];
}

function readAs(type: JsonValue, text: string): JsonValue | undefined {
  switch (type) {
    case "number":
    case "integer":
      return NUMBER.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    case "null":
      return text === "null" || text === "" ? null : undefined;
    case "object":
    case "array": {
      const read = readJson(text);
      return Array.isArray(read) === (type === "array") && typeof read === "object" && read !== null
        ? read
        : undefined;
    }
    default:
      return undefined;
  }
}

/** The value of a JSON text; undefined if it is none, or one that could not be stored. */
export function readJson(text: string): JsonValue | undefined {
  try {
    return toJson(JSON.parse(text), "text");
  } catch {
    return undefined;
  }
}

function resolve(ref: string, root: Schema): Schema {
  if (!ref.startsWith("#/")) return undefined;
  return ref
    .slice(2)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<Schema>((found, part) => own(found, part), root);
}

/** By the type of what was shown, where no schema says it. */
export function coerceLike(shown: JsonValue | undefined, value: JsonValue): JsonValue {
  if (typeof value === "string") {
    if (shown === undefined || typeof shown === "string") return value;
    const read = readAs(shown === null ? "null" : Array.isArray(shown) ? "array" : typeof shown, value);
    return read === undefined ? value : typeof read === "object" ? coerceLike(shown, read) : read;
  }
  if (Array.isArray(value)) {
    const items = Array.isArray(shown) ? shown : [];
    return value.map((item, index) => coerceLike(items[index] ?? items[0], item));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, coerceLike(own(shown, name), item)]),
  );
}
