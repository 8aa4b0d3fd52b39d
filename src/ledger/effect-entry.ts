/** How a call gets into the ledger, and gets the right to run: recorded, asked for, claimed. */
import type { InsertOp, OpResult, StoredRecord } from "../backends/record-store.ts";
import { defaultLeaseOwner, defaultRandomId, type LeaseOwner } from "../core/ids.ts";
import { askApproval } from "./asking.ts";
import type { PreparedCall } from "./call.ts";
import {
  type EffectValue,
  effectValueOf,
  isAllowed,
  newEffect,
  statusOf,
  toEffect,
} from "./effect-record.ts";
import type { EffectStore } from "./effect-store.ts";
import { claimOp, insertOp, touchOp } from "./effect-writes.ts";
import { EffectLedgerInvariantError, type EffectStoreErrorContext } from "./errors.ts";
import type { Observer } from "./hooks.ts";
import { invalid } from "./idem-key.ts";
import type { Settings } from "./options.ts";
import { approvalQuestion, asked } from "./questions.ts";

export interface Entered {
  readonly stored: StoredRecord;
  readonly isFresh: boolean;
}

export class EffectEntry {
  readonly effects: EffectStore;
  readonly prepared: PreparedCall;
  readonly settings: Settings;
  readonly observer: Observer;
  readonly #leaseOwner: LeaseOwner;

  constructor(
    effects: EffectStore,
    prepared: PreparedCall,
    settings: Settings,
    observer: Observer,
    leaseOwner: LeaseOwner = defaultLeaseOwner,
  ) {
    this.effects = effects;
    this.prepared = prepared;
    this.settings = settings;
    this.observer = observer;
    this.#leaseOwner = leaseOwner;
  }

  /** @throws EffectLedgerValidationError in a transaction: nobody would see the question */
  assertMayAsk(): void {
    if (!this.effects.isTransaction) return;
    const { tool } = this.prepared.call;
    throw invalid(
      "tx",
      `cannot be used for this call of ${tool} yet: a human has to decide first, outside of the transaction.`,
    );
  }

  context(operation: string): EffectStoreErrorContext {
    const { idem_key, effect_id } = this.prepared;
    return { operation, idem_key, effect_id };
  }

  #lease(): { owner: string; durationMs: number } {
    return { owner: this.#leaseOwner(), durationMs: this.settings.leaseMs };
  }

  /**
   * Records the call, already claimed or already waiting for its approval, or finds it: that is counted. One round trip,
   * unless a human may have to approve: then it is looked for first, so that the policy is not asked on a replay.
   */
  async enter(): Promise<Entered> {
    const { requires_approval, hooks } = this.settings;
    if (!requires_approval && !hooks.requiresApproval) return this.#insertClaimed();
    const found = await this.#touch();
    if (found) return found;
    const { call } = this.prepared;
    const mustAsk = requires_approval || (await hooks.requiresApproval?.(call)) !== false;
    if (!mustAsk) return this.#insertClaimed();
    const asking = await this.#insertAsking();
    if (asking) return { stored: asking, isFresh: true };
    const other = await this.#touch();
    if (other) return other;
    throw new EffectLedgerInvariantError(
      `Effect ${this.prepared.idem_key} was there, and is gone.`,
      this.#named(),
    );
  }

