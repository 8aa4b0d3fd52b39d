/** A claimed effect and its handler: signs of life while it runs, one guarded write when it has ended (P6, P9). */
import { Heartbeat } from "../backends/lease-claim.ts";
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import { isHoldpointError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";
import { type EffectEntry, vanished } from "./effect-entry.ts";
import { effectValueOf, isTerminalStatus, statusOf, toEffect } from "./effect-record.ts";
import { attemptFailedOp, type Outcome, outcomeOp, releasedOp } from "./effect-writes.ts";
import {
  EffectDeniedError,
  EffectFailedError,
  EffectLedgerError,
  isEffectLedgerValidationError,
} from "./errors.ts";
import { keepEvidence } from "./evidence.ts";
import { effectErrorOf, isNoOutcome, redactedError } from "./handler-errors.ts";
import { retryDelayMs } from "./options.ts";
import { keptResult, NOT_KEPT } from "./results.ts";
import type { EffectError, EffectHandler } from "./types.ts";

/** A write of an outcome that is not confirmed is sent again: what was done must not be forgotten. */
const WRITES = 4;
const FIRST_PAUSE_MS = 25;

/** The recorded outcome, whoever it is of. @throws EffectFailedError, EffectDeniedError */
export function outcomeOf(stored: StoredRecord): JsonValue {
  const { idem_key, result, error } = effectValueOf(stored);
  const status = statusOf(stored);
  if (status === "succeeded") return result;
  if (status === "failed") throw new EffectFailedError(idem_key, error);
  throw new EffectDeniedError(
    idem_key,
    error?.message ?? null,
    status === "canceled" ? "canceled" : "denied",
  );
}

export async function execute(
  entry: EffectEntry,
  claimed: StoredRecord,
  handler: EffectHandler<unknown>,
): Promise<JsonValue> {
  const { effects, settings } = entry;
  const lost = new AbortController();
  // Nobody sees the lease before the commit, and a beat would come in between the caller's own statements.
  const beat = effects.isTransaction
    ? null
    : new Heartbeat(effects.backend.store, claimed, settings.leaseMs, () => lost.abort(leaseLost(claimed)));
  const signal = settings.signal ? AbortSignal.any([settings.signal, lost.signal]) : lost.signal;
  const execution = new Execution(entry, signal);
  try {
    return await execution.run(claimed, handler);
  } finally {
    beat?.stop();
  }
}

interface Sent {
  readonly done: boolean;
  readonly stored: StoredRecord | null;
  /** An earlier one may have been done without an answer. */
  readonly resent: boolean;
}

class Execution {
  readonly #entry: EffectEntry;
  readonly #signal: AbortSignal;

  constructor(entry: EffectEntry, signal: AbortSignal) {
    this.#entry = entry;
    this.#signal = signal;
  }

  async run(claimed: StoredRecord, handler: EffectHandler<unknown>): Promise<JsonValue> {
    let held = claimed;
    for (;;) {
      let output: unknown;
      try {
        const effect = toEffect(held);
        output = await handler({
          effect,
          signal: this.#signal,
          fence: effect.fence,
          attempt: effect.attempt,
        });
      } catch (error) {
        const next = await this.#caught(held, error);
        if (!next) throw error;
        if (isTerminalStatus(next.status)) return outcomeOf(next);
        held = next;
        continue;
      }
      return this.#succeeded(held, output);
    }
  }

  async #succeeded(held: StoredRecord, output: unknown): Promise<JsonValue> {
    let result: JsonValue;
    try {
      result = keptResult(output, effectValueOf(held).tool);
    } catch (error) {
      if (!isEffectLedgerValidationError(error) || this.#entry.effects.isTransaction) throw error;
      const message = `${NOT_KEPT}${error.message}`;
      await this.#write(held, { status: "failed", error: { message, code: error.code }, has_run: true });
      throw error;
    }
    const winner = await this.#write(held, { status: "succeeded", result });
    return winner ? outcomeOf(winner) : result;
  }

  /** The record for another attempt, or of somebody else's outcome; null: the error is to be thrown. */
  async #caught(held: StoredRecord, thrown: unknown): Promise<StoredRecord | null> {
    const { settings, observer, prepared } = this.#entry;
    const { attempt } = effectValueOf(held);
    // A handler that was told to stop may be at work still: its lease runs out, and the call is in doubt (P6).
    // In a transaction it is the caller who undoes what it did, and with it the call.
    if (settings.signal?.aborted || this.#entry.effects.isTransaction) return null;
    if (isNoOutcome(thrown)) {
      await this.#sent(releasedOp(held, effectErrorOf(thrown).message));
      return null;
    }
    observer.tell({ type: "effect.handler_error", level: "error", error: thrown, attempt });
    const { workflow_id, tool } = prepared.call;
    const onError = (error: unknown): void =>
      observer.tell({ type: "effect.hook_error", level: "error", hook: "redact", error });
    const error = redactedError(effectErrorOf(thrown), settings.hooks.redact, { workflow_id, tool }, onError);
    const again = await this.#again(held, error, attempt);
    if (again) return again;
    return this.#write(held, { status: "failed", error }, thrown);
  }

  async #again(held: StoredRecord, error: EffectError, attempt: number): Promise<StoredRecord | null> {
    const { retry } = this.#entry.settings;
    if (!retry || attempt >= retry.attempts || this.#signal.aborted) return null;
    if (retry.retryable_codes && !retry.retryable_codes.includes(error.code ?? "")) return null;
    const { done, stored, resent } = await this.#sent(attemptFailedOp(held, error));
    const isOurs = resent && stored?.fence === held.fence && stored.status === "processing";
    if (!stored || !(done || (isOurs && effectValueOf(stored).attempt === attempt + 1))) return null;
    await pause(retryDelayMs(retry, attempt), this.#signal);
    return this.#signal.aborted ? null : stored;
  }

  /**
   * Writes the outcome under the fence.
   *
   * @returns null if it is the outcome now, or the record of the winner if there is another one
   * @throws EffectLedgerError `ERR_HITL_LEASE_LOST` if nobody knows what becomes of the call; what came is kept as evidence
   */
  async #write(held: StoredRecord, outcome: Outcome, cause?: unknown): Promise<StoredRecord | null> {
    const { effects, observer } = this.#entry;
    const { done, stored, resent } = await this.#sent(outcomeOp(held, outcome, effects.writing));
    const { attempt } = effectValueOf(held);
    const level = done ? "info" : "warning";
    observer.tell({ type: "effect.transition", level, from: "processing", to: outcome.status, attempt });
    if (done) return null;
    if (!stored) throw vanished(this.#entry.prepared.idem_key);
    const isTerminal = isTerminalStatus(stored.status);
    // A write that was sent again finds what it has done itself.
    const isOwn = resent && isTerminal && stored.fence === held.fence;
    if (!isOwn) await keepEvidence(effects, this.#entry.context("commit"), held.fence, stored, outcome);
    if (isTerminal) return isOwn && outcome.status === "failed" ? null : stored;
    throw leaseLost(held, cause);
  }

  /** Sends a write of the holder's until the store says what became of it: the fence makes it happen once. */
  async #sent(operation: StoreOp): Promise<Sent> {
    const { effects } = this.#entry;
    for (let write = 1; ; write += 1) {
      try {
        const moved = await effects.move(this.#entry.context("commit"), operation);
        return { ...moved, resent: write > 1 };
      } catch (error) {
        // A transaction is over after an error.
        if (write === WRITES || effects.isTransaction || isHoldpointError(error, "ERR_HITL_CLOSED"))
          throw error;
        await pause(FIRST_PAUSE_MS * 2 ** (write - 1));
      }
    }
  }
}

function leaseLost({ id, fence, value }: StoredRecord, cause?: unknown): EffectLedgerError {
  const { tool, idem_key } = value as { tool?: unknown; idem_key?: unknown };
  return new EffectLedgerError(
    "ERR_HITL_LEASE_LOST",
    `The lease of the call of ${String(tool)} was lost: what its handler brings is kept as evidence, and is not its outcome.`,
    { details: { effect_id: id, idem_key, fence }, ...(cause === undefined ? {} : { cause }) },
  );
}

function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}
