/** The steps of a call behind the ledger, each an effect of its own: a crash in the middle of one leaves that one in doubt. */
import type { JsonValue } from "../../core/json.ts";
import { GIVEN_UP } from "../../ledger/effect-store.ts";
import { isEffectFailedError } from "../../ledger/errors.ts";
import { withHost } from "../../ledger/host.ts";
import type { EffectLedger } from "../../ledger/ledger.ts";
import type { EffectDefaults } from "../../ledger/options.ts";
import type { Effect, ToolCall as EffectCall } from "../../ledger/types.ts";
import type { CallEffects } from "../../suspend/call-effects.ts";
import type { StepResult } from "../../suspend/call-record.ts";
import type { StepEffects } from "../../suspend/call-steps.ts";
import { effectCallOfStep } from "./effect-call.ts";
import { replayedError } from "./replayed.ts";
import { ThreadQuestions } from "./thread-questions.ts";

/** Tells what a step gave from what a human says of it. */
const KIND = "step";

/**
 * @param call - of which they are steps
 * @returns null where no call keeps track of steps
 */
export function stepEffects(
  ledger: EffectLedger,
  call: EffectCall,
  { concurrency, inDoubt, leaseMs, retry, retry_failed }: EffectDefaults,
  effects: CallEffects | undefined,
  signal: AbortSignal | undefined,
): ((idem_key: string) => StepEffects) | null {
  if (!effects) return null;
  const options = {
    concurrency,
    inDoubt,
    leaseMs,
    signal,
    // An approval is for the call as a whole. If that may fail and run again, so may its steps.
    requires_approval: false,
    hooks: { requiresApproval: (): boolean => false },
    retry: null,
    retry_failed: retry_failed === true || (retry ?? null) !== null,
  };
  return (idem_key) => async (name, occurrence, work) => {
    let replayed: Effect | undefined;
    const host = {
      entered: (): void => {},
      replayed: (effect: Effect): void => void (replayed = effect),
      questions: new ThreadQuestions(effects, name),
    };
    try {
      const result = await ledger.run(
        effectCallOfStep(call, idem_key, name, occurrence),
        async ({ effect, fence }) => {
          const kept = await unlessAborted(work({ fence, idempotency_key: effect.idem_key }), signal);
          return { kind: KIND, ...kept };
        },
        withHost(options, host),
      );
      return resultOf(result);
    } catch (error) {
      if (!replayed || !isEffectFailedError(error)) throw error;
      const { effect_error, effect_code } = error;
      if (effect_code !== GIVEN_UP.code) throw replayedError(effect_error, undefined);
      // An error of the tool as any other: the code would say that the call itself was given up.
      throw replayedError({ message: `step "${name}": ${effect_error.message}` }, undefined);
    }
  };
}

/** A step whose run was stopped may be at work still: its lease is not renewed, and it is in doubt then (P6). */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let stop = (): void => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function resultOf(result: JsonValue): StepResult {
  const { kind, ...kept } = (typeof result === "object" && result !== null ? result : {}) as {
    kind?: unknown;
  } & StepResult;
  return kind === KIND ? kept : { value: result };
}
