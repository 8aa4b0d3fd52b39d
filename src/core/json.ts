/**
 * What may be stored: JSON, bounded in size and depth, without prototype tricks.
 */
import canonicalize from "canonicalize";
import { HoldpointError, isHoldpointError } from "./errors.ts";

export type JsonPrimitive = string | number | boolean | null;
export type JsonValue = JsonPrimitive | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = { [key: string]: JsonValue };

export interface JsonLimits {
  /** UTF-8 bytes of the JSON text. Default 256 KiB. */
  readonly maxBytes: number;
  /** Nested arrays and objects. Default 64. */
  readonly maxDepth: number;
}

export const DEFAULT_LIMITS: JsonLimits = { maxBytes: 256 * 1024, maxDepth: 64 };

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const encoder = new TextEncoder();

function fail(path: string, what: string): never {
  throw new HoldpointError("ERR_HITL_NOT_JSON", `${path} ${what}; only plain JSON can be stored.`, {
    details: { path },
  });
}

interface Walk {
  readonly limits: JsonLimits;
  /** Values that may still follow: each takes a byte at least. Objects that share parts grow without end. */
  left: number;
  /** Bytes that are surely left of the limit; negative if the text has to be measured. */
  room: number;
}

function copy(value: unknown, path: string, depth: number, walk: Walk): JsonValue {
  walk.left -= 1;
  walk.room -= VALUE_ROOM;
  if (walk.left < 0) throw tooLarge(path, `more than ${walk.limits.maxBytes}`, walk.limits);
  switch (typeof value) {
    case "string":
      if (!value.isWellFormed()) fail(path, "holds a lone surrogate");
      walk.room -= textRoom(value);
      return value;
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) fail(path, `is ${value}`);
      // JSON.stringify writes -0 as 0; a store that keeps values and one that keeps text have to agree.
      return value === 0 ? 0 : value;
    case "object":
      break;
    default:
      return fail(path, value === undefined ? "is undefined" : `is a ${typeof value}`);
  }
  if (value === null) return null;
  const { maxDepth } = walk.limits;
  if (depth >= maxDepth) {
    throw new HoldpointError(
      "ERR_HITL_TOO_DEEP",
      `${path} is nested deeper than ${maxDepth} levels. Flatten it, or store a reference.`,
      { details: { path, maxDepth } },
    );
  }
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    // Not map: it passes over the holes of a sparse array, which JSON cannot carry.
    for (let index = 0; index < value.length; index += 1)
      items.push(copy(value[index], `${path}[${index}]`, depth + 1, walk));
    return items;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) {
    // An object of another realm (a vm context, a test runner) has a foreign Object.prototype.
    if (Object.getPrototypeOf(prototype) !== null) {
      fail(
        path,
        `is a ${typeof value.constructor === "function" ? value.constructor.name : "class instance"}`,
      );
    }
  }
  const result: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) fail(`${path}.${key}`, "is a reserved key");
    if (!key.isWellFormed()) fail(path, "has a key with a lone surrogate");
    if (item === undefined) continue;
    walk.room -= textRoom(key);
    result[key] = copy(item, `${path}.${key}`, depth + 1, walk);
  }
  return result;
}

/**
 * A deep copy of `value` as plain JSON. Properties that are `undefined` are left out, as
 * `JSON.stringify` does; everything else that JSON cannot carry is refused, never altered.
 *
 * @throws HoldpointError `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_DEEP`, `ERR_HITL_TOO_LARGE`
 */
export function toJson(value: unknown, path: string, limits: JsonLimits = DEFAULT_LIMITS): JsonValue {
  let result: JsonValue;
  const walk: Walk = { limits, left: limits.maxBytes, room: limits.maxBytes };
  try {
    result = copy(value, path, 0, walk);
  } catch (cause) {
    if (isHoldpointError(cause)) throw cause;
    // A getter or a proxy threw.
    throw new HoldpointError("ERR_HITL_NOT_JSON", `${path} cannot be read; only plain JSON can be stored.`, {
      cause,
      details: { path },
    });
  }
  if (walk.room < 0) assertSize(JSON.stringify(result), path, limits);
  return result;
}

