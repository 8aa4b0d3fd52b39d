/**
 * Values that a user interface has turned into text, turned back: by a JSON Schema, or by the value that was shown. What
 * cannot be turned stays as it is, for the schema to refuse.
 */
import { type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import { compile } from "../core/response-schema.ts";
import { isObject, own } from "./ask.ts";

/** A schema may refer to itself. */
const MAX_DEPTH = 24;
/** Of alternatives within alternatives there may be very many. */
const MAX_TRIES = 500;
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const WHOLE = /^\s*[+-]?\d+\s*$/;

type Schema = JsonValue | undefined;

interface Walk {
  /** What references of the schema lead into. */
  readonly root: Schema;
  readonly depth: number;
  readonly tries: { left: number };
}

/** True if the schema says more of an object than that it is one. */
export function saysMore(schema: Schema): boolean {
  return isObject(schema) && Object.keys(schema).some((name) => name !== "type" && name !== "$id");
}

export function coerceTo(schema: Schema, value: JsonValue): JsonValue {
  return coerce(schema, value, { root: schema, depth: 0, tries: { left: MAX_TRIES } });
}

function coerce(schema: Schema, value: JsonValue, walk: Walk): JsonValue {
  if (!isObject(schema) || walk.depth > MAX_DEPTH) return value;
  const inner: Walk = {
    root: own(schema, "$id") === undefined ? walk.root : schema,
    depth: walk.depth + 1,
    tries: walk.tries,
  };
  let current = value;
  const $ref = own(schema, "$ref");
  if (typeof $ref === "string") current = coerce(resolve($ref, inner.root), current, inner);
  const all = own(schema, "allOf");
  if (Array.isArray(all)) for (const part of all) current = coerce(part, current, inner);
  if (typeof current === "string") return ofText(schema, current, inner);
  const chosen = ofBranches(schema, current, inner);
  if (Array.isArray(chosen)) return inItems(schema, chosen, inner);
  return isObject(chosen) ? inProperties(schema, chosen, inner) : chosen;
}

function inItems(schema: JsonObject, values: readonly JsonValue[], walk: Walk): JsonValue[] {
  const [items, first] = [own(schema, "items"), own(schema, "prefixItems")];
  const schemaAt = (index: number): Schema =>
    Array.isArray(first) && index < first.length ? first[index] : items;
  return values.map((item, index) => coerce(schemaAt(index), item, walk));
}

function inProperties(schema: JsonObject, value: JsonObject, walk: Walk): JsonObject {
  const properties = own(schema, "properties");
  const others = own(schema, "additionalProperties");
  const entries = Object.entries(value).map(([name, item]): [string, JsonValue] => {
    return [name, coerce(own(properties, name) ?? others, item, walk)];
  });
  return Object.fromEntries(entries);
}

function ofText(schema: JsonObject, text: string, walk: Walk): JsonValue {
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
    if (read !== undefined) return typeof read === "object" ? coerce(schema, read, walk) : read;
  }
  return ofBranches(schema, text, walk);
}

/** The value as it is, if an alternative takes it; else as the first alternative has it that takes that. */
function ofBranches(schema: JsonObject, value: JsonValue, walk: Walk): JsonValue {
  const branches = own(schema, "anyOf") ?? own(schema, "oneOf");
  if (!Array.isArray(branches) || walk.tries.left <= 0) return value;
  if (branches.some((branch) => takes(branch, value, walk))) return value;
  let closest = value;
  for (const branch of branches) {
    const read = coerce(branch, value, walk);
    if (read === value) continue;
    if (takes(branch, read, walk)) return read;
    if (closest === value) closest = read;
  }
  return closest;
}

function takes(branch: JsonValue, value: JsonValue, { root, tries }: Walk): boolean {
  tries.left -= 1;
  if (tries.left < 0 || (typeof branch !== "boolean" && !isObject(branch))) return false;
  const shared = ["$defs", "definitions"].flatMap((name) => {
    const found = own(root, name);
    return found === undefined ? [] : [[name, found] as const];
  });
  const whole = typeof branch === "boolean" ? branch : { ...Object.fromEntries(shared), ...branch };
  try {
    return compile(whole)(value).valid;
  } catch {
    // One that takes too long is followed by others that do.
    tries.left = 0;
    return false;
  }
}

function typesOf(schema: JsonValue): readonly JsonValue[] {
  const type = own(schema, "type");
  return Array.isArray(type) ? type : type === undefined ? [] : [type];
}

function readAs(type: JsonValue, text: string): JsonValue | undefined {
  switch (type) {
    case "number":
    case "integer":
      return readNumber(text);
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

/** Undefined also for a whole number that a double cannot hold: it would be another one. */
function readNumber(text: string): number | undefined {
  const value = Number(text);
  if (!NUMBER.test(text) || !Number.isFinite(value)) return undefined;
  const isHeld = !WHOLE.test(text) || Number.isSafeInteger(value) || String(value) === text.trim();
  return isHeld ? value : undefined;
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
    .map((part) => decoded(part).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<Schema>((found, part) => (Array.isArray(found) ? found[Number(part)] : own(found, part)), root);
}

/** A reference is part of a URI. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * What a user interface has left alone is what was shown, whatever text it has made of it: `null` as "null", where a text
 * would do as well.
 *
 * @param coerced - the given value, where it is another than the shown one
 */
export function keepShown(shown: JsonValue | undefined, given: JsonValue, coerced: JsonValue): JsonValue {
  if (shown === undefined) return coerced;
  if (typeof given === "string") {
    const isLeft =
      typeof shown === "string"
        ? given === shown
        : given === JSON.stringify(shown) || given === JSON.stringify(shown, null, 2);
    return isLeft ? shown : coerced;
  }
  if (Array.isArray(given) && Array.isArray(shown) && Array.isArray(coerced))
    return coerced.map((item, index) => keepShown(shown[index], given[index] as JsonValue, item));
  if (!isObject(given) || !isObject(shown) || !isObject(coerced)) return coerced;
  return Object.fromEntries(
    Object.entries(coerced).map(([name, item]) => [
      name,
      keepShown(own(shown, name), own(given, name) as JsonValue, item),
    ]),
  );
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
