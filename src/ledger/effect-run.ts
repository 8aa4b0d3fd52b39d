/** One `run` of a call: find out what became of it, wait, decide, and run its handler if it is this caller's to run. */
import { mayHaveRunOut } from "../backends/lease-claim.ts";
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { JsonValue } from "../core/json.ts";
import type { EffectStatus } from "../core/states.ts";
import type { EffectEntry } from "./effect-entry.ts";
import { vanished } from "./effect-entry.ts";
import { effectValueOf, statusOf, toEffect } from "./effect-record.ts";
import { GIVEN_UP, type Met, openQuestionOf } from "./effect-store.ts";
import { askDoubtOp, inDoubtOp, type Outcome, readyOp, resolvedOp } from "./effect-writes.ts";
import {
  EffectDeniedError,
  EffectFailedError,
  EffectLedgerInvariantError,
  EffectTimeoutError,
} from "./errors.ts";
import { execute } from "./execute.ts";
import { effectErrorOf } from "./handler-errors.ts";
import { doubtQuestion, withdrawOps } from "./questions.ts";
import { keptResult } from "./results.ts";
import type { EffectHandler, Verification } from "./types.ts";
import { Waiter } from "./waiter.ts";

/** Lost claims and re-reads that led to nothing: more means that the store misbehaves. */
const MAX_IDLE_TURNS = 1000;

export class EffectRun {
  readonly #entry: EffectEntry;
  readonly #handler: EffectHandler<unknown>;
  readonly #waiter: Waiter;
  #seen = { version: 0, since: 0 };

  constructor(entry: EffectEntry, handler: EffectHandler<unknown>) {
    this.#entry = entry;
    this.#handler = handler;
    const { effects, settings } = entry;
    this.#waiter = new Waiter(effects.backend.store, settings.concurrency, settings.signal);
  }

  async run(): Promise<JsonValue> {
    try {
      const { stored, isFresh } = await this.#entry.enter();
      if (isFresh && stored.status === "processing") return await execute(this.#entry, stored, this.#handler);
      return await this.#follow(stored);
    } finally {
      await this.#waiter.close();
    }
  }

  get #key(): string {
    return this.#entry.prepared.idem_key;
  }

  async #follow(found: StoredRecord): Promise<JsonValue> {
    const { effects } = this.#entry;
    let stored = found;
    for (let turn = 0; turn < MAX_IDLE_TURNS; turn += 1) {
      const met = await effects.met(this.#entry.context("settle"), stored);
      stored = met.stored;
      const status = statusOf(stored);
      switch (status) {
        case "succeeded":
          this.#replayed(stored);
          return effectValueOf(stored).result;
        case "failed":
          if (!this.#isRetried(stored)) {
            this.#replayed(stored);
            throw new EffectFailedError(this.#key, effectValueOf(stored).error);
          }
          stored = await this.#move(stored, readyOp(stored, "retried", {}, effects.writing), "ready");
          break;
        case "denied":
        case "canceled":
          this.#replayed(stored);
          throw new EffectDeniedError(this.#key, effectValueOf(stored).error?.message ?? null, status);
        case "ready": {
          const taken = await this.#entry.claim(stored);
          if (taken.claimed) return execute(this.#entry, taken.stored, this.#handler);
          stored = taken.stored;
          break;
        }
        case "processing":
          stored = await this.#waitForWorker(stored);
          turn = 0;
          break;
        case "requires_approval":
          stored = await this.#waitForHuman(met);
          turn = 0;
          break;
        case "in_doubt": {
          const next = await this.#decide(met);
          if (next.version === stored.version) turn = 0;
          stored = next;
        }
      }
    }
    throw new EffectLedgerInvariantError(
      `Effect ${this.#key} changed ${MAX_IDLE_TURNS} times without an end.`,
      {
        idem_key: this.#key,
      },
    );
  }

  #replayed(stored: StoredRecord): void {
    this.#entry.settings.host?.replayed(toEffect(stored));
  }

  /** A retry policy counts every attempt that there was, in whatever process. */
  #isRetried(stored: StoredRecord): boolean {
    const { attempt, has_run, error } = effectValueOf(stored);
    const { retry_failed, retry } = this.#entry.settings;
    if (has_run) return false;
    if (retry_failed) return true;
    const codes = retry?.retryable_codes;
    return retry !== null && attempt < retry.attempts && (!codes || codes.includes(error?.code ?? ""));
  }

  async #move(stored: StoredRecord, operation: StoreOp, to: EffectStatus): Promise<StoredRecord> {
    const { effects, observer } = this.#entry;
    const moved = await effects.move(this.#entry.context("transition"), operation);
    if (!moved.stored) throw vanished(this.#key);
    const level = moved.done ? "info" : "warning";
    const { attempt } = effectValueOf(stored);
    observer.tell({ type: "effect.transition", level, from: statusOf(stored), to, attempt });
    return moved.stored;
  }

  // ── waiting ──────────────────────────────────────────────────────────────────────────────────────────────

  async #waitForWorker(stored: StoredRecord): Promise<StoredRecord> {
    const { effects, settings } = this.#entry;
    if (this.#hasSeenALeaseOf(stored)) {
      const moved = await effects.move(this.#entry.context("settle"), inDoubtOp(stored));
      if (moved.done && moved.stored) return moved.stored;
    }
    const now = effects.backend.now();
    // By our clock it may be over, by the store's it is not: `settled` has just asked.
    const untilMs = stored.lease && !mayHaveRunOut(stored, now) ? stored.lease.expires_at - now : 0;
    return this.#wait(stored, settings.concurrency.waitTimeoutMs, untilMs);
  }

  /** The holder has not been heard of for as long as his lease lasts, whatever a clock says that is set back. */
  #hasSeenALeaseOf({ version, lease, updated_at }: StoredRecord): boolean {
    const now = performance.now();
    if (this.#seen.version !== version) this.#seen = { version, since: now };
    return lease !== null && now - this.#seen.since > lease.expires_at - updated_at;
  }

  async #waitForHuman({ stored, question }: Met): Promise<StoredRecord> {
    // P8: one that was removed before anybody took its answer up allows nothing.
    if (!question) return this.#entry.ask(stored);
    if (this.#isElsewhere(question)) return this.#entry.ask(stored, undefined, question);
    return this.#waitForAnswer(stored, question);
  }

  #isElsewhere(question: StoredRecord): boolean {
    return this.#entry.settings.host?.questions?.isElsewhere(question) === true;
  }

  /** A host suspends its call; anybody else waits, as long as he has said. */
  async #waitForAnswer(stored: StoredRecord, question: StoredRecord): Promise<StoredRecord> {
    const { effects, settings } = this.#entry;
    const host = settings.host?.questions;
    if (!host) {
      const untilMs = untilOf(question, effects.backend.now());
      return this.#wait(stored, settings.concurrency.approvalTimeoutMs, untilMs);
    }
    await host.wait(question.id);
    return this.#read(stored);
  }

