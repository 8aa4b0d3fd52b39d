/**
 * What the ledger throws. Every class is a `HoldpointError` with a stable code; test with the predicates, which work across
 * two copies of the package.
 */
import { HoldpointError, type HoldpointErrorCode, isHoldpointError } from "../core/errors.ts";
import type { EffectError } from "./types.ts";

interface Options {
  readonly cause?: unknown;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Base of the ledger's errors. */
export class EffectLedgerError extends HoldpointError {
  override readonly name: string = "EffectLedgerError";
}

/** Bad input; nothing was written. Its code is that of what is wrong: `ERR_HITL_INVALID_INPUT`, `ERR_HITL_NOT_JSON` … */
export class EffectLedgerValidationError extends EffectLedgerError {
  override readonly name: string = "EffectLedgerValidationError";
  /** The field of the call, or the option. */
  readonly field: string;

  constructor(
    field: string,
    message: string,
    code: HoldpointErrorCode = "ERR_HITL_INVALID_INPUT",
    options: Options = {},
  ) {
    super(code, message, { ...options, details: { ...options.details, field } });
    this.field = field;
  }
}

/** `ERR_HITL_EFFECT_INVARIANT`: what cannot be, is. A bug, or the store has lost or changed a record. */
export class EffectLedgerInvariantError extends EffectLedgerError {
  override readonly name: string = "EffectLedgerInvariantError";

  constructor(message: string, details: Readonly<Record<string, unknown>> = {}) {
    super("ERR_HITL_EFFECT_INVARIANT", message, { details });
  }
}

export interface EffectStoreErrorContext {
  /** What the ledger was doing: `begin`, `commit`, `claim` … */
  readonly operation: string;
  readonly idem_key?: string | undefined;
  readonly effect_id?: string | undefined;
}

/**
 * The store failed; `cause` is its error. The code is the store's: `ERR_HITL_STORE` (nothing was done),
 * `ERR_HITL_INDETERMINATE` (it may have been done), `ERR_HITL_CLOSED`.
 */
export class EffectStoreError extends EffectLedgerError {
  override readonly name: string = "EffectStoreError";
  readonly operation: string;
  readonly idem_key: string | undefined;
  readonly effect_id: string | undefined;

  constructor(context: EffectStoreErrorContext, cause: unknown) {
    const { operation, idem_key, effect_id } = context;
    const named = Object.entries({ operation, idem_key, effect_id }).filter(
      ([, value]) => value !== undefined,
    );
    const text = named.map(([name, value]) => `${name}: ${value}`).join(", ");
    const { message, code, details } = storeFault(cause);
    super(code, `${message} (${text})`, { cause, details: { ...details, ...Object.fromEntries(named) } });
    this.operation = operation;
    this.idem_key = idem_key;
    this.effect_id = effect_id;
  }
}

function storeFault(cause: unknown): Pick<HoldpointError, "message" | "code" | "details"> {
  if (isHoldpointError(cause)) return cause;
  const { message } = cause as { message?: unknown };
  return {
    message: typeof message === "string" ? message : String(cause),
    code: "ERR_HITL_STORE",
    details: {},
  };
}

/** `ERR_HITL_EFFECT_DENIED`: a human said no, or the effect was canceled. The handler was not called. */
export class EffectDeniedError extends EffectLedgerError {
  override readonly name: string = "EffectDeniedError";
  readonly idem_key: string;
  readonly reason: string | null;
  readonly status: "denied" | "canceled";

  constructor(idem_key: string, reason: string | null, status: "denied" | "canceled" = "denied") {
    super("ERR_HITL_EFFECT_DENIED", reason ?? `Effect ${idem_key} was ${status}`, {
      details: { idem_key, reason, status },
    });
    this.idem_key = idem_key;
    this.reason = reason;
    this.status = status;
  }
}

/** `ERR_HITL_TIMEOUT`: waited long enough. What was waited for goes on, and a question stays open. */
export class EffectTimeoutError extends EffectLedgerError {
  override readonly name: string = "EffectTimeoutError";
  readonly idem_key: string;
  readonly timeout_ms: number;
  /** The question that is open; null if another worker runs the call. */
  readonly hitl_id: string | null;

  constructor(idem_key: string, timeout_ms: number, hitl_id: string | null = null) {
    const what = hitl_id === null ? "another worker runs it" : `the question ${hitl_id} is open`;
    super(
      "ERR_HITL_TIMEOUT",
      `Effect ${idem_key} did not come to its end within ${timeout_ms} ms: ${what}.`,
      {
        details: { idem_key, timeout_ms, hitl_id },
      },
    );
    this.idem_key = idem_key;
    this.timeout_ms = timeout_ms;
    this.hitl_id = hitl_id;
  }
}

/** `ERR_HITL_EFFECT_FAILED`: the call has failed before, and is not run again. */
export class EffectFailedError extends EffectLedgerError {
  override readonly name: string = "EffectFailedError";
  readonly idem_key: string;
  readonly effect_error: EffectError;
  /** The code of the handler's own error, as recorded; `code` is always the ledger's. */
  readonly effect_code: string | null;

  constructor(idem_key: string, effect_error: EffectError | null) {
    super("ERR_HITL_EFFECT_FAILED", effect_error?.message ?? "Effect failed", {
      details: { idem_key, effect_code: effect_error?.code ?? null },
    });
    this.idem_key = idem_key;
    this.effect_error = effect_error ?? { message: "Effect failed" };
    this.effect_code = effect_error?.code ?? null;
  }
}

function isNamed(error: unknown, name: string): boolean {
  return isHoldpointError(error) && error.name === name;
}

export function isEffectLedgerValidationError(error: unknown): error is EffectLedgerValidationError {
  return isNamed(error, "EffectLedgerValidationError");
}

export function isEffectLedgerInvariantError(error: unknown): error is EffectLedgerInvariantError {
  return isNamed(error, "EffectLedgerInvariantError");
}

export function isEffectStoreError(error: unknown): error is EffectStoreError {
  return isNamed(error, "EffectStoreError");
}

export function isEffectDeniedError(error: unknown): error is EffectDeniedError {
  return isNamed(error, "EffectDeniedError");
}

export function isEffectTimeoutError(error: unknown): error is EffectTimeoutError {
  return isNamed(error, "EffectTimeoutError");
}

export function isEffectFailedError(error: unknown): error is EffectFailedError {
  return isNamed(error, "EffectFailedError");
}