/** As {@link toJson}, and the value has to be an object. */
export function toJsonObject(value: unknown, path: string, limits: JsonLimits = DEFAULT_LIMITS): JsonObject {
  const result = toJson(value, path, limits);
  if (typeof result !== "object" || result === null || Array.isArray(result)) {
    return fail(path, "is not an object");
  }
  return result;
}

function assertSize(text: string, path: string, limits: JsonLimits = DEFAULT_LIMITS): void {
  // A UTF-16 unit is at most three bytes of UTF-8: most texts need no encoding to be measured.
  if (text.length * 3 <= limits.maxBytes) return;
  const bytes = encoder.encode(text).length;
  if (bytes <= limits.maxBytes) return;
  throw tooLarge(path, String(bytes), limits);
}

/** As {@link assertSize} of the value's text, which is only made if the value may be too large. */
export function assertJsonSize(value: JsonValue, path: string, limits: JsonLimits): void {
  if (roomAfter(value, limits.maxBytes) < 0) assertSize(JSON.stringify(value), path, limits);
}

/** Bytes of a value without its text, at most: a number takes 24, and there are commas, colons and brackets. */
const VALUE_ROOM = 25;

/** Bytes of a text, at most: a UTF-16 unit takes six (\u0000). */
function textRoom(text: string): number {
  return 6 * text.length + 3;
}

/** What is surely left of `room` bytes after the value's text; negative if it is not sure that it fits. */
function roomAfter(value: JsonValue | undefined, room: number): number {
  let left = room - VALUE_ROOM;
  if (typeof value === "string") return left - textRoom(value);
  if (typeof value !== "object" || value === null) return left;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length && left >= 0; index += 1) left = roomAfter(value[index], left);
    return left;
  }
  for (const key of Object.keys(value)) {
    if (left < 0) break;
    left = roomAfter(value[key], left - textRoom(key));
  }
  return left;
}

function tooLarge(path: string, bytes: string, { maxBytes }: JsonLimits): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_TOO_LARGE",
    `${path} takes ${bytes} bytes; the limit is ${maxBytes}. Store the payload elsewhere and put a reference into the record.`,
    { details: { path, maxBytes } },
  );
}

/** RFC 8785 canonical JSON. The value has to be JSON already (see {@link toJson}). */
export function canonicalJson(value: JsonValue): string {
  // Where nothing is to be ordered, JSON.stringify writes what the RFC does.
  if (isOrdered(value)) return JSON.stringify(value);
  const text = canonicalize(value);
  if (text === undefined) return fail("value", "is undefined");
  return text;
}

/** Every object has its keys in the order of canonical JSON, and nothing is in it that canonical JSON refuses. */
function isOrdered(value: JsonValue): boolean {
  switch (typeof value) {
    case "string":
      return value.isWellFormed();
    case "number":
      return Number.isFinite(value);
    case "boolean":
      return true;
    case "object":
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1)
      if (!isOrdered(value[index] as JsonValue)) return false;
    return true;
  }
  let before: string | undefined;
  for (const key of Object.keys(value)) {
    // Strings compare by UTF-16 code units, as the RFC asks.
    if ((before !== undefined && before > key) || !key.isWellFormed()) return false;
    if (!isOrdered(value[key] as JsonValue)) return false;
    before = key;
  }
  return true;
}

/** A deep copy of a value that is JSON already; what is undefined is left out. */
export function cloneJson<T extends JsonValue>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items: JsonValue[] = [];
    for (let index = 0; index < value.length; index += 1) items.push(cloneJson(value[index] as JsonValue));
    return items as T;
  }
  // A spread copies an object's layout at once; property by property the engine would find it again each time.
  const result: JsonObject = { ...value };
  // oxlint-disable-next-line guard-for-in -- Most properties are no objects, and need not be asked whose they are.
  for (const key in result) {
    const item = result[key];
    if (item === undefined) delete result[key];
    else if (typeof item !== "object" || item === null || !Object.hasOwn(result, key)) continue;
    else if (key === "__proto__") defineOwn(result, key, cloneJson(item));
    else result[key] = cloneJson(item);
  }
  return result as T;
}

/** An assignment to `__proto__` would change the prototype and lose the property. */
function defineOwn(target: JsonObject, key: string, value: JsonValue): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true });
}
