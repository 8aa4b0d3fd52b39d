/** What a tool's calls are, as `type:pattern`: the form of aury's permission rules. */
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
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
  subjectOf(tool: string, args: JsonObject): string;
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
      return found ? `${found.type}:${patternOf(found, args)}` : `${tool}:*`;
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

function patternOf({ type, pattern_args }: CheckedType, args: JsonObject): string {
  if (pattern_args.length === 0) return "*";
  const texts = pattern_args.map((name) => (Object.hasOwn(args, name) ? textOf(args[name]) : null));
  if (type === "file" && texts[0] === null) texts[0] = "read";
  return texts.some((text) => text !== null) ? texts.map((text) => text ?? "").join(":") : "*";
}

/** What is no text is shown as JSON: it fits no glob that was written for a text by chance. */
function textOf(value: JsonValue | undefined): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
