/**
 * The idempotency key of a call: SHA-256 of `workflow_id|tool|part`, where `part` is the resource, or the arguments that
 * enter the key, in the canonical form of RFC 8785 (PROTOCOL.md §19.1).
 */
import { hash } from "node:crypto";
import { type HoldpointErrorCode, isHoldpointError } from "../core/errors.ts";
import { canonicalJson, type JsonObject, type JsonValue, toJson, toJsonObject } from "../core/json.ts";
import { EffectLedgerValidationError } from "./errors.ts";
import type { ResourceDescriptor, ToolCall } from "./types.ts";

export const DEFAULT_MAX_ARGS_SIZE_BYTES: number = 1024 * 1024;
const MAX_DEPTH = 64;
/** From here on ECMAScript writes an exponent: no reader takes the number for an integer. */
const EXPONENT_FROM = 1e21;

/**
 * RFC 8785 of a JSON value.
 *
 * @throws EffectLedgerValidationError for what is not JSON; 1 MiB and 64 levels are the limits
 */
export function canonicalize(value: unknown): string {
  return canonicalJson(checked("value", () => toJson(value, "value", limits(DEFAULT_MAX_ARGS_SIZE_BYTES))));
}

function limits(maxBytes: number): { maxBytes: number; maxDepth: number } {
  return { maxBytes, maxDepth: MAX_DEPTH };
}

function checked<T>(field: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    if (!isHoldpointError(cause)) throw cause;
    throw new EffectLedgerValidationError(field, cause.message, cause.code, {
      cause,
      details: cause.details,
    });
  }
}

export function invalid(
  field: string,
  message: string,
  code?: HoldpointErrorCode,
): EffectLedgerValidationError {
  return new EffectLedgerValidationError(field, `${field} ${message}`, code);
}

/**
 * The arguments as plain JSON, a copy of the caller's.
 *
 * @throws EffectLedgerValidationError with the field `args`: not an object, not JSON, integers beyond ±(2^53 − 1), lone
 * surrogates, or a canonical form of more than `maxArgsSizeBytes` bytes
 */
export function validateArgs(
  args: unknown,
  maxArgsSizeBytes: number = DEFAULT_MAX_ARGS_SIZE_BYTES,
): JsonObject {
  return jsonObject("args", args, maxArgsSizeBytes);
}

function jsonObject(field: string, value: unknown, maxBytes: number): JsonObject {
  const clean = checked(field, () => toJsonObject(value, field, limits(maxBytes)));
  assertExactIntegers(clean, field);
  return clean;
}

/** An integer that doubles cannot hold would be another one when it is read, and its key that of another call. */
function assertExactIntegers(value: JsonValue, field: string): void {
  if (typeof value === "number") {
    if (Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < EXPONENT_FROM)
      throw invalid(field, `holds the integer ${value}, which is beyond ±(2^53 − 1); pass it as a string.`);
  } else if (Array.isArray(value)) for (const item of value) assertExactIntegers(item, field);
  else if (typeof value === "object" && value !== null)
    for (const key of Object.keys(value)) assertExactIntegers(value[key] as JsonValue, field);
}

function text(field: string, value: unknown): string {
  if (typeof value === "string" && value.length > 0 && value.isWellFormed()) return value;
  throw invalid(field, "has to be a string that is not empty, without lone surrogates.");
}

/** The id of the resource, checked, as plain JSON. */
export function resourceIdOf(resource: ResourceDescriptor): JsonObject {
  if (typeof resource !== "object" || resource === null)
    throw invalid("resource", "has to be { namespace, type, id }.");
  text("resource.namespace", resource.namespace);
  text("resource.type", resource.type);
  const id = jsonObject("resource.id", resource.id, DEFAULT_MAX_ARGS_SIZE_BYTES);
  if (Object.keys(id).length === 0) throw invalid("resource.id", "has to name the resource.");
  return id;
}

/**
 * `namespace/type/` and the canonical id.
 *
 * @throws EffectLedgerValidationError with the field of the resource that is wrong
 */
export function resourceIdCanonical(resource: ResourceDescriptor): string {
  return `${resource.namespace}/${resource.type}/${canonicalJson(resourceIdOf(resource))}`;
}

/** The key of a call whose arguments are {@link validateArgs checked}. */
export function keyOf(
  { workflow_id, tool, resource, idempotency_keys }: ToolCall,
  args: JsonObject,
  args_canonical: string = canonicalJson(args),
): string {
  let part: string;
  if (resource) part = resourceIdCanonical(resource);
  else if (idempotency_keys && idempotency_keys.length > 0) {
    const named = idempotency_keys.filter((name) => Object.hasOwn(args, name));
    part = canonicalJson(Object.fromEntries(named.map((name) => [name, args[name] as JsonValue])));
  } else part = args_canonical;
  return hash("sha256", `${workflow_id}|${tool}|${part}`, "hex");
}

/**
 * The key that `run` and `begin` will find the call under: 64 hex digits.
 *
 * @throws EffectLedgerValidationError
 *
 * @example
 * ```ts
 * import { computeIdemKey } from "holdpoint/ledger";
 *
 * const args = { amount: 1000, currency: "usd" };
 * console.log(computeIdemKey({ workflow_id: "order-123", tool: "stripe.charge", args }));
 * ```
 */
export function computeIdemKey(call: ToolCall): string {
  text("workflow_id", call.workflow_id);
  text("tool", call.tool);
  return keyOf(call, validateArgs(call.args));
}
