/** `EffectLedger`: tool calls that happen once (P6), after the approval that they need (P7, P8). */
import { checkActor } from "../backends/hitl-codec.ts";
import { renewOp } from "../backends/lease-claim.ts";
import type { HistoryQuery, Page, RecordEvent, StoredRecord } from "../backends/record-store.ts";
import { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { defaultLeaseOwner } from "../core/ids.ts";
import type { Actor } from "../core/record.ts";
import { engineBackend } from "../suspend/configure.ts";
import { askApproval } from "./asking.ts";
import { prepareCall, type PreparedCall } from "./call.ts";
import { Decisions } from "./decisions.ts";
import { EffectEntry } from "./effect-entry.ts";
import { EffectFinder } from "./effect-finder.ts";
import { effectValueOf, isAllowed, isTerminalStatus, toEffect } from "./effect-record.ts";
import { EffectRun } from "./effect-run.ts";
import { EffectStore } from "./effect-store.ts";
import { claimOp, type Outcome, outcomeOp, readyOp } from "./effect-writes.ts";
import type { EffectStoreErrorContext } from "./errors.ts";
import { keepEvidence } from "./evidence.ts";
import { effectErrorOf, redactedError } from "./handler-errors.ts";
import { HeldEffects } from "./held-effects.ts";
import { type EffectHooks, Observer } from "./hooks.ts";
import { invalid } from "./idem-key.ts";
import {
  checkMs,
  type EffectDefaults,
  type EffectLedgerOptions,
  maxArgsSizeOf,
  type RunOptions,
  type Settings,
  settingsOf,
} from "./options.ts";
import { keptResult } from "./results.ts";
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
}

export interface CommitOptions {
  /** Of the claim, where another ledger has taken it. */
  readonly fence?: number | undefined;
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
  readonly #effects: EffectStore;
  readonly #finder: EffectFinder;
  readonly #decisions: Decisions;
  readonly #held = new HeldEffects();
  readonly #defaults: EffectDefaults;
  readonly #hooks: EffectHooks;
  readonly #maxArgsSizeBytes: number;

