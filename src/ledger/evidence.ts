/** What a holder brings after its lease was lost: not the outcome, but worth knowing for whoever decides. */
import type { StoredRecord } from "../backends/record-store.ts";
import type { JsonValue } from "../core/json.ts";
import { effectValueOf } from "./effect-record.ts";
import type { EffectStore } from "./effect-store.ts";
import { lateOp, type Outcome } from "./effect-writes.ts";
import type { EffectStoreErrorContext } from "./errors.ts";

/** @param stored - the effect as it is now; in doubt from here on, if nobody has noticed yet */
export async function keepEvidence(
  effects: EffectStore,
  context: EffectStoreErrorContext,
  fence: number,
  stored: StoredRecord,
  outcome: Outcome,
): Promise<void> {
  const kept: Outcome = outcome.status === "failed" ? { status: "failed", error: outcome.error } : outcome;
  const late_outcome = { ...kept, fence, attempt: effectValueOf(stored).attempt } as unknown as JsonValue;
  if (stored.fence === fence && stored.status === "processing") {
    const { done } = await effects.move(context, lateOp(stored, late_outcome));
    if (done) return;
  }
  const event = { type: "late_outcome", data: { late_outcome } };
  await effects.guarded(context, () => effects.backend.store.append(stored.id, event));
}
