/**
 * What a transition of a HITL record writes. Pure: the backend guards and commits it.
 */
import { withAnswerer } from "../core/answerers.ts";
import { hashJson } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { HITL_STATUSES, HITL_TRANSITIONS, isTerminalHITLStatus, statusesBefore } from "../core/states.ts";
import type { RespondResult } from "./hitl-backend.ts";
import { hitlValue, toHITLRecord } from "./hitl-codec.ts";
import type { NewEvent, Patch, StoredRecord, UpdateOp } from "./record-store.ts";
import { questionRemovableIn, type Retention } from "./retention/options.ts";

const SYSTEM = { id: "holdpoint", role: "system" } as const;

/**
 * A terminal record of a thread is due at once, and stays so until the graph has taken it up; another one when it may be
 * removed.
 */
export function ended(stored: StoredRecord, status: string, retention: Retention): Patch {
  const thread = stored.keys.thread;
  return thread === undefined
    ? { due_at: questionRemovableIn(retention, status) }
    : { due_at: { inMs: 0 }, keys: { wake: thread } };
}

/** What its graph has taken up is due when it may be removed. Only for a record that is, or becomes, terminal. */
export function takenUp(status: string, retention: Retention): Patch {
  return { due_at: questionRemovableIn(retention, status), keys: { wake: null } };
}

export const TERMINAL: readonly string[] = HITL_STATUSES.filter((status) => isTerminalHITLStatus(status));

/** What an answer to a terminal record comes to; null while it is pending. */
export function answered(stored: StoredRecord, answer: JsonValue): RespondResult | null {
  if (stored.status === "pending") return null;
  const record = toHITLRecord(stored);
  if (stored.status === "expired") return { status: "expired", record };
  if (stored.status === "cancelled") return { status: "cancelled", record };
  // The same answer is a duplicate whatever its key; a key that is used again with another answer is a conflict.
  return { status: hashJson(record.user_response) === hashJson(answer) ? "duplicate" : "conflict", record };
}

export interface AnsweredBy {
  readonly actor: Actor | undefined;
  readonly idempotency_key: string;
}

/** Accepts an answer, unless the record has changed, is terminal, or its deadline has passed. */
export function answerOp(
  stored: StoredRecord,
  answer: JsonValue,
  { actor, idempotency_key }: AnsweredBy,
  now: number,
  retention: Retention,
): UpdateOp & { readonly patch: Patch & { readonly value: JsonObject } } {
  const value = {
    ...hitlValue(stored),
    user_response: answer,
    responded_at: now,
    responded_by: (actor ?? null) as JsonValue,
    idempotency_key,
  };
  return {
    op: "update",
    id: stored.id,
    guard: { status: statusesBefore(HITL_TRANSITIONS, "completed"), version: stored.version, not_due: true },
    patch: { status: "completed", value, ...ended(stored, "completed", retention) },
    event: { type: "answered", actor },
  };
}

/** What happens at `expires_at` (P8: only an author's own `{ respond }` answers by time passing). */
export function expiryOf(stored: StoredRecord, now: number): { patch: Patch; event: NewEvent } {
  const current = hitlValue(stored);
  const on_expire = (current["on_expire"] ?? "expire") as HITLRecord["on_expire"];
  if (typeof on_expire === "object" && "respond" in on_expire) {
    const user_response = on_expire.respond;
    const value = {
      ...current,
      user_response,
      responded_at: now,
      responded_by: { ...SYSTEM },
      idempotency_key: `answer:${hashJson(user_response)}`,
      reason: "expired",
    };
    return {
      patch: { status: "completed", value },
      event: { type: "answered", actor: SYSTEM, reason: "expired" },
    };
  }
  if (typeof on_expire === "object") {
    const assignee = on_expire.escalate;
    const metadata = withAnswerer(current["metadata"], assignee);
    const value = { ...current, metadata, assignee, expires_at: null, on_expire: "expire" };
    return {
      patch: { value, keys: { assignee }, due_at: null },
      event: { type: "escalated", actor: SYSTEM, data: { assignee } },
    };
  }
  return {
    patch: { status: "expired", value: { ...current, reason: "expired" } },
    event: { type: "expired", actor: SYSTEM },
  };
}
