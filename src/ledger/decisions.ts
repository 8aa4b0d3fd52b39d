/** What people decide about an effect: effect and question change in one commit, and one of many callers wins (P4, P5). */
import type { StoredRecord, StoreOp, UpdateOp } from "../backends/record-store.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { effectValueOf } from "./effect-record.ts";
import { type EffectStore, GIVEN_UP, openQuestionOf } from "./effect-store.ts";
import { type By, canceledOp, decidedOp, readyOp, resolvedOp } from "./effect-writes.ts";
import { EffectLedgerInvariantError, type EffectStoreErrorContext } from "./errors.ts";
import { answerQuestionOp, cancelQuestionOp } from "./questions.ts";
import { keptResult } from "./results.ts";
import type { DoubtDecision, JsonValue } from "./types.ts";

/** A question may be escalated between the read and the write; more often than this it is something else. */
const MAX_TURNS = 20;

export class Decisions {
  readonly #effects: EffectStore;

  constructor(effects: EffectStore) {
    this.#effects = effects;
  }

  /** True if this call decided. */
  async decide(
    context: EffectStoreErrorContext,
    found: StoredRecord,
    decision: "approved" | "denied",
    by: By,
    shown: string | undefined,
  ): Promise<boolean> {
    return this.#turns(context, found, "requires_approval", (stored, question) => {
      const { approval } = effectValueOf(stored);
      if (!approval || !question) return null;
      // P7: what was decided on is not what is asked by now.
      if (shown !== undefined && shown !== approval.hitl_id) return null;
      const answer: JsonValue = {
        decision: decision === "approved" ? "approve_once" : "reject",
        ...(by.reason === undefined ? {} : { message: by.reason }),
      };
      const writing = this.#effects.writing;
      const decided = {
        ...approval,
        decision,
        decided_by: by.actor ?? null,
        decided_at: writing.now,
        reason: by.reason ?? null,
      };
      return [
        answerQuestionOp(this.#effects.backend, question, answer, by.actor),
        required(decidedOp(stored, decided, writing)),
      ];
    });
  }

  /** An effect that waits for an approval, or for somebody to run it. */
  async cancel(context: EffectStoreErrorContext, found: StoredRecord, by: By): Promise<boolean> {
    const { backend } = this.#effects;
    const settled = await this.#effects.settled(context, found);
    const status = settled.status === "ready" ? "ready" : "requires_approval";
    return this.#turns(context, settled, status, (stored, question) => [
      ...(question ? [cancelQuestionOp(backend, question, by.actor, by.reason ?? "cancelled")] : []),
      required(canceledOp(stored, by, this.#effects.writing)),
    ]);
  }

  /** What became of an effect in doubt. Asked or not, the decision is recorded; a question that is open is answered. */
  async resolve(
    context: EffectStoreErrorContext,
    found: StoredRecord,
    decision: DoubtDecision,
    by: By,
  ): Promise<boolean> {
    const { backend } = this.#effects;
    const result =
      decision.decision === "happened" ? keptResult(decision.result, effectValueOf(found).tool) : null;
    return this.#turns(context, found, "in_doubt", (stored, question) => {
      const { writing } = this.#effects;
      const answer: JsonValue =
        decision.decision === "happened" ? { decision: "happened", result } : { decision: decision.decision };
      const move =
        decision.decision === "run_again"
          ? readyOp(stored, "run_again", by, writing)
          : decision.decision === "happened"
            ? resolvedOp(stored, { status: "succeeded", result }, "happened", by, writing)
            : resolvedOp(stored, { status: "failed", error: GIVEN_UP }, "give_up", by, writing);
      return [...(question ? [answerQuestionOp(backend, question, answer, by.actor)] : []), required(move)];
    });
  }

  /** @param opsOf - null if there is nothing to decide any more */
  async #turns(
    context: EffectStoreErrorContext,
    found: StoredRecord,
    status: string,
    opsOf: (stored: StoredRecord, question: StoredRecord | null) => StoreOp[] | null,
  ): Promise<boolean> {
    let stored: StoredRecord | null = found;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      if (!stored) return false;
      stored = await this.#effects.settled(context, stored);
      if (stored.status !== status) return false;
      const id = openQuestionOf(stored.status, effectValueOf(stored));
      const question = id === null ? null : await this.#effects.question(context, id);
      // Answered in this moment: `settled` of the next turn finds it.
      if (!question || !isTerminalHITLStatus(question.status)) {
        const ops = opsOf(stored, question);
        if (!ops) return false;
        if ((await this.#effects.commit(context, ops)).committed) return true;
      }
      stored = await this.#effects.get(context, stored.id);
    }
    throw new EffectLedgerInvariantError(`${found.id} changed ${MAX_TURNS} times while it was decided.`, {
      effect_id: found.id,
    });
  }
}

function required(operation: UpdateOp): UpdateOp {
  return { ...operation, optional: false };
}
