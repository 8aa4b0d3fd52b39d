/** Asks for an approval: the effect and its question change in one commit (P5, P8). */
import type { OpResult, StoredRecord, UpdateOp } from "../backends/record-store.ts";
import { type EffectValue, effectValueOf, statusOf, toEffect } from "./effect-record.ts";
import type { EffectStore } from "./effect-store.ts";
import { askAgainOp, holdForApprovalOp, replaceQuestionOp } from "./effect-writes.ts";
import type { EffectStoreErrorContext } from "./errors.ts";
import type { Observer } from "./hooks.ts";
import type { HostQuestions } from "./host.ts";
import type { ApprovalOptions } from "./options.ts";
import { approvalQuestion, asked, withdrawOps } from "./questions.ts";

export interface Asking {
  readonly effects: EffectStore;
  readonly context: EffectStoreErrorContext;
  readonly observer: Observer;
  readonly approval: ApprovalOptions;
  readonly host?: HostQuestions | undefined;
}

/**
 * @param stored - `ready`, `requires_approval` with a question that is gone, or `processing` with the caller's own fence
 * @param value - as it would run
 * @param elsewhere - the open question whose place it takes
 * @returns whether it was asked, and the effect as it is now
 */
export async function askApproval(
  { effects, context, observer, approval, host }: Asking,
  stored: StoredRecord,
  value: EffectValue,
  elsewhere?: StoredRecord,
): Promise<{ readonly asked: boolean; readonly stored: StoredRecord | null }> {
  const before = effectValueOf(stored);
  const isOther = before.call_hash !== value.call_hash;
  const question = await approvalQuestion(
    effects.backend,
    stored.id,
    value,
    approval,
    host,
    isOther ? before : undefined,
  );
  const next: EffectValue = {
    ...value,
    requires_approval: true,
    approval: asked(question.id, value),
    error: null,
    completed_at: null,
  };
  const { committed, results } = await effects.commit(context, [
    moveOf(effects, stored, next),
    { ...question.insert, if_exists: "abort" },
    ...withdrawOps(effects.backend, elsewhere),
  ]);
  const [effect, shown] = results as [OpResult, OpResult];
  if (!committed || !effect.record || !shown.record) return { asked: false, stored: effect.record };
  effects.backend.remember(shown.record);
  const { attempt } = value;
  const from = statusOf(stored);
  observer.tell({ type: "effect.transition", level: "info", from, to: "requires_approval", attempt });
  await observer.approvalRequired(toEffect(effect.record));
  return { asked: true, stored: effect.record };
}

function moveOf(effects: EffectStore, stored: StoredRecord, next: EffectValue): UpdateOp {
  if (stored.status === "processing") return holdForApprovalOp(stored, next);
  if (stored.status === "requires_approval") return replaceQuestionOp(stored, next);
  return askAgainOp(stored, next, effects.writing);
}
