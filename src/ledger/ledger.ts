/** `EffectLedger`: tool calls that happen once (P6), after the approval that they need (P7, P8). */
import { checkActor } from "../backends/hitl-codec.ts";
import type { HistoryQuery, Page, RecordEvent, StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import type { Actor } from "../core/record.ts";
import { ByHand, type CommitOptions } from "./by-hand.ts";
import { Decisions } from "./decisions.ts";
import { EffectEntry } from "./effect-entry.ts";
import { EffectFinder } from "./effect-finder.ts";
import { effectValueOf, isTerminalStatus, toEffect } from "./effect-record.ts";
import { EffectRun } from "./effect-run.ts";
import type { EffectStore } from "./effect-store.ts";
import { type By, readyOp } from "./effect-writes.ts";
import type { EffectStoreErrorContext } from "./errors.ts";
import { Observer } from "./hooks.ts";
import { invalid } from "./idem-key.ts";
import {
  assertRunOptions,
  type EffectLedgerOptions,
  type RunCallOptions,
  type RunOptions,
} from "./options.ts";
import { LedgerRules } from "./rules.ts";
import type {
  BeginResult,
  CommitOutcome,
  DoubtDecision,
  Effect,
  EffectHandler,
  EffectRef,
  ListEffectsQuery,
  ToolCall,
} from "./types.ts";

/** Who decides, and why; both are kept in the history. */
export interface DecisionOptions {
  readonly actor?: Actor | undefined;
  readonly reason?: string | undefined;
  /**
   * The question that was decided on: if another one is open by now, nothing is decided (P7). Default: that of the effect, if
   * one was passed; else whatever is open.
   */
  readonly hitl_id?: string | undefined;
}

/**
 * Tool calls that happen once, whoever repeats them. What is promised with which backend: docs/ledger.md.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { EffectLedger } from "holdpoint/ledger";
 *
 * const ledger = new EffectLedger({ backend: new InMemoryHITLBackend() });
 * const call = { workflow_id: "order-123", tool: "charge", args: { amount: 1000 } };
 * const charge = await ledger.run(call, async ({ effect }) => ({ charged: 1000, key: effect.idem_key }));
 * console.log(charge.charged);
 * ```
 */
export class EffectLedger {
  readonly #rules: LedgerRules;
  readonly #effects: EffectStore;
  readonly #finder: EffectFinder;
  readonly #byHand: ByHand;
  readonly #decisions: Decisions;

  /** @throws EffectLedgerValidationError */
  constructor(options: EffectLedgerOptions) {
    const rules = new LedgerRules(options);
    this.#rules = rules;
    this.#effects = rules.effects;
    this.#finder = new EffectFinder(rules.effects, (call) => rules.prepare(call, rules.settings()).effect_id);
    this.#byHand = new ByHand(rules, this.#finder);
    this.#decisions = new Decisions(rules.effects);
  }

  /** The key that a call will be found under. @throws EffectLedgerValidationError */
  computeIdemKey(call: ToolCall): string {
    return this.#rules.prepare(call, this.#rules.settings()).idem_key;
  }

  /**
   * Runs the handler, unless the call was made before: then gives what came of it, or waits for whoever is at it. What it
   * gives is what was recorded: plain JSON, with null for `undefined`.
   *
   * @throws the handler's own error, in the `run` whose handler it was
   * @throws EffectFailedError, EffectDeniedError what the call came to before
   * @throws EffectTimeoutError it was waited long enough
   * @throws EffectLedgerValidationError nothing was written; with the field `result`, the call has run
   * @throws EffectStoreError
   * @throws EffectLedgerError `ERR_HITL_LEASE_LOST`: the handler has lost its lease
   * @throws whatever it is, with `tx`: roll the transaction back
   * @throws HoldpointError `ERR_HITL_ABORTED` waiting was aborted; `ERR_HITL_TOO_LARGE` the call is too large to be shown
   */
  async run<Result>(
    call: ToolCall,
    handler: EffectHandler<Result>,
    given: RunCallOptions = {},
  ): Promise<Awaited<Result>> {
    assertRunOptions(given);
    const { tx, ...options } = given;
    if (options.signal?.aborted)
      throw new HoldpointError("ERR_HITL_ABORTED", "The run was aborted before it began.", {
        cause: options.signal.reason,
      });
    const entry = this.#entry(call, options, tx === undefined ? this.#effects : this.#rules.within(tx));
    return (await new EffectRun(entry, handler).run()) as Awaited<Result>;
  }

  /**
   * Records a call by hand: whoever gets `fresh` and `processing` runs it, renews its lease, and commits. An effect that
   * has been approved is taken by {@link claim}.
   */
  async begin(call: ToolCall, options: RunOptions = {}): Promise<BeginResult> {
    const entry = this.#entry(call, options);
    const { stored: found, isFresh } = await entry.enter();
    const stored = isFresh ? found : await this.#effects.settled(entry.context("begin"), found);
    if (isFresh && stored.status === "processing") this.#byHand.held.add(stored.id, stored.fence);
    const effect = toEffect(stored);
    return {
      effect,
      cached: isTerminalStatus(effect.status),
      idempotency_status: isFresh ? "fresh" : "replayed",
      ...(effect.status === "succeeded" ? { cached_result: effect.result } : {}),
    };
  }

  /**
   * Ends a call that this ledger has begun or claimed by hand.
   *
   * @returns false if it is not this ledger's any more, or was ended before: what came is then kept in its history
   * @throws EffectLedgerValidationError
   */
  async commit(
    effect: string | Pick<Effect, "id">,
    outcome: CommitOutcome,
    options: CommitOptions = {},
  ): Promise<boolean> {
    return this.#byHand.commit(effect, outcome, options);
  }

  /**
   * Takes an effect that is to be run: one that was approved, or released; with `retry_failed` one that failed, with
   * `inDoubt: "retry"` one in doubt. One of many callers gets it; commit it with {@link commit}.
   *
   * @returns null if it is not to be had, or its approval is not for this call (P7)
   */
  async claim(effect: EffectRef, options: RunOptions = {}): Promise<Effect | null> {
    return this.#byHand.claim(effect, options);
  }

  /** Renews the lease of an effect that this ledger has begun or claimed by hand. False: it is lost. */
  async renew(
    effect: string | Pick<Effect, "id">,
    leaseMs?: number,
    options: CommitOptions = {},
  ): Promise<boolean> {
    return this.#byHand.renew(effect, leaseMs, options);
  }

  /** Asks a human about an effect that this ledger has begun by hand, and gives it back. False if it is not its own. */
  async requestApproval(effect: EffectRef, options: RunOptions = {}): Promise<boolean> {
    return this.#byHand.requestApproval(effect, options);
  }

  /**
   * Allows an effect to run, once, with the arguments that were shown (P7). False if it does not wait for that.
   *
   * @throws EffectLedgerError `ERR_HITL_FORBIDDEN` this actor may not answer its question; nothing was decided
   */
  async approve(effect: EffectRef, options: DecisionOptions = {}): Promise<boolean> {
    return this.#decided("approve", effect, options, (context, stored, by) =>
      this.#decisions.decide(context, stored, "approved", by, shownOf(effect, options)),
    );
  }

  /** Forbids it, for good. `reason` is what callers hear. @throws EffectLedgerError as {@link approve} */
  async deny(
    effect: EffectRef,
    reason?: string,
    options: Omit<DecisionOptions, "reason"> = {},
  ): Promise<boolean> {
    return this.#decided("deny", effect, { ...options, reason }, (context, stored, by) =>
      this.#decisions.decide(context, stored, "denied", by, shownOf(effect, options)),
    );
  }

  /** Calls off an effect that has not begun. */
  async cancel(effect: EffectRef, options: DecisionOptions = {}): Promise<boolean> {
    return this.#decided("cancel", effect, options, (context, stored, by) =>
      this.#decisions.cancel(context, stored, by),
    );
  }

  /** Says what became of an effect in doubt. @throws EffectLedgerError as {@link approve} */
  async resolve(effect: EffectRef, decision: DoubtDecision, options: DecisionOptions = {}): Promise<boolean> {
    if (!["happened", "run_again", "give_up"].includes(decision?.decision))
      throw invalid("decision", "has to be happened, run_again or give_up.");
    return this.#decided("resolve", effect, options, (context, stored, by) =>
      this.#decisions.resolve(context, stored, decision, by),
    );
  }

  /** Lets an effect that has failed run once more, with whoever calls next. False if it has not failed. */
  async retry(effect: EffectRef, options: DecisionOptions = {}): Promise<boolean> {
    return this.#decided("retry", effect, options, async (context, stored, by) => {
      if (stored.status !== "failed" || effectValueOf(stored).has_run) return false;
      return (await this.#effects.move(context, readyOp(stored, "retried", by, this.#effects.writing))).done;
    });
  }

  async #decided(
    operation: string,
    effect: EffectRef,
    { actor, reason }: DecisionOptions,
    decide: (context: EffectStoreErrorContext, stored: StoredRecord, by: By) => Promise<boolean>,
  ): Promise<boolean> {
    const by = { actor: checkActor(actor), reason: checkReason(reason) };
    const stored = await this.#finder.find(operation, effect);
    return stored ? decide({ operation, effect_id: stored.id }, stored, by) : false;
  }

  async getEffect(id: string): Promise<Effect | null> {
    return this.#settledEffect(
      "get_effect",
      await this.#finder.byId({ operation: "get_effect", effect_id: id }, id),
    );
  }

  /** @throws HoldpointError `ERR_HITL_AMBIGUOUS_ID` if calls with and without `|` in their names have this key */
  async findByIdemKey(idem_key: string): Promise<Effect | null> {
    return this.#settledEffect("find_by_idem_key", await this.#finder.byKey("find_by_idem_key", idem_key));
  }

  async #settledEffect(operation: string, stored: StoredRecord | null): Promise<Effect | null> {
    return stored && toEffect(await this.#effects.settled({ operation, effect_id: stored.id }, stored));
  }

  /** A page of effects; may hold fewer than `limit`. @throws EffectLedgerValidationError */
  async list(query: ListEffectsQuery = {}): Promise<Page<Effect>> {
    return this.#finder.list(query);
  }

  /** Who did what and when, oldest first: created, claimed, approved, attempt_failed, in_doubt, late_outcome … */
  async history(effect: EffectRef, page: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    const stored = await this.#finder.find("history", effect);
    if (!stored) return { items: [] };
    const context = { operation: "history", effect_id: stored.id };
    return this.#effects.guarded(context, () => this.#effects.backend.store.history(stored.id, page));
  }

  #entry(call: ToolCall, options: RunOptions, effects: EffectStore = this.#effects): EffectEntry {
    const settings = this.#rules.settings(options);
    settings.host?.entered(effects.backend);
    const prepared = this.#rules.prepare(call, settings);
    const { idem_key, effect_id } = prepared;
    const { workflow_id, tool } = call;
    const observer = new Observer(settings.hooks, { idem_key, effect_id, workflow_id, tool });
    return new EffectEntry(effects, prepared, settings, observer);
  }
}

const MAX_REASON = 4096;

function checkReason(reason: unknown): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason === "string" && reason.length <= MAX_REASON && reason.isWellFormed()) return reason;
  throw invalid("reason", `has to be a text of at most ${MAX_REASON} characters.`);
}

function shownOf(effect: EffectRef, { hitl_id }: DecisionOptions): string | undefined {
  if (hitl_id !== undefined || typeof effect === "string" || !("approval" in effect)) return hitl_id;
  return effect.approval?.hitl_id;
}
