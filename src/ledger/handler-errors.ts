/** What a handler throws: which errors are an outcome, and what of one is kept. */
import { isBubbleUp } from "../suspend/errors.ts";
import { isHITLSuspend } from "../suspend/suspend-signal.ts";
import { isEffectDeniedError, isEffectFailedError, isEffectTimeoutError } from "./errors.ts";
import type { EffectError, Redact } from "./types.ts";

const MAX_MESSAGE = 4096;
const MAX_CODE = 255;

/**
 * A nested effect that failed, was denied or waits says nothing of this one, nor does the host's control flow: the call
 * may be made again.
 */
export function isNoOutcome(error: unknown): boolean {
  return (
    isEffectFailedError(error) ||
    isEffectDeniedError(error) ||
    isEffectTimeoutError(error) ||
    isBubbleUp(error) ||
    isHITLSuspend(error)
  );
}

function short(text: string, max: number): string {
  return text.slice(0, max).toWellFormed();
}

/** The message, the code and the class of any value that was thrown. */
export function effectErrorOf(thrown: unknown): EffectError {
  try {
    const { message, code, name } = (typeof thrown === "object" && thrown !== null ? thrown : {}) as {
      message?: unknown;
      code?: unknown;
      name?: unknown;
    };
    return {
      message: short(typeof message === "string" ? message : String(thrown), MAX_MESSAGE),
      code: typeof code === "string" || typeof code === "number" ? short(String(code), MAX_CODE) : null,
      ...(typeof name === "string" && name !== "Error" ? { name: short(name, MAX_CODE) } : {}),
    };
  } catch {
    return { message: "The handler threw what cannot be read.", code: null };
  }
}

/** Never the error itself if it could not be redacted. */
export function redactedError(
  error: EffectError,
  redact: Redact | undefined,
  context: { readonly workflow_id: string; readonly tool: string },
  onError: (error: unknown) => void,
): EffectError {
  if (!redact) return error;
  const { message, code = null } = error;
  try {
    const safe = redact({ message, code }, { ...context, what: "error" });
    return effectErrorOf(safe);
  } catch (failure) {
    onError(failure);
    return { message: "The handler failed; its error could not be redacted.", code: null };
  }
}
