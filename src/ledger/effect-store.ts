/** The ledger's reads and writes: what a question says reaches its effect here, whoever looks first. */
import { EFFECT_KIND } from "../backends/kinds.ts";
import { mayHaveRunOut } from "../backends/lease-claim.ts";
import type { LeaseRequest, OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { isHoldpointError } from "../core/errors.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { type EffectValue, effectValueOf } from "./effect-record.ts";
import { decidedOp, inDoubtOp, readyOp, resolvedOp, type Written } from "./effect-writes.ts";
import { EffectStoreError, type EffectStoreErrorContext, isEffectStoreError } from "./errors.ts";
import { approvalOf, doubtOf, isCalledOff } from "./questions.ts";
import type { EffectError } from "./types.ts";

export const GIVEN_UP: EffectError = {
  message:
    "The call was interrupted and may or may not have taken effect. It was given up; do not assume either.",
  code: "in_doubt",
};

export interface Committed {
  readonly committed: boolean;
  readonly results: readonly OpResult[];
}

export interface Met {
  readonly stored: StoredRecord;
  readonly question: StoredRecord | null;
}

export class EffectStore {
  readonly backend: StoreHITLBackend;
  /** Nothing is there for others before the caller has committed: nobody can be asked, or waited for. */
  readonly isTransaction: boolean;

  constructor(backend: StoreHITLBackend, isTransaction = false) {
    this.backend = backend;
    this.isTransaction = isTransaction;
  }

  get writing(): Written {
    return { retention: this.backend.retention, now: this.backend.now() };
  }

  async commit(context: EffectStoreErrorContext, ops: readonly StoreOp[]): Promise<Committed> {
    const { status, results } = await this.#run(context, () => this.backend.store.commit(ops));
    return { committed: status === "committed", results };
  }

  /** One operation: true if it was done, and the record as it is now. */
  async move(
    context: EffectStoreErrorContext,
    operation: StoreOp,
  ): Promise<{ readonly done: boolean; readonly stored: StoredRecord | null }> {
    const { results } = await this.commit(context, [operation]);
    const [result] = results as [OpResult];
    return { done: result.status === "updated" || result.status === "inserted", stored: result.record };
  }

  /**
   * Takes a lease. One whose write was not confirmed is sent again, and known by its owner: else the call would be in doubt
   * although its handler has surely not begun.
   */
  async take(
    context: EffectStoreErrorContext,
    operation: StoreOp,
    { owner }: LeaseRequest,
  ): Promise<{ readonly done: boolean; readonly stored: StoredRecord | null }> {
    try {
      return await this.move(context, operation);
    } catch (error) {
      if (!isHoldpointError(error, "ERR_HITL_INDETERMINATE")) throw error;
      const moved = await this.move(context, operation);
      return { done: moved.done || moved.stored?.lease?.owner === owner, stored: moved.stored };
    }
  }

  async get(context: EffectStoreErrorContext, id: string): Promise<StoredRecord | null> {
    const [stored] = await this.#run(context, () => this.backend.store.get([id]));
    return stored?.kind === EFFECT_KIND && stored.tenant_id === this.backend.tenant_id ? stored : null;
  }

  /** A question of an effect; one whose deadline has passed is returned as what it has become. One called off is gone. */
  async question(context: EffectStoreErrorContext, id: string): Promise<StoredRecord | null> {
    return this.#run(context, async () => {
      const [stored] = await this.backend.store.get([id]);
      return stored && !isCalledOff(stored) ? this.backend.settled(stored) : null;
    });
  }

  /** For calls of the store that are not a single operation. Its errors are wrapped, once; errors of ours pass. */
  async guarded<T>(context: EffectStoreErrorContext, run: () => Promise<T>): Promise<T> {
    return this.#run(context, run);
  }

  /**
   * The effect as time and its questions have left it: one whose holder's lease has run out is in doubt, one whose question
   * was answered has moved. Reads nothing if it waits for nobody.
   */
  async settled(context: EffectStoreErrorContext, stored: StoredRecord): Promise<StoredRecord> {
    return (await this.met(context, stored)).stored;
  }

  /** As {@link settled}, with the question that was looked at: null if there is none, or it is gone. */
  async met(context: EffectStoreErrorContext, found: StoredRecord): Promise<Met> {
    const question = await this.#questionOf(context, found);
    const stored = await this.#settledBy(context, found, question);
    if (stored.version === found.version) return { stored, question };
    // Somebody else may have asked meanwhile: what was looked at is not what it waits for now.
    return { stored, question: await this.#questionOf(context, stored) };
  }

  async #questionOf(context: EffectStoreErrorContext, stored: StoredRecord): Promise<StoredRecord | null> {
    const id = openQuestionOf(stored.status, effectValueOf(stored));
    return id === null ? null : this.question(context, id);
  }

  /** As {@link settled}, with one read for the questions of all of them. */
  async settledAll(
    context: EffectStoreErrorContext,
    items: readonly StoredRecord[],
  ): Promise<readonly StoredRecord[]> {
    const ids = items.map((item) => openQuestionOf(item.status, effectValueOf(item)));
    const asked = ids.filter((id) => id !== null);
    if (asked.length === 0) return Promise.all(items.map((item) => this.#settledBy(context, item, null)));
    const questions = await this.#run(context, async () => {
      const found = await this.backend.store.get(asked);
      const there = found
        .filter((question) => question !== null)
        .filter((question) => !isCalledOff(question));
      return Promise.all(there.map((question) => this.backend.settled(question)));
    });
    const byId = new Map(questions.map((question) => [question.id, question]));
    return Promise.all(
      items.map((item, n) => this.#settledBy(context, item, byId.get(ids[n] ?? "") ?? null)),
    );
  }

  async #settledBy(
    context: EffectStoreErrorContext,
    stored: StoredRecord,
    question: StoredRecord | null,
  ): Promise<StoredRecord> {
    if (stored.status === "processing") {
      if (!mayHaveRunOut(stored, this.backend.now())) return stored;
      return (await this.move(context, inDoubtOp(stored))).stored ?? stored;
    }
    const value = effectValueOf(stored);
    const operation = question && this.#movedBy(stored, value, question);
    return operation ? ((await this.move(context, operation)).stored ?? stored) : stored;
  }

  #movedBy(stored: StoredRecord, value: EffectValue, question: StoredRecord): StoreOp | null {
    if (!isTerminalHITLStatus(question.status)) return null;
    const writing = this.writing;
    if (stored.status === "requires_approval") {
      const approval = value.approval && approvalOf(question, value.approval);
      return approval && decidedOp(stored, approval, writing);
    }
    const decided = doubtOf(question);
    if (!decided) return null;
    const { decision, result, actor } = decided;
    if (decision === "run_again") return readyOp(stored, decision, { actor }, writing);
    const outcome =
      decision === "happened"
        ? ({ status: "succeeded", result } as const)
        : ({ status: "failed", error: GIVEN_UP } as const);
    return resolvedOp(stored, outcome, decision, { actor }, writing);
  }

  async #run<T>(context: EffectStoreErrorContext, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (cause) {
      if (isEffectStoreError(cause)) throw cause;
      throw new EffectStoreError(context, cause);
    }
  }
}

/** The question that an effect of this status waits for; null for none. */
export function openQuestionOf(
  status: string,
  { approval, doubt_hitl_id }: Pick<EffectValue, "approval" | "doubt_hitl_id">,
): string | null {
  if (status === "requires_approval") return approval?.hitl_id ?? null;
  return status === "in_doubt" ? doubt_hitl_id : null;
}
