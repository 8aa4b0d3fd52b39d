/** Effects that a caller runs by hand: claimed, renewed and committed by whoever has begun them, and nobody else (P9). */
import { renewOp } from "../backends/lease-claim.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { defaultLeaseOwner } from "../core/ids.ts";
import { askApproval } from "./asking.ts";
import type { EffectFinder } from "./effect-finder.ts";
import { effectValueOf, isAllowed, toEffect } from "./effect-record.ts";
import { claimOp, type Outcome, outcomeOp, readyOp } from "./effect-writes.ts";
import type { EffectStoreErrorContext } from "./errors.ts";
import { keepEvidence } from "./evidence.ts";
import { effectErrorOf, redactedError } from "./handler-errors.ts";
import { HeldEffects } from "./held-effects.ts";
import { invalid } from "./idem-key.ts";
import { checkMs, type RunOptions, type Settings } from "./options.ts";
import { keptResult } from "./results.ts";
import type { LedgerRules } from "./rules.ts";
import type { CommitOutcome, Effect, EffectRef, ToolCall } from "./types.ts";

export interface CommitOptions {
  /** Of the claim, where another ledger has taken it. */
  readonly fence?: number | undefined;
}

export class ByHand {
  readonly held: HeldEffects = new HeldEffects();
  readonly #rules: LedgerRules;
  readonly #finder: EffectFinder;

  constructor(rules: LedgerRules, finder: EffectFinder) {
    this.#rules = rules;
    this.#finder = finder;
  }

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
    const fence = options.fence ?? this.held.fenceOf(stored.id);
    if (fence === undefined)
      throw invalid("fence", "is needed: this ledger has neither begun nor claimed the effect.");
    const checked = this.#outcome(stored, outcome);
    const moved = await this.#rules.effects.move(
      context,
      outcomeOp({ ...stored, fence }, checked, this.#rules.effects.writing),
    );
    this.held.drop(stored.id);
    if (!moved.done && moved.stored)
      await keepEvidence(this.#rules.effects, context, fence, moved.stored, checked);
    return moved.done;
  }

  async #tooLate(
    context: EffectStoreErrorContext,
    stored: StoredRecord,
    outcome: CommitOutcome,
    options: CommitOptions,
  ): Promise<void> {
    const fence = options.fence ?? this.held.fenceOf(stored.id);
    if (fence === undefined) return;
    this.held.drop(stored.id);
    await keepEvidence(this.#rules.effects, context, fence, stored, this.#outcome(stored, outcome));
  }

  #outcome(stored: StoredRecord, outcome: CommitOutcome): Outcome {
    const { workflow_id, tool } = effectValueOf(stored);
    if (outcome.status === "succeeded")
      return { status: "succeeded", result: keptResult(outcome.result, tool) };
    if (outcome.status !== "failed" || typeof outcome.error?.message !== "string")
      throw invalid("outcome", 'has to be { status: "succeeded", result } or { status: "failed", error }.');
    const { redact } = this.#rules.hooks;
    const observer = this.#rules.observer(stored);
    const error = redactedError(effectErrorOf(outcome.error), redact, { workflow_id, tool }, (failure) =>
      observer.tell({ type: "effect.hook_error", level: "error", hook: "redact", error: failure }),
    );
    return { status: "failed", error };
  }

  async claim(effect: EffectRef, options: RunOptions = {}): Promise<Effect | null> {
    const settings = this.#rules.settings(options);
    const found = await this.#finder.find("claim", effect);
    if (!found) return null;
    const context: EffectStoreErrorContext = { operation: "claim", effect_id: found.id };
    const stored = await this.#readied(context, await this.#rules.effects.settled(context, found), settings);
    const value = effectValueOf(stored);
    const call_hash = isCall(effect) ? this.#rules.prepare(effect, settings).approved_hash : value.call_hash;
    const needs = { ...value, requires_approval: value.requires_approval || settings.requires_approval };
    if (stored.status !== "ready" || !isAllowed(needs, call_hash)) return null;
    const lease = { owner: defaultLeaseOwner(), durationMs: settings.leaseMs };
    const taken = await this.#rules.effects.take(context, claimOp(stored, needs, lease), lease);
    if (!taken.done || !taken.stored) return null;
    this.held.add(taken.stored.id, taken.stored.fence);
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
    const moved = await this.#rules.effects.move(
      context,
      readyOp(stored, type, {}, this.#rules.effects.writing),
    );
    return moved.stored ?? stored;
  }

  async renew(
    effect: string | Pick<Effect, "id">,
    leaseMs?: number,
    options: CommitOptions = {},
  ): Promise<boolean> {
    const id = idOf(effect);
    const fence = options.fence ?? this.held.fenceOf(id);
    if (fence === undefined) return false;
    const renewMs = leaseMs === undefined ? this.#rules.settings().leaseMs : checkMs("leaseMs", leaseMs, 10);
    return (
      await this.#rules.effects.move({ operation: "renew", effect_id: id }, renewOp({ id, fence }, renewMs))
    ).done;
  }

  async requestApproval(effect: EffectRef, options: RunOptions = {}): Promise<boolean> {
    const stored = await this.#finder.find("request_approval", effect);
    const fence = stored && this.held.fenceOf(stored.id);
    if (stored?.status !== "processing" || fence === undefined || fence === null) return false;
    const { approval, hooks } = this.#rules.settings(options);
    const asking = {
      effects: this.#rules.effects,
      context: { operation: "request_approval", effect_id: stored.id },
      observer: this.#rules.observer(stored, hooks),
      approval,
    };
    const { asked } = await askApproval(asking, { ...stored, fence }, effectValueOf(stored));
    if (asked) this.held.drop(stored.id);
    return asked;
  }
}

function isCall(effect: EffectRef): effect is ToolCall {
  return typeof effect === "object" && "args" in effect;
}

function idOf(effect: string | Pick<Effect, "id">): string {
  return typeof effect === "string" ? effect : effect.id;
}
