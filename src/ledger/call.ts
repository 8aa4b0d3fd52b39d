/** A call, checked completely before anything of it is written, and what of it may be shown. */
import { hash } from "node:crypto";
import { isHoldpointError } from "../core/errors.ts";
import { hashJson, isValidForeignId, makeId, slotOf } from "../core/ids.ts";
import { canonicalJson, type JsonObject, type JsonValue, toJson } from "../core/json.ts";
import { EFFECT_KIND } from "../backends/kinds.ts";
import { EffectLedgerValidationError } from "./errors.ts";
import { invalid, keyOf, resourceIdOf, validateArgs } from "./idem-key.ts";
import type { Redact, RedactContext, ToolCall } from "./types.ts";

const FIELDS: ReadonlySet<string> = new Set([
  "workflow_id",
  "tool",
  "args",
  "call_id",
  "resource",
  "idempotency_keys",
  "session_id",
]);

export interface PreparedCall {
  readonly call: ToolCall;
  readonly idem_key: string;
  readonly effect_id: string;
  readonly slot: number;
  readonly session_id: string;
  /** As they are shown and stored. */
  readonly args: JsonObject;
  readonly args_canonical: string;
  readonly resource_id_canonical: string;
  /** P7: of the arguments as they are, not as they are shown. */
  readonly approved_hash: string;
  readonly policy_version: string | null;
}

export interface CallRules {
  readonly tenant_id: string;
  readonly maxArgsSizeBytes: number;
  readonly policy_version: string | null;
  readonly redact: Redact | undefined;
}

function id(field: string, value: unknown): string {
  if (isValidForeignId(value)) return value;
  throw invalid(field, "has to be a string of 1 to 255 characters without control characters.");
}

/** @throws EffectLedgerValidationError */
export function prepareCall(call: ToolCall, rules: CallRules): PreparedCall {
  if (typeof call !== "object" || call === null)
    throw invalid("call", "has to be { workflow_id, tool, args }.");
  const unknown = Object.keys(call).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) throw invalid(unknown, "is no field of a call.");
  const workflow_id = id("workflow_id", call.workflow_id);
  const tool = id("tool", call.tool);
  if (call.call_id !== undefined) id("call_id", call.call_id);
  const session_id = call.session_id === undefined ? workflow_id : id("session_id", call.session_id);
  const clean = validateArgs(call.args, rules.maxArgsSizeBytes);
  const resource_id = call.resource === undefined ? undefined : resourceIdOf(call.resource);
  if (call.idempotency_keys !== undefined)
    checkNames(call.idempotency_keys, resource_id === undefined ? clean : undefined);
  const canonical = canonicalJson(clean);
  const idem_key = keyOf(call, clean, canonical);
  const { tenant_id, policy_version, redact } = rules;
  const slot = slotOf(tenant_id, session_id);
  const context = { workflow_id, tool };
  const args = redact ? asObject(redacted(redact, clean, { ...context, what: "args" })) : clean;
  const shownId =
    resource_id && redact ? redacted(redact, resource_id, { ...context, what: "resource_id" }) : resource_id;
  return {
    call,
    idem_key,
    // The key alone does not tell workflow `a|b` with tool `c` from workflow `a` with tool `b|c`.
    effect_id: makeId(EFFECT_KIND, slot, [EFFECT_KIND, tenant_id, workflow_id, tool, idem_key]),
    slot,
    session_id,
    args,
    args_canonical: redact ? canonicalJson(args) : canonical,
    resource_id_canonical:
      call.resource && shownId !== undefined
        ? `${call.resource.namespace}/${call.resource.type}/${canonicalJson(shownId)}`
        : tool,
    approved_hash: approvalHash(tool, clean, canonical, policy_version),
    policy_version,
  };
}

/** A name that is misspelt would leave its argument out of the key, and give one call the result of another. */
function checkNames(names: unknown, args: JsonObject | undefined): void {
  const field = "idempotency_keys";
  if (!Array.isArray(names) || names.length === 0 || names.some((name) => typeof name !== "string"))
    throw invalid(field, "has to be a list of names that is not empty.");
  if (new Set(names).size < names.length) throw invalid(field, "names an argument twice.");
  const missing = args && (names as string[]).find((name) => !Object.hasOwn(args, name));
  if (missing !== undefined) throw invalid(field, `names ${JSON.stringify(missing)}, which is no argument.`);
}

/** What an approval is bound to (P7); without a policy's version the same as `requestPermission` computes. */
function approvalHash(
  tool: string,
  args: JsonObject,
  canonical: string,
  policy_version: string | null,
): string {
  if (policy_version !== null) return hashJson([tool, args, policy_version]);
  // What `hashJson([tool, args])` is, without the arguments' canonical form being made once more.
  return hash("sha256", `[${JSON.stringify(tool)},${canonical}]`, "hex");
}

/** Nothing is written that could not be redacted. */
export function redacted(redact: Redact, value: JsonValue, context: RedactContext): JsonValue {
  try {
    return toJson(redact(structuredClone(value), context), `redacted ${context.what}`);
  } catch (cause) {
    const code = isHoldpointError(cause) ? cause.code : undefined;
    throw new EffectLedgerValidationError(
      "redact",
      `redact failed on ${context.what}: nothing was written.`,
      code,
      { cause },
    );
  }
}

function asObject(value: JsonValue): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw invalid("redact", "has to give an object for args.");
}
