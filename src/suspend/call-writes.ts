/** What a call writes when it asks: its record beside the questions, in one commit (P5, P6). */
import type { NewEvent, StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { CallQuestions } from "./call-questions.ts";
import { callJson, type CallMode, type CallValue, callValueOf, insertCall } from "./call-record.ts";
import type { Place } from "./place.ts";
import { takenUpOp } from "./supersede.ts";

/** The call as it waits for its open questions. A question that took the place of an answered one is counted (P2). */
export function suspendedValue(
  before: CallValue,
  questions: CallQuestions,
  asked: CallValue["asked"],
  mode: CallMode,
): CallValue {
  const isNew = asked.length > before.asked.length;
  const changed = mode === "await" && before.mode === "await" && isNew && questions.unheard(before);
  return {
    ...before,
    asked,
    open: [...questions.open],
    mode,
    interrupts: [],
    changed: before.changed + (changed ? 1 : 0),
  };
}

/** The call has asked, but keeps running: a step beside the question is not done. */
export function keepOp(id: string, value: CallValue, fence: number): StoreOp {
  return { op: "update", id, guard: { fence }, patch: { value: callJson(value) } };
}

/**
 * @param suspended - the record that this execution has suspended already, with an earlier question
 * @param claimed - the record whose claim this execution holds
 */
export function suspendOp(
  place: Place,
  id: string,
  value: CallValue,
  suspended: StoredRecord | null,
  claimed: StoredRecord | null,
): StoreOp {
  const event: NewEvent = { type: "suspended" };
  const patch = { status: "suspended", value: callJson(value) } as const;
  if (suspended) {
    return { op: "update", id, guard: { status: ["suspended"], version: suspended.version }, patch, event };
  }
  if (claimed) {
    return {
      op: "update",
      id,
      guard: { fence: claimed.fence },
      patch: { ...patch, lease: "release" },
      event,
    };
  }
  return insertCall(place, id, "suspended", value);
}

/** @param held - the record of which this execution holds the claim, or that it has suspended or found in doubt */
export function finishOp(held: StoredRecord, value: CallValue): StoreOp {
  const { id, status, version, fence } = held;
  return {
    op: "update",
    id,
    guard: status === "running" ? { fence } : { status: [status], version },
    patch: { status: "finished", value: callJson(value), lease: "release" },
    event: { type: "finished" },
  };
}

/** The answers that an execution uses are due no more; written with the call's own transition. */
export function takenUpOps(
  backend: StoreHITLBackend,
  held: StoredRecord | null,
  known: ReadonlyMap<string, StoredRecord>,
): StoreOp[] {
  if (!held) return [];
  const { open, doubt } = callValueOf(held);
  return [...open, ...(doubt === null ? [] : [doubt])]
    .map((id) => known.get(id))
    .filter(
      (stored) =>
        stored !== undefined && isTerminalHITLStatus(stored.status) && stored.keys.wake !== undefined,
    )
    .map((stored) => takenUpOp(backend, stored as StoredRecord));
}
