/** What a tool's calls are, as `type:pattern`: the form of aury's permission rules. */
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { Quantifier } from "./args-pattern.ts";
import { type Glob, globOf } from "./glob.ts";

/** A named type, or one of your own with the arguments whose texts, joined by `:`, are the pattern. */
export type PermissionType =
  | "shell"
  | "file"
  | "code"
  | { readonly type: string; readonly pattern_args?: readonly string[] };

/** By name or glob of tools; the first that fits counts. */
export type PermissionTypes = Readonly<Record<string, PermissionType>>;

interface CheckedType {
  readonly tools: Glob;
  readonly type: string;
  readonly pattern_args: readonly string[];
}

export interface CheckedTypes {
  /** As it enters the versions of rules that use it. */
  readonly data: JsonValue;
  /** @throws HoldpointError for an argument that is no text: nobody knows which pattern means it (P8) */
  subjectOf(tool: string, args: JsonObject): Subject;
}

/** The type, and the texts of its arguments. */
type Subject = readonly string[];

export interface PermissionPattern {
  readonly source: string;
  matches(subject: Subject, quantifier: Quantifier): boolean;
}

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details: { option: "permissions" } });
}

const TYPE = /^[^:*?[\]\p{Cc}]{1,64}$/u;

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function permissionTypesOf(given: PermissionTypes = {}): CheckedTypes {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    invalid("permissions has to be { tool: type }.");
  const types = Object.entries(given).map(([tools, type]) => typeOf(tools, type));
  return {
    data: types.map(({ tools, type, pattern_args }) => [tools.source, type, [...pattern_args]]),
    subjectOf: (tool, args) => {
      const found = types.find(({ tools }) => tools.matches(tool));
      return found ? [found.type, ...patternOf(found, args)] : [tool, "*"];
    },
  };
}

function typeOf(tools: string, given: unknown): CheckedType {
  const what = `permissions.${tools}`;
  const checked = { tools: globOf(tools, what) };
  if (given === "shell") return { ...checked, type: given, pattern_args: ["command"] };
  if (given === "file") return { ...checked, type: given, pattern_args: ["operation", "path"] };
  if (given === "code") return { ...checked, type: given, pattern_args: ["language"] };
  const { type, pattern_args = [], ...rest } = (given ?? {}) as Record<string, unknown>;
  if (typeof type !== "string" || !TYPE.test(type) || Object.keys(rest).length > 0)
    return invalid(`${what} has to be "shell", "file", "code", or { type, pattern_args? }.`);
  const isList = Array.isArray(pattern_args) && pattern_args.every((name) => typeof name === "string");
  if (!isList) return invalid(`${what}.pattern_args has to be a list of names of arguments.`);
  return { ...checked, type, pattern_args: [...pattern_args] };
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function permissionPatternOf(given: unknown, what: string): PermissionPattern {
  const whole = globOf(given, what);
  const { source } = whole;
  const byLength = new Map<number, readonly Glob[]>();
  const partsFor = (length: number): readonly Glob[] => {
    const known = byLength.get(length);
    if (known) return known;
    const parts = inParts(source.split(":"), length).map((part) => globOf(part, what));
    byLength.set(length, parts);
    return parts;
  };
  const matchesParts = (subject: Subject): boolean => {
    const parts = partsFor(subject.length);
    const texts = inParts(subject, parts.length);
    return parts.every((part, index) => part.matches(texts[index] ?? ""));
  };
  // A colon in an argument must not move what follows into the place of the next one: that would allow what is not meant.
  const matches: PermissionPattern["matches"] = (subject, quantifier) =>
    matchesParts(subject) || (quantifier === "some" && whole.matches(subject.join(":")));
  return { source, matches };
}

/** At most so many; the last one takes what is left. */
function inParts(parts: readonly string[], length: number): readonly string[] {
  if (parts.length <= length) return parts;
  return [...parts.slice(0, length - 1), parts.slice(length - 1).join(":")];
}

function patternOf({ type, pattern_args }: CheckedType, args: JsonObject): readonly string[] {
  if (pattern_args.length === 0) return ["*"];
  const texts = pattern_args.map((name) => textOf(args, name));
  if (type === "file" && texts[0] === null) texts[0] = "read";
  return texts.some((text) => text !== null) ? texts.map((text) => text ?? "") : ["*"];
}

function textOf(args: JsonObject, name: string): string | null {
  const value = Object.hasOwn(args, name) ? args[name] : null;
  if (value === undefined || value === null) return null;
  if (typeof value === "object")
    return invalid(`The argument ${name} is no text; a permission compares texts.`);
  return String(value);
}
