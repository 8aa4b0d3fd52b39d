import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { callValueOf, statusOf } from "../suspend/call-record.ts";
import { callRecordId } from "../suspend/place.ts";
import { slotOfId } from "../core/ids.ts";
import { takenUpOp } from "../suspend/supersede.ts";

/**
 * Answers whose call went on and failed in a run that was not rejected: a middleware has made a result of the failure,
 * so that nothing will use the answer any more, and nobody is to be woken for it.
 *
 * @param left - answered questions that are due although a run got them
 */
export async function takeUpCaught(backend: StoreHITLBackend, left: readonly StoredRecord[]): Promise<void> {
  for (const question of left) {
    const { tenant_id, thread_id, checkpoint_ns, tool_call_id } = toHITLRecord(question);
    if (thread_id === null || checkpoint_ns === null) continue;
    const place = { slot: slotOfId(question.id), tenant_id, thread_id, checkpoint_ns };
    const [call] = await backend.store.get([callRecordId(place, tool_call_id)]);
    const failed = call && statusOf(call) === "suspended" && (callValueOf(call).failures ?? []).length > 0;
    if (failed) await backend.store.commit([takenUpOp(backend, question)]);
  }
}
