/**
 * Everything that a paused step waits for is called off in one commit: its questions are cancelled, and its calls
 * finished. All or nothing, so that an answer that comes at the same moment either wins or loses as a whole (P4).
 */
import { HITL_KIND, hitlValue } from "../../backends/hitl-codec.ts";
import { TAKEN_UP } from "../../backends/hitl-transitions.ts";
import { MAX_PAGE_LIMIT, type StoredRecord, type StoreOp } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import type { JsonValue } from "../../core/json.ts";
import type { Actor } from "../../core/record.ts";
import { CALL_STATUSES } from "../../core/states.ts";
import { CALL_KIND, callJson, type CallValue, callValueOf } from "../../suspend/call-record.ts";
import { nestedIds } from "../../suspend/errors.ts";
import { doubtText } from "../../suspend/in-doubt.ts";
import { askedAt } from "../../suspend/supersede.ts";
import type { Lease } from "../thread.ts";

/** The reason that is kept with what is cancelled. */
export const NEW_MESSAGE = "new_message";

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
  const calls = (await recordsOf(step, CALL_KIND, CALL_STATUSES)).filter(
    (call) => call.status !== "finished" && call.value["root_checkpoint_id"] === head,
  );
  const now = await backend.store.now();
  const working = calls.filter(
    ({ status, lease: held }) => status === "running" && held && held.expires_at > now,
  );
  if (working.length > 0) {
    return { status: "busy", until: Math.min(...working.map((call) => call.lease?.expires_at ?? now)) };
  }
  const open = (await recordsOf(step, HITL_KIND, ["pending"])).filter((record) => askedAt(record) === head);
  const waited = await backend.store.get([...new Set(calls.flatMap((call) => waitsFor(callValueOf(call))))]);
  if (waited.some((question) => question && isAnswered(question))) return { status: "answered" };
  const errors = new Map(waited.map((question) => [question?.id, question && failureOf(question)]));
  const { status } = await backend.store.commit([
    { op: "update", id: lease.id, guard: { fence: lease.fence } },
    ...open.map((question) => cancelOp(question, actor)),
    ...calls.map((call) => giveUpOp(call, errors)),
  ]);
  return { status: status === "committed" ? "cleared" : "changed" };
}

/** Accepted, and not yet taken up. One that was handed to a run which failed does not hold the user's message back. */
function isAnswered(question: StoredRecord): boolean {
  return (
    question.status === "completed" && question.keys.wake !== undefined && failureOf(question) === undefined
  );
}

/** Of the run that was handed the answer. */
function failureOf(question: StoredRecord): string | undefined {
  const { last_error } = hitlValue(question);
  return typeof last_error === "string" ? last_error : undefined;
}

type Failures = ReadonlyMap<string | undefined, string | null | undefined>;

function waitsFor(value: CallValue): string[] {
  return [...value.open, ...(value.doubt === null ? [] : [value.doubt]), ...nestedIds(value.interrupts)];
}

async function recordsOf(
  { backend, thread_id, slot }: PausedStep,
  kind: string,
  statuses: readonly string[],
): Promise<readonly StoredRecord[]> {
  const key = { name: "thread", value: thread_id } as const;
  const query = { kind, tenant_id: backend.tenant_id, statuses, key, slot, order: "newest" } as const;
  return (await backend.store.page({ ...query, limit: MAX_PAGE_LIMIT })).items;
}

function cancelOp(question: StoredRecord, actor: Actor | undefined): StoreOp {
  return {
    op: "update",
    id: question.id,
    guard: { status: ["pending"], version: question.version },
    patch: { status: "cancelled", value: { ...hitlValue(question), reason: NEW_MESSAGE }, ...TAKEN_UP },
    event: { type: "cancelled", reason: NEW_MESSAGE, actor },
  };
}

function giveUpOp(call: StoredRecord, failures: Failures): StoreOp {
  const { id, status, version } = call;
  const value = callValueOf(call);
  const failure = waitsFor(value)
    .map((question) => failures.get(question))
    .find((found) => typeof found === "string");
  const outcome = outcomeOf(call, value, failure ?? undefined);
  return {
    op: "update",
    id,
    guard: { status: [status], version, lease: "free" },
    patch: {
      status: "finished",
      value: callJson({ ...value, open: [], interrupts: [], doubt: null, outcome }),
      lease: "release",
    },
    event: { type: "finished", reason: NEW_MESSAGE },
  };
}

function outcomeOf({ status }: StoredRecord, value: CallValue, failure: string | undefined): JsonValue {
  const { steps, tool_call_id, tool_name } = value;
  const waited = status === "suspended" && failure === undefined;
  const done = Object.keys(steps).map((name) => name.replace(/#\d+$/, ""));
  const content = [
    waited ? CANCELLED_TEXT : doubtText({ decision: "give_up" }),
    ...(failure === undefined ? [] : [`It failed: ${failure}.`]),
    ...(done.length === 0 ? [] : [`Done before that: ${done.join(", ")}.`]),
  ].join(" ");
  return {
    kind: "tool_message",
    message: { content, status: "error", name: tool_name, tool_call_id: tool_call_id ?? "" },
  };
}

/** What the model reads of a call that waited for a human. */
const CANCELLED_TEXT =
  "The call was cancelled: it waited for a human, and the user sent a new message instead of an answer. Nothing was approved; do not act as if it were.";
