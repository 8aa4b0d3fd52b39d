/** What approve always gives, as a rule says it and as a question offers it. */
import { HoldpointError } from "../core/errors.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { argsPatternOf, valueAt } from "./args-pattern.ts";
import {
  GRANT_SCOPES,
  type GrantScope,
  type GrantSuggestion,
  type GrantTerms,
  type PolicyContext,
} from "./types.ts";

const MAX_USES = 1000;

export interface CheckedTerms {
  readonly scopes: readonly GrantScope[];
  readonly args: "same" | "any" | readonly string[];
  readonly uses: number | null;
  readonly expires_in_ms: number | null;
  /** As it enters the version of the rule. */
  readonly data: JsonObject;
}

function invalid(what: string, message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${what} ${message}`, { details: { what } });
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function usesOf(uses: unknown, what: string): number | null {
  if (uses === undefined || uses === null) return null;
  if (Number.isInteger(uses) && (uses as number) >= 1 && (uses as number) <= MAX_USES) return uses as number;
  return invalid(what, `has uses that are no whole number from 1 to ${MAX_USES}.`);
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function durationOf(expiresInMs: unknown, what: string): number | null {
  if (expiresInMs === undefined || expiresInMs === null) return null;
  if (Number.isSafeInteger(expiresInMs) && (expiresInMs as number) > 0) return expiresInMs as number;
  return invalid(what, "has an expiresInMs that is no positive whole number.");
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function termsOf(given: GrantTerms = {}, where = "grant"): CheckedTerms {
  const what = `${where}: grant`;
  if (typeof given !== "object" || given === null) invalid(what, "has to be an object.");
  const { scopes = ["session"], args = "same", uses, expiresInMs, ...rest } = given;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) invalid(what, `has a field ${JSON.stringify(unknown)} that is not known.`);
  const isScopes = Array.isArray(scopes) && scopes.length > 0;
  if (!isScopes || !scopes.every((scope) => GRANT_SCOPES.includes(scope)))
    invalid(what, `has scopes that are not some of ${GRANT_SCOPES.join(", ")}.`);
  if (args !== "same" && args !== "any") {
    if (!Array.isArray(args) || args.length === 0 || !args.every((path) => typeof path === "string"))
      invalid(what, 'has args that are not "same", "any" or a list of paths.');
    argsPatternOf(Object.fromEntries(args.map((path) => [path, "*"])), what);
  }
  const terms = {
    scopes: [...new Set(scopes)],
    args: typeof args === "string" ? args : [...args],
    uses: usesOf(uses, what),
    expires_in_ms: durationOf(expiresInMs, what),
  };
  return { ...terms, data: terms };
}

/** What a human may choose: one for each scope that the run has. Empty if no grant could be bound to the call. */
export function suggestionsOf(
  { scopes, args, uses, expires_in_ms }: CheckedTerms,
  call: JsonObject,
  { session_id, user_id }: Pick<PolicyContext, "session_id" | "user_id">,
): GrantSuggestion[] {
  const pattern = patternOf(args, call);
  if (pattern === null) return [];
  const ids = { session: session_id, user: user_id, tenant: null };
  return scopes.flatMap((scope) => {
    const scope_id = ids[scope];
    return scope_id === undefined ? [] : [{ scope, scope_id, args: pattern, uses, expires_in_ms }];
  });
}

/** Values are bound as they are: what a model has written is never a glob. Null where there is no value to bind to. */
function patternOf(args: CheckedTerms["args"], call: JsonObject): Record<string, JsonValue> | null {
  if (args === "any") return {};
  const paths = args === "same" ? [""] : args;
  const pattern: Record<string, JsonValue> = {};
  for (const path of paths) {
    const value = valueAt(call, path);
    if (value === undefined) return null;
    pattern[path] = { equals: value };
  }
  return pattern;
}
