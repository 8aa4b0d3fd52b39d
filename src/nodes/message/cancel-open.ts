/**
 * Everything that a paused step waits for is called off in one commit: its questions are cancelled, and its calls
 * finished. All or nothing, so that an answer that comes at the same moment either wins or loses as a whole (P4).
 */
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import type { Actor } from "../../core/record.ts";
import { askedAt } from "../../suspend/supersede.ts";
import type { Lease } from "../thread.ts";
import {
  callOffOp,
  callsOf,
  endQuestionOp,
  isAnswered,
  isAtWork,
  openQuestionsOf,
  waitedBy,
} from "./call-off.ts";

/** The reason that is kept with what is cancelled. */
const NEW_MESSAGE = "new_message";

export interface PausedStep {
  readonly backend: StoreHITLBackend;
  readonly thread_id: string;
  /** Of the session: questions and calls are there. */
  readonly slot: number;
  /** The checkpoint at which the thread pauses, and the lease of whoever resumes it from there. */
  readonly head: string;
  readonly lease: Lease;
  readonly actor?: Actor | undefined;
}

export type CancelOutcome =
  /** Nothing of the step is open any more. */
  | { readonly status: "cleared" }
  /** A call is at work until this time (epoch ms), or longer: it is not cut off. */
  | { readonly status: "busy"; readonly until: number | null }
  /** An answer was accepted first: the thread has to be resumed with it. */
  | { readonly status: "answered" }
  /** Something changed meanwhile: look again. */
  | { readonly status: "changed" };

export async function cancelOpen(step: PausedStep): Promise<CancelOutcome> {
  const { backend, head, lease, actor } = step;
  const calls = (await callsOf(step)).filter(
    (call) => call.status !== "finished" && call.value["root_checkpoint_id"] === head,
  );
  const now = await backend.store.now();
  const working = calls.filter((call) => isAtWork(call, now));
  if (working.length > 0) {
    return { status: "busy", until: Math.min(...working.map((call) => call.lease?.expires_at ?? now)) };
  }
  const open = (await openQuestionsOf(step)).filter((record) => askedAt(record) === head);
  const waited = await waitedBy(step, calls);
  if ([...waited.values()].some((question) => isAnswered(question))) return { status: "answered" };
  const { status } = await backend.store.commit([
    { op: "update", id: lease.id, guard: { fence: lease.fence } },
    ...open.map((question) => endQuestionOp(backend, question, NEW_MESSAGE, actor)),
    ...calls.map((call) => callOffOp(call, waited, NEW_MESSAGE)),
  ]);
  return { status: status === "committed" ? "cleared" : "changed" };
}