  async #wait(stored: StoredRecord, timeoutMs: number | null, untilMs?: number): Promise<StoredRecord> {
    const { effects, observer } = this.#entry;
    const value = effectValueOf(stored);
    const hitl_id = openQuestionOf(stored.status, value);
    const ids = hitl_id === null ? [stored.id] : [stored.id, hitl_id];
    const phase = hitl_id ?? "worker";
    // Who holds a transaction open holds up others, and would not see what they do.
    if (effects.isTransaction || !(await this.#waiter.next(phase, ids, timeoutMs, untilMs))) {
      const timeout_ms = effects.isTransaction ? 0 : (timeoutMs ?? 0);
      const status = statusOf(stored);
      observer.tell({ type: "effect.wait_timeout", level: "warning", timeout_ms, status });
      throw new EffectTimeoutError(this.#key, timeout_ms, hitl_id);
    }
    return this.#read(stored);
  }

  async #read({ id }: StoredRecord): Promise<StoredRecord> {
    const again = await this.#entry.effects.get(this.#entry.context("wait"), id);
    if (!again) throw vanished(this.#key);
    return again;
  }

  // ── in doubt ─────────────────────────────────────────────────────────────────────────────────────────────

  async #decide({ stored, question }: Met): Promise<StoredRecord> {
    const { effects, settings, prepared } = this.#entry;
    // Who has asked a human has to hear him, whatever the next caller would have chosen.
    if (effectValueOf(stored).doubt_hitl_id !== null) {
      if (!question) return this.#askDoubt(stored);
      if (this.#isElsewhere(question)) return this.#askDoubt(stored, question);
      return this.#waitForAnswer(stored, question);
    }
    const choice = settings.host?.isDivided?.() ? "retry" : settings.inDoubt(prepared.call.tool);
    if (choice === "ask") return this.#askDoubt(stored);
    if (choice === "retry")
      return this.#move(stored, readyOp(stored, "run_again", {}, effects.writing), "ready");
    if (choice === "fail") return this.#resolve(stored, { status: "failed", error: GIVEN_UP }, "give_up");
    return this.#verified(stored, await choice.verify(toEffect(stored)));
  }

  async #verified(stored: StoredRecord, found: Verification | undefined): Promise<StoredRecord> {
    const { effects, prepared } = this.#entry;
    switch (found?.status) {
      case "not_run":
        return this.#move(stored, readyOp(stored, "verified", {}, effects.writing), "ready");
      case "succeeded": {
        const result = keptResult(found.result, prepared.call.tool);
        return this.#resolve(stored, { status: "succeeded", result }, "verified");
      }
      case "failed":
        return this.#resolve(stored, { status: "failed", error: effectErrorOf(found.error) }, "verified");
      default:
        // P8: an answer that is none is no reason to run.
        return this.#askDoubt(stored);
    }
  }

  #resolve(stored: StoredRecord, outcome: Outcome, type: string): Promise<StoredRecord> {
    const { effects } = this.#entry;
    return this.#move(stored, resolvedOp(stored, outcome, type, {}, effects.writing), outcome.status);
  }

  /** @param elsewhere - the open question whose place it takes */
  async #askDoubt(stored: StoredRecord, elsewhere?: StoredRecord): Promise<StoredRecord> {
    this.#entry.assertMayAsk();
    const { effects, settings } = this.#entry;
    const { backend } = effects;
    const question = await doubtQuestion(backend, stored.id, effectValueOf(stored), stored.fence, settings);
    const { results } = await effects.commit(this.#entry.context("ask"), [
      askDoubtOp(stored, question.id),
      { ...question.insert, if_exists: "abort" },
      ...withdrawOps(backend, elsewhere),
    ]);
    const now = results[0]?.record;
    if (!now) throw vanished(this.#key);
    return now;
  }
}

/** How long until the question's deadline; to be looked at again then. */
function untilOf({ due_at }: StoredRecord, now: number): number | undefined {
  return due_at === null ? undefined : Math.max(0, due_at - now);
}
