/**
 * One base class, stable codes, and predicates that work across two copies of the package.
 *
 * @module
 */

/** Every code that holdpoint throws. A code never changes its meaning; messages may. */
export const ERROR_CODES = [
  "ERR_HITL_INVALID_INPUT",
  "ERR_HITL_NOT_JSON",
  "ERR_HITL_TOO_LARGE",
  "ERR_HITL_TOO_DEEP",
  "ERR_HITL_SCHEMA_VERSION",
  "ERR_HITL_CONFLICT",
  "ERR_HITL_NOT_FOUND",
  "ERR_HITL_FORBIDDEN",
  "ERR_HITL_AMBIGUOUS_ID",
  "ERR_HITL_CROSS_SLOT",
  "ERR_HITL_CURSOR",
  "ERR_HITL_STORE",
  "ERR_HITL_STORE_SCHEMA",
  "ERR_HITL_INDETERMINATE",
  "ERR_HITL_CLOSED",
  "ERR_HITL_MISSING_PEER",
  "ERR_HITL_EXPIRED",
  "ERR_HITL_CANCELLED",
  "ERR_HITL_PERMISSION_DENIED",
  "ERR_HITL_TIMEOUT",
  "ERR_HITL_ABORTED",
  "ERR_HITL_NO_BACKEND",
  "ERR_HITL_NO_CALL_IDENTITY",
  "ERR_HITL_NO_CHECKPOINTER",
  "ERR_HITL_NO_THREAD",
  "ERR_HITL_DURABILITY",
  "ERR_HITL_CACHE_POLICY",
  "ERR_HITL_SUBGRAPH_CHECKPOINTER",
  "ERR_HITL_CHECKPOINT_NOT_SAVED",
  "ERR_HITL_DUPLICATE_KEY",
  "ERR_HITL_UNSTABLE_QUESTION",
  "ERR_HITL_UNRECORDED_SUSPEND",
  "ERR_HITL_PAUSE_SWALLOWED",
  "ERR_HITL_STEP",
  "ERR_HITL_LEASE_LOST",
  "ERR_HITL_EFFECT_DENIED",
  "ERR_HITL_EFFECT_FAILED",
  "ERR_HITL_EFFECT_INVARIANT",
] as const;

export type HoldpointErrorCode = (typeof ERROR_CODES)[number];

const BRAND: unique symbol = Symbol.for("holdpoint.error") as never;

export interface HoldpointErrorOptions {
  readonly cause?: unknown;
  /** Machine-readable context: ids, limits, paths. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Base of all errors of the package. Test it with {@link isHoldpointError}, not with `instanceof`:
 * an application may hold two copies of the package.
 *
 * @example
 * ```ts
 * import { isHoldpointError } from "holdpoint";
 *
 * export function isClosed(error: unknown): boolean {
 *   return isHoldpointError(error, "ERR_HITL_CLOSED");
 * }
 * ```
 */
export class HoldpointError extends Error {
  override readonly name: string = "HoldpointError";
  readonly code: HoldpointErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: HoldpointErrorCode, message: string, options: HoldpointErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** The asked question's deadline passed before a human answered (P8: never treated as approved). */
export class HITLExpiredError extends HoldpointError {
  override readonly name: string = "HITLExpiredError";
  readonly hitl_id: string;

  constructor(hitl_id: string, options: HoldpointErrorOptions = {}) {
    super("ERR_HITL_EXPIRED", `HITL request ${hitl_id} expired before it was answered.`, {
      ...options,
      details: { hitl_id, ...options.details },
    });
    this.hitl_id = hitl_id;
  }
}

/** The asked question was cancelled; `reason` says why (`superseded` for an orphaned one). */
export class HITLCancelledError extends HoldpointError {
  override readonly name: string = "HITLCancelledError";
  readonly hitl_id: string;
  readonly reason: string;

  constructor(hitl_id: string, reason = "cancelled", options: HoldpointErrorOptions = {}) {
    super("ERR_HITL_CANCELLED", `HITL request ${hitl_id} was cancelled: ${reason}.`, {
      ...options,
      details: { hitl_id, reason, ...options.details },
    });
    this.hitl_id = hitl_id;
    this.reason = reason;
  }
}

/** True for an error of any copy of holdpoint; with `code`, only for that one. */
export function isHoldpointError(error: unknown, code?: HoldpointErrorCode): error is HoldpointError {
  return (
    typeof error === "object" &&
    error !== null &&
    (error as Record<symbol, unknown>)[BRAND] === true &&
    (code === undefined || (error as HoldpointError).code === code)
  );
}

export function isHITLExpiredError(error: unknown): error is HITLExpiredError {
  return isHoldpointError(error, "ERR_HITL_EXPIRED");
}

export function isHITLCancelledError(error: unknown): error is HITLCancelledError {
  return isHoldpointError(error, "ERR_HITL_CANCELLED");
}
