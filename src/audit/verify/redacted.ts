/** What stands where something was redacted, and what can be proved of it. */
import { HoldpointError } from "../../core/errors.ts";
import { type JsonValue, toJson } from "../../core/json.ts";
import { saltedDigest } from "./digest.ts";

/** In place of a value; a reason is a text, and becomes `redacted:<hash>`. HMAC-SHA-256 with the salt, in hex. */
export interface Redacted {
  readonly redacted: string;
}

export const REDACTED_PREFIX = "redacted:";
const HASH = /^[0-9a-f]{64}$/;
const SALT_LENGTH = { min: 16, max: 1024 };
/** A redacted part may be as large as a record of any kind. */
export const PART_LIMITS = { maxBytes: 32 * 1024 * 1024, maxDepth: 256 };

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkSalt(salt: unknown): string {
  const fits =
    typeof salt === "string" &&
    salt.isWellFormed() &&
    salt.length >= SALT_LENGTH.min &&
    salt.length <= SALT_LENGTH.max;
  if (fits) return salt;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `The salt has to be a text of ${SALT_LENGTH.min} to ${SALT_LENGTH.max} characters.`,
  );
}

/** The salted hash in a redacted value, or null if it is none. */
export function redactedHash(value: unknown): string | null {
  let hash: unknown;
  if (typeof value === "string" && value.startsWith(REDACTED_PREFIX))
    hash = value.slice(REDACTED_PREFIX.length);
  else if (typeof value === "object" && value !== null && Object.keys(value).join() === "redacted")
    hash = (value as Redacted).redacted;
  return typeof hash === "string" && HASH.test(hash) ? hash : null;
}

/**
 * Whether `candidate` is what was redacted with this salt. Two redacted values of one salt are equal if their hashes are.
 *
 * @param value - what stands in the trail: `{ redacted: "…" }`, or `"redacted:…"` of a reason
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if `value` is not redacted or the salt cannot be one;
 * `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_LARGE`, `ERR_HITL_TOO_DEEP` for the candidate
 *
 * @example
 * ```ts
 * import { isRedacted } from "holdpoint/audit/verify";
 *
 * export function wasThisCard(redacted: unknown, card: string, salt: string): Promise<boolean> {
 *   return isRedacted(redacted, card, salt);
 * }
 * ```
 */
export async function isRedacted(value: unknown, candidate: unknown, salt: string): Promise<boolean> {
  const hash = redactedHash(value);
  if (hash === null)
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "The value is not one that the audit trail redacted.");
  const json: JsonValue = toJson(candidate, "candidate", PART_LIMITS);
  return (await saltedDigest(json, checkSalt(salt))) === hash;
}
