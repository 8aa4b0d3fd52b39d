/** Results as they are kept: plain JSON, within the limits of records. */
import { isHoldpointError } from "../core/errors.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import { EffectLedgerValidationError } from "./errors.ts";

/** How the error of a call begins whose handler ended with what cannot be kept. */
export const NOT_KEPT = "The call has run, and does not run again, but its result cannot be kept: ";

/**
 * What every caller gets, the first one too. `undefined` becomes null: JSON does not know it.
 *
 * @throws EffectLedgerValidationError with the field `result`
 */
export function keptResult(result: unknown, tool: string): JsonValue {
  try {
    return toJson(result === undefined ? null : result, `the result of ${tool}`);
  } catch (cause) {
    if (!isHoldpointError(cause)) throw cause;
    throw new EffectLedgerValidationError("result", cause.message, cause.code, {
      cause,
      details: cause.details,
    });
  }
}