  /** @throws EffectLedgerValidationError */
  constructor(options: EffectLedgerOptions) {
    this.#defaults = options.defaults ?? {};
    this.#hooks = options.hooks ?? {};
    this.#maxArgsSizeBytes = maxArgsSizeOf(options);
    // What is wrong with the defaults is said here, not with the first call.
    settingsOf(this.#defaults, this.#hooks);
    this.#effects = new EffectStore(backendOf(options));
    this.#finder = new EffectFinder(this.#effects, (call) => this.#prepare(call, this.#settings()).effect_id);
    this.#decisions = new Decisions(this.#effects);
  }

  /** The key that a call will be found under. @throws EffectLedgerValidationError */
  computeIdemKey(call: ToolCall): string {
    return this.#prepare(call, this.#settings()).idem_key;
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
   * @throws HoldpointError `ERR_HITL_ABORTED` waiting was aborted; `ERR_HITL_TOO_LARGE` the call is too large to be shown
   */
  async run<Result>(
    call: ToolCall,
    handler: EffectHandler<Result>,
    options: RunOptions = {},
  ): Promise<Awaited<Result>> {
    if (options.signal?.aborted)
      throw new HoldpointError("ERR_HITL_ABORTED", "The run was aborted before it began.", {
        cause: options.signal.reason,
      });
    const entry = this.#entry(call, options);
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
    if (isFresh && stored.status === "processing") this.#held.add(stored.id, stored.fence);
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
    const context: EffectStoreErrorContext = { operation: "commit", effect_id: idOf(effect) };
    const stored = await this.#finder.byId(context, idOf(effect));
    if (stored?.status !== "processing") {
      if (stored) await this.#tooLate(context, stored, outcome, options);
      return false;
    }
    const fence = options.fence ?? this.#held.fenceOf(stored.id);
    if (fence === undefined)
      throw invalid("fence", "is needed: this ledger has neither begun nor claimed the effect.");
    const checked = this.#outcome(stored, outcome);
    const moved = await this.#effects.move(
      context,
      outcomeOp({ ...stored, fence }, checked, this.#effects.writing),
    );
    this.#held.drop(stored.id);
    if (!moved.done && moved.stored) await keepEvidence(this.#effects, context, fence, moved.stored, checked);
    return moved.done;
  }

  async #tooLate(
    context: EffectStoreErrorContext,
    stored: StoredRecord,
    outcome: CommitOutcome,
    options: CommitOptions,
  ): Promise<void> {
    const fence = options.fence ?? this.#held.fenceOf(stored.id);
    if (fence === undefined) return;
    this.#held.drop(stored.id);
    await keepEvidence(this.#effects, context, fence, stored, this.#outcome(stored, outcome));
  }

  #outcome(stored: StoredRecord, outcome: CommitOutcome): Outcome {
    const { workflow_id, tool } = effectValueOf(stored);
    if (outcome.status === "succeeded")
      return { status: "succeeded", result: keptResult(outcome.result, tool) };
    if (outcome.status !== "failed" || typeof outcome.error?.message !== "string")
      throw invalid("outcome", 'has to be { status: "succeeded", result } or { status: "failed", error }.');
    const { redact } = this.#hooks;
    const observer = this.#observer(stored);
    const error = redactedError(effectErrorOf(outcome.error), redact, { workflow_id, tool }, (failure) =>
      observer.tell({ type: "effect.hook_error", level: "error", hook: "redact", error: failure }),
    );
    return { status: "failed", error };
  }

  /**
   * Takes an effect that is to be run: one that was approved, or released; with `retry_failed` one that failed, with
   * `inDoubt: "retry"` one in doubt. One of many callers gets it; commit it with {@link commit}.
   *
   * @returns null if it is not to be had, or its approval is not for this call (P7)
   */
  async claim(effect: EffectRef, options: RunOptions = {}): Promise<Effect | null> {
    const settings = this.#settings(options);
    const found = await this.#finder.find("claim", effect);
    if (!found) return null;
    const context: EffectStoreErrorContext = { operation: "claim", effect_id: found.id };
    const stored = await this.#readied(context, await this.#effects.settled(context, found), settings);
    const value = effectValueOf(stored);
    const call_hash = isCall(effect) ? this.#prepare(effect, settings).approved_hash : value.call_hash;
    const needs = { ...value, requires_approval: value.requires_approval || settings.requires_approval };
    if (stored.status !== "ready" || !isAllowed(needs, call_hash)) return null;
    const lease = { owner: defaultLeaseOwner(), durationMs: settings.leaseMs };
    const taken = await this.#effects.move(context, claimOp(stored, needs, lease));
    if (!taken.done || !taken.stored) return null;
    this.#held.add(taken.stored.id, taken.stored.fence);
    return toEffect(taken.stored);
  }

  async #readied(
    context: EffectStoreErrorContext,
    stored: StoredRecord,
    { inDoubt, retry_failed }: Settings,
  ): Promise<StoredRecord> {
    const { tool, has_run, doubt_hitl_id } = effectValueOf(stored);
    const mayRetry = stored.status === "failed" && retry_failed && !has_run;
    const isOpen = stored.status === "in_doubt" && doubt_hitl_id === null && inDoubt(tool) === "retry";
    if (!mayRetry && !isOpen) return stored;
    const type = mayRetry ? "retried" : "run_again";
    const moved = await this.#effects.move(context, readyOp(stored, type, {}, this.#effects.writing));
    return moved.stored ?? stored;
  }

  /** Renews the lease of an effect that this ledger has begun or claimed by hand. False: it is lost. */
  async renew(
    effect: string | Pick<Effect, "id">,
    leaseMs?: number,
    options: CommitOptions = {},
  ): Promise<boolean> {
    const id = idOf(effect);
    const fence = options.fence ?? this.#held.fenceOf(id);
    if (fence === undefined) return false;
    const renewMs = leaseMs === undefined ? this.#settings().leaseMs : checkMs("leaseMs", leaseMs, 10);
    return (await this.#effects.move({ operation: "renew", effect_id: id }, renewOp({ id, fence }, renewMs)))
      .done;
  }

  /** Asks a human about an effect that this ledger has begun by hand, and gives it back. False if it is not its own. */
  async requestApproval(effect: EffectRef, options: RunOptions = {}): Promise<boolean> {
    const stored = await this.#finder.find("request_approval", effect);
    const fence = stored && this.#held.fenceOf(stored.id);
    if (stored?.status !== "processing" || fence === undefined || fence === null) return false;
    const { approval, hooks } = this.#settings(options);
    const asking = {
      effects: this.#effects,
      context: { operation: "request_approval", effect_id: stored.id },
      observer: this.#observer(stored, hooks),
      approval,
    };
    const { asked } = await askApproval(asking, { ...stored, fence }, effectValueOf(stored));
    if (asked) this.#held.drop(stored.id);
    return asked;
  }

  /** Allows an effect to run, once, with the arguments that were shown (P7). False if it does not wait for that. */
  async approve(effect: EffectRef, options: DecisionOptions = {}): Promise<boolean> {
    return this.#decided("approve", effect, options, (context, stored, by) =>
      this.#decisions.decide(context, stored, "approved", by),
    );
  }

  /** Forbids it, for good. `reason` is what callers hear. */
  async deny(
    effect: EffectRef,
    reason?: string,
    options: Omit<DecisionOptions, "reason"> = {},
  ): Promise<boolean> {
    return this.#decided("deny", effect, { ...options, reason }, (context, stored, by) =>
      this.#decisions.decide(context, stored, "denied", by),
    );
  }

