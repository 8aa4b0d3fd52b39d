/** Steps that nobody can resume any more, since their thread has gone on: what they waited for ends, in one commit. */
import { toHITLRecord } from "../../backends/hitl-codec.ts";
import { takenUp } from "../../backends/hitl-transitions.ts";
import type { StoredRecord, StoreOp } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { slotOf } from "../../core/ids.ts";
import { type CallValue, callValueOf } from "../../suspend/call-record.ts";
import { emitQuestion } from "../../suspend/emit.ts";
import type { Place } from "../../suspend/place.ts";
import { askedAt } from "../../suspend/supersede.ts";
import {
  callOffOp,
  callsOf,
  type CallsPlace,
  endQuestionOp,
  isAtWork,
  openQuestionsOf,
  waitedBy,
} from "../message/call-off.ts";
import { sessionOf } from "../take-up.ts";

/** Each attempt that is lost has been won by an answer, an expiry, or a call that went on. */
const MAX_ATTEMPTS = 1000;
const SYSTEM = { id: "holdpoint", role: "system" } as const;
/** PROTOCOL.md §9.3: nobody can take an answer up where the thread has another head. */
const REASON = "superseded";

/**
 * The calls of the steps, as they are then. Open questions are cancelled, calls that wait are finished, and answers that
 * were accepted and not taken up are marked `orphaned`: their calls say so (P4). A call at work is left to its process.
 *
 * @param roots - the thread's checkpoints at which the steps waited
 */
export async function closeSteps(place: Place, roots: ReadonlySet<string>): Promise<readonly CallValue[]> {
  if (roots.size === 0) return [];
  const { backend, thread_id } = place;
  const slot = slotOf(backend.tenant_id, await sessionOf(backend, thread_id));
  const at: CallsPlace = { backend, thread_id, slot };
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    // Passed deadlines take effect: what has expired is not cancelled.
    await backend.openInThread(thread_id, slot);
    const calls = (await callsOf(at)).filter((call) => roots.has(callValueOf(call).root_checkpoint_id ?? ""));
    const open = (await openQuestionsOf(at)).filter((question) => roots.has(askedAt(question) ?? ""));
    const now = await backend.store.now();
    const waiting = calls.filter((call) => call.status !== "finished" && !isAtWork(call, now));
    if (waiting.length + open.length === 0) return calls.map(callValueOf);
    const waited = await waitedBy(at, waiting);
    const { status, results } = await backend.store.commit([
      ...open.map((question) => endQuestionOp(backend, question, REASON, SYSTEM)),
      ...[...waited.values()].flatMap((question) => orphanOps(backend, question)),
      ...waiting.map((call) => callOffOp(call, waited, REASON)),
    ]);
    if (status === "refused") continue;
    for (const { record } of results.slice(0, open.length)) emitEnded(place, record, calls);
  }
  throw new HoldpointError(
    "ERR_HITL_STORE",
    `What thread ${thread_id} waited for changed ${MAX_ATTEMPTS} times while it was called off.`,
  );
}

function orphanOps({ retention }: StoreHITLBackend, { id, status, version, keys }: StoredRecord): StoreOp[] {
  if (status === "pending" || keys.wake === undefined) return [];
  const patch = takenUp(status, retention);
  return [{ op: "update", id, guard: { version }, patch, event: { type: "orphaned" } }];
}

/** User interfaces that follow the run show the question as ended. */
function emitEnded(place: Place, question: StoredRecord | null, calls: readonly StoredRecord[]): void {
  if (!question) return;
  const asking = calls.find((call) => callValueOf(call).asked.some(({ id }) => id === question.id));
  emitQuestion(place, () => toHITLRecord(question), asking?.id ?? null);
}
