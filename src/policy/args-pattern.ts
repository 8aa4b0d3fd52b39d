/**
 * Patterns on the fields of a call's arguments: by path, globs or a value. The same data are a rule's `args` and what a
 * grant is bound to.
 */
import { HoldpointError } from "../core/errors.ts";
import { canonicalJson, type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import { type Glob, globOf } from "./glob.ts";

/** A glob, several of which one has to fit, or exactly this value. */
export type FieldPattern = string | readonly string[] | { readonly equals: JsonValue };
/** By path: `to.email`, a JSON Pointer (`/a.b/0`), or the empty one for all arguments. */
export type ArgsPattern = Readonly<Record<string, FieldPattern>>;

/** `every`: of a list, all entries have to fit (what allows); `some`: one is enough (what asks or denies). */
export type Quantifier = "every" | "some";

interface CheckedField {
  readonly path: readonly string[];
  readonly globs: readonly Glob[] | null;
  /** Canonical JSON of the value that is meant. */
  readonly equals: string | null;
}

export interface CheckedArgs {
  /** The pattern as it is hashed and stored. */
  readonly data: JsonObject;
  matches(args: JsonObject, quantifier: Quantifier): boolean;
}

const MAX_FIELDS = 64;
const MAX_PATH = 64;

function invalid(what: string, message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${what} ${message}`, { details: { what } });
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function argsPatternOf(given: unknown, what: string): CheckedArgs {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    invalid(what, "has to be { path: pattern }.");
  const entries = Object.entries(given as Record<string, unknown>);
  if (entries.length > MAX_FIELDS) invalid(what, `names more than ${MAX_FIELDS} fields.`);
  const data: JsonObject = {};
  const fields = entries.map(([path, pattern]) => {
    const name = `${what} ${JSON.stringify(path)}`;
    const field = fieldOf(path, pattern, name);
    // Not an assignment: a field may have any name, and be refused for it only here.
    if (field.path.some((part) => part === "__proto__")) invalid(name, "is no path.");
    data[path] = toJson(pattern, name);
    return field;
  });
  return {
    data,
    matches: (args, quantifier) => fields.every((field) => fits(field, args, quantifier)),
  };
}

function fieldOf(path: string, pattern: unknown, what: string): CheckedField {
  const parts = pathOf(path, what);
  if (typeof pattern === "string") return { path: parts, globs: [globOf(pattern, what)], equals: null };
  if (Array.isArray(pattern)) {
    if (pattern.length === 0) invalid(what, "has no glob: nothing would fit.");
    return { path: parts, globs: pattern.map((glob) => globOf(glob, what)), equals: null };
  }
  const isValue = typeof pattern === "object" && pattern !== null && Object.keys(pattern).join() === "equals";
  if (!isValue) invalid(what, "has to be a glob, a list of globs, or { equals: value }.");
  const { equals } = pattern as { equals: unknown };
  return { path: parts, globs: null, equals: canonicalJson(toJson(equals, what)) };
}

function pathOf(path: string, what: string): readonly string[] {
  if (path === "") return [];
  const parts = path.startsWith("/")
    ? path
        .slice(1)
        .split("/")
        .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    : path.split(".");
  if (parts.length > MAX_PATH) invalid(what, `has more than ${MAX_PATH} steps.`);
  if (!path.startsWith("/") && parts.some((part) => part === "")) invalid(what, "has an empty step.");
  return parts;
}

function fits({ path, globs, equals }: CheckedField, args: JsonObject, quantifier: Quantifier): boolean {
  const found: (JsonValue | undefined)[] = [];
  collect(args, path, found);
  const isMeant = (value: JsonValue | undefined): boolean => {
    if (value === undefined) return false;
    if (equals !== null) return isEqual(value, equals, quantifier);
    return leavesFit(value, globs ?? [], quantifier);
  };
  if (found.length === 0) return false;
  return quantifier === "every" ? found.every(isMeant) : found.some(isMeant);
}

function isEqual(value: JsonValue, equals: string, quantifier: Quantifier): boolean {
  if (canonicalJson(value) === equals) return true;
  return (
    quantifier === "some" && Array.isArray(value) && value.some((item) => isEqual(item, equals, quantifier))
  );
}

/** The values at the end of a path; undefined where it leads to nothing. A list on the way stands for its entries. */
function collect(value: JsonValue, path: readonly string[], found: (JsonValue | undefined)[]): void {
  const [step, ...rest] = path;
  if (step === undefined) {
    found.push(value);
    return;
  }
  if (Array.isArray(value)) {
    if (/^(0|[1-9][0-9]{0,9})$/.test(step)) {
      const item = value[Number(step)];
      if (item === undefined) found.push(undefined);
      else collect(item, rest, found);
      return;
    }
    for (const item of value) collect(item, path, found);
    return;
  }
  if (typeof value === "object" && value !== null && Object.hasOwn(value, step))
    collect(value[step] as JsonValue, rest, found);
  else found.push(undefined);
}

function leavesFit(value: JsonValue, globs: readonly Glob[], quantifier: Quantifier): boolean {
  if (Array.isArray(value)) {
    const one = (item: JsonValue): boolean => leavesFit(item, globs, quantifier);
    // Of no entries none can fit: an empty list is not what an author has allowed.
    return quantifier === "every" ? value.length > 0 && value.every(one) : value.some(one);
  }
  // An object, or null, is no text.
  if (typeof value === "object") return false;
  const text = String(value);
  return globs.some((glob) => glob.matches(text));
}

/** The value at a path, for a pattern that has to hold exactly it; undefined if there is none. */
export function valueAt(args: JsonObject, path: string): JsonValue | undefined {
  const found: (JsonValue | undefined)[] = [];
  collect(args, pathOf(path, "path"), found);
  return found.length === 1 ? found[0] : undefined;
}