  /** Calls off an effect that has not begun. */
  async cancel(effect: EffectRef, options: DecisionOptions = {}): Promise<boolean> {
    return this.#decided("cancel", effect, options, (context, stored, by) =>
      this.#decisions.cancel(context, stored, by),
    );
  }

  /** Says what became of an effect in doubt. */
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
    decide: (context: EffectStoreErrorContext, stored: StoredRecord, by: DecisionOptions) => Promise<boolean>,
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

  #settings(options: RunOptions = {}): Settings {
    return settingsOf(this.#defaults, this.#hooks, options);
  }

  #prepare(call: ToolCall, { policy_version, hooks }: Settings): PreparedCall {
    const { tenant_id } = this.#effects.backend;
    const { redact } = hooks;
    return prepareCall(call, { tenant_id, maxArgsSizeBytes: this.#maxArgsSizeBytes, policy_version, redact });
  }

  #entry(call: ToolCall, options: RunOptions): EffectEntry {
    const settings = this.#settings(options);
    const prepared = this.#prepare(call, settings);
    const { idem_key, effect_id } = prepared;
    const { workflow_id, tool } = call;
    const observer = new Observer(settings.hooks, { idem_key, effect_id, workflow_id, tool });
    return new EffectEntry(this.#effects, prepared, settings, observer);
  }

  #observer(stored: StoredRecord, hooks: EffectHooks = this.#hooks): Observer {
    return new Observer(hooks, { ...effectValueOf(stored), effect_id: stored.id });
  }
}

function backendOf({ backend, store, tenant_id }: EffectLedgerOptions): StoreHITLBackend {
  if ((backend === undefined) === (store === undefined))
    throw invalid("backend", "or store has to be given, and not both.");
  const own = backend
    ? engineBackend(backend)
    : new StoreHITLBackend(store as NonNullable<typeof store>, { retention: { sweepEveryMs: 0 } });
  return tenant_id === undefined || tenant_id === own.tenant_id
    ? own
    : (own.forTenant(tenant_id) as StoreHITLBackend);
}

const MAX_REASON = 4096;

function checkReason(reason: unknown): string | undefined {
  if (reason === undefined) return undefined;
  if (typeof reason === "string" && reason.length <= MAX_REASON && reason.isWellFormed()) return reason;
  throw invalid("reason", `has to be a text of at most ${MAX_REASON} characters.`);
}

function isCall(effect: EffectRef): effect is ToolCall {
  return typeof effect === "object" && "args" in effect;
}

function idOf(effect: string | Pick<Effect, "id">): string {
  return typeof effect === "string" ? effect : effect.id;
}