  #named(): Record<string, unknown> {
    const { idem_key, effect_id } = this.prepared;
    return { idem_key, effect_id };
  }

  async #touch(): Promise<Entered | null> {
    const { stored } = await this.effects.move(this.context("begin"), touchOp(this.prepared.effect_id));
    return stored && this.#replayed(stored);
  }

  #replayed(stored: StoredRecord): Entered {
    this.observer.tell({ type: "effect.replayed", level: "debug", status: statusOf(stored) });
    return { stored, isFresh: false };
  }

  #newValue(attempt: 0 | 1): EffectValue {
    const { call } = this.prepared;
    return newEffect(this.prepared, call.call_id ?? `call_${defaultRandomId()}`, attempt);
  }

  async #insertClaimed(): Promise<Entered> {
    const lease = this.#lease();
    const insert = { ...this.#insert("processing", this.#newValue(1), lease), touch: true };
    const { done, stored } = await this.effects.take(this.context("begin"), insert, lease);
    if (!stored) throw new EffectLedgerInvariantError("The store gave no record.", this.#named());
    if (!done) return this.#replayed(stored);
    this.observer.tell({ type: "effect.created", level: "info", status: "processing" });
    return { stored, isFresh: true };
  }

  #insert(
    status: "processing" | "requires_approval",
    value: EffectValue,
    lease?: { owner: string; durationMs: number },
  ): InsertOp {
    const { backend } = this.effects;
    return insertOp(this.prepared.effect_id, backend.tenant_id, status, value, lease);
  }

  /** P8: there is no moment at which the effect could run without its approval. Null if it is there already. */
  async #insertAsking(): Promise<StoredRecord | null> {
    this.assertMayAsk();
    const { backend } = this.effects;
    const { effect_id } = this.prepared;
    const fresh = this.#newValue(0);
    const { approval, host } = this.settings;
    const question = await approvalQuestion(backend, effect_id, fresh, approval, host?.questions);
    const value = { ...fresh, requires_approval: true, approval: asked(question.id, fresh) };
    const { committed, results } = await this.effects.commit(this.context("begin"), [
      { ...this.#insert("requires_approval", value), if_exists: "abort" },
      { ...question.insert, if_exists: "abort" },
    ]);
    if (!committed) return null;
    const [effect, shown] = results as [OpResult, OpResult];
    const stored = effect.record as StoredRecord;
    backend.remember(shown.record as StoredRecord);
    this.observer.tell({ type: "effect.created", level: "info", status: "requires_approval" });
    await this.observer.approvalRequired(toEffect(stored));
    return stored;
  }

  /** As this call would run the effect now. */
  #asCalled(stored: StoredRecord): EffectValue {
    const { args_canonical, approved_hash, policy_version } = this.prepared;
    const value = effectValueOf(stored);
    return {
      ...value,
      args_canonical,
      call_hash: approved_hash,
      policy_version,
      requires_approval: value.requires_approval || this.settings.requires_approval,
    };
  }

  /**
   * Takes a `ready` effect, or asks again if what was approved is not what would run (P7).
   *
   * @returns the effect with its new lease (`claimed`), or as it is now
   */
  async claim(stored: StoredRecord): Promise<{ readonly claimed: boolean; readonly stored: StoredRecord }> {
    const value = this.#asCalled(stored);
    if (!isAllowed(value, value.call_hash)) return { claimed: false, stored: await this.ask(stored, value) };
    const lease = this.#lease();
    const claim = claimOp(stored, value, lease);
    const { done, stored: now } = await this.effects.take(this.context("claim"), claim, lease);
    if (!now) throw vanished(this.prepared.idem_key);
    this.observer.tell({
      type: "effect.transition",
      level: done ? "info" : "warning",
      from: "ready",
      to: "processing",
      attempt: effectValueOf(now).attempt,
    });
    return { claimed: done, stored: now };
  }

  /**
   * Asks for an approval of what would run now; the effect as it is then.
   *
   * @param elsewhere - the open question whose place it takes
   */
  async ask(
    found: StoredRecord,
    value: EffectValue = this.#asCalled(found),
    elsewhere?: StoredRecord,
  ): Promise<StoredRecord> {
    this.assertMayAsk();
    const { effects, observer, settings } = this;
    const context = this.context("request_approval");
    const { approval, host } = settings;
    const asking = { effects, context, observer, approval, host: host?.questions };
    const { stored } = await askApproval(asking, found, value, elsewhere);
    if (!stored) throw vanished(this.prepared.idem_key);
    return stored;
  }
}

export function vanished(idem_key: string): EffectLedgerInvariantError {
  return new EffectLedgerInvariantError(`Effect ${idem_key} is gone while it was waited for.`, { idem_key });
}
