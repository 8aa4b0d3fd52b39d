/**
 * What is written where the conversation goes on without what a step waits for: its questions end, and each of its
 * calls gets an outcome that the model can read (P6).
 */
import { HITL_KIND, hitlValue, toHITLRecord } from "../../backends/hitl-codec.ts";
import { takenUp } from "../../backends/hitl-transitions.ts";
import { MAX_PAGE_LIMIT, type StoredRecord, type StoreOp } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import type { JsonValue } from "../../core/json.ts";
import type { Actor } from "../../core/record.ts";
import { CALL_STATUSES } from "../../core/states.ts";
import { CALL_KIND, callJson, type CallValue, callValueOf } from "../../suspend/call-record.ts";
import { nestedIds } from "../../suspend/errors.ts";
import { doubtText } from "../../suspend/in-doubt.ts";
import { answerText } from "../tool-outcome.ts";
import { CALLED_OFF } from "./results.ts";

export interface CallsPlace {
  readonly backend: StoreHITLBackend;
  readonly thread_id: string;
  /** Of the session: questions and calls are there. */
  readonly slot: number;
}

/** Why the engine ends questions; kept with them (PROTOCOL.md §5.4). */
export type CallOffReason = "new_message" | "superseded";

export function callsOf(place: CallsPlace): Promise<readonly StoredRecord[]> {
  return recordsOf(place, CALL_KIND, CALL_STATUSES);
}

export function openQuestionsOf(place: CallsPlace): Promise<readonly StoredRecord[]> {
  return recordsOf(place, HITL_KIND, ["pending"]);
}

async function recordsOf(
  { backend, thread_id, slot }: CallsPlace,
  kind: string,
  statuses: readonly string[],
): Promise<readonly StoredRecord[]> {
  const key = { name: "thread", value: thread_id } as const;
  const query = { kind, tenant_id: backend.tenant_id, statuses, key, slot, order: "newest" } as const;
  return (await backend.store.page({ ...query, limit: MAX_PAGE_LIMIT })).items;
}

/** A process is in its body, and gives signs of life. */
export function isAtWork({ status, lease }: StoredRecord, now: number): boolean {
  return status === "running" && lease !== null && lease.expires_at > now;
}

/** The questions that calls wait for, by id. */
export type Waited = ReadonlyMap<string, StoredRecord>;

export async function waitedBy({ backend }: CallsPlace, calls: readonly StoredRecord[]): Promise<Waited> {
  const ids = new Set(calls.flatMap((call) => waitsFor(callValueOf(call))));
  const found = (await backend.store.get([...ids])).filter((question) => question !== null);
  return new Map(found.map((question) => [question.id, question]));
}

function waitsFor(value: CallValue): string[] {
  return [...value.open, ...(value.doubt === null ? [] : [value.doubt]), ...nestedIds(value.interrupts)];
}

/** Accepted, and not yet taken up. One that was handed to a run which failed does not hold the user's message back. */
export function isAnswered(question: StoredRecord): boolean {
  return (
    question.status === "completed" && question.keys.wake !== undefined && failureOf(question) === undefined
  );
}

/** Of the run that was handed the answer. */
function failureOf(question: StoredRecord): string | undefined {
  const { last_error } = hitlValue(question);
  return typeof last_error === "string" ? last_error : undefined;
}

export function endQuestionOp(
  { retention }: StoreHITLBackend,
  question: StoredRecord,
  reason: CallOffReason,
  actor?: Actor,
): StoreOp {
  return {
    op: "update",
    id: question.id,
    guard: { status: ["pending"], version: question.version },
    patch: {
      status: "cancelled",
      value: { ...hitlValue(question), reason },
      ...takenUp("cancelled", retention),
    },
    event: { type: "cancelled", reason, actor },
  };
}

/** The call gets its outcome, unless it has changed since it was read or is at work. */
export function callOffOp(call: StoredRecord, waited: Waited, reason: CallOffReason): StoreOp {
  const { id, status, version } = call;
  const value = callValueOf(call);
  const questions = waitsFor(value).flatMap((question) => waited.get(question) ?? []);
  return {
    op: "update",
    id,
    guard: { status: [status], version, lease: "free" },
    patch: {
      status: "finished",
      value: callJson({
        ...value,
        open: [],
        interrupts: [],
        doubt: null,
        outcome: outcomeOf(status, value, questions),
      }),
      lease: "release",
    },
    event: { type: "finished", reason },
  };
}

function outcomeOf(status: string, value: CallValue, questions: readonly StoredRecord[]): JsonValue {
  const { steps, mode, tool_call_id, tool_name } = value;
  const message = { name: tool_name, tool_call_id: tool_call_id ?? "" };
  const answered = questions.find((question) => isAnswered(question));
  // There the answer is the output: nothing would have to run with it.
  if (status === "suspended" && mode === "response" && answered) {
    const { text, status: said } = answerText(toHITLRecord(answered));
    return { kind: "tool_message", message: { ...message, content: text, status: said } };
  }
  const failure = questions.map((question) => failureOf(question)).find((found) => found !== undefined);
  const done = Object.keys(steps).map((name) => name.replace(/#\d+$/, ""));
  const waits = status === "suspended" && failure === undefined;
  const content = [
    waits ? (answered ? UNUSED_TEXT : CANCELLED_TEXT) : doubtText({ decision: "give_up" }),
    ...(failure === undefined ? [] : [`It failed: ${failure}.`]),
    ...(done.length === 0 ? [] : [`Done before that: ${done.join(", ")}.`]),
  ].join(" ");
  const response_metadata = { holdpoint: CALLED_OFF };
  return { kind: "tool_message", message: { ...message, content, status: "error", response_metadata } };
}

/** What the model reads of a call that waited for a human. */
const CANCELLED_TEXT =
  "The call was cancelled: it waited for a human, and the user sent a new message instead of an answer. Nothing was approved; do not act as if it were.";

/** The same, with an answer that came at the last moment. What it says was meant for the tool, not for the model. */
const UNUSED_TEXT =
  "The call was cancelled: a human had answered its question, but the user sent a new message before the call could go on, so the answer was not used. Nothing was approved; if it is still wanted, it has to be asked again.";
