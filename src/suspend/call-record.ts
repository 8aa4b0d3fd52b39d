/**
 * The call record (P6): what became of one tool call in a step that suspends. Kept in the record store beside
 * the questions, in the same slot, so that both change together.
 */
import { CALL_KIND } from "../backends/kinds.ts";
import type { InsertOp, LeaseRequest, StoredRecord } from "../backends/record-store.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { upcast } from "../core/record.ts";
import type { CallStatus } from "../core/states.ts";
import type { Place } from "./place.ts";

export { CALL_KIND };
const CALL_SCHEMA_VERSION = 1;

/** How the call goes on after an answer. */
export type CallMode =
  /** The body runs again; each ask in it finds its own answer. */
  | "await"
  /** The answer is the output. */
  | "response"
  /** The body runs again and finds `resumption()`. */
  | "continuation"
  /** A graph inside the body is paused; the body runs again and that graph goes on. */
  | "nested";

export interface AskedQuestion {
  readonly id: string;
  readonly fingerprint: string;
  readonly key: string | null;
  readonly occurrence: number;
}

export interface CallValue {
  readonly schema_version: number;
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly root_checkpoint_id: string | null;
  readonly tool_call_id: string | null;
  readonly tool_name: string;
  /** Every question that the call asked, in order. */
  readonly asked: readonly AskedQuestion[];
  /** Those that the call waits for now. */
  readonly open: readonly string[];
  readonly mode: CallMode | null;
  /** How often the body was continued; part of the ids of what it asks then. */
  readonly round: number;
  /** The question whose answer the running round continues with. */
  readonly resumed: string | null;
  /** Results of `step`, by name and occurrence. */
  readonly steps: { readonly [name: string]: StepResult };
  /** Interrupts of graphs inside the body, as they threw them. */
  readonly interrupts: readonly JsonValue[];
  /** How often a question was no longer asked when its answer was there. */
  readonly changed: number;
  /** The question what to do, while the call is in doubt. */
  readonly doubt: string | null;
  readonly outcome: JsonValue | null;
  /** How its attempts failed, in order, where that is no outcome. Absent for none. */
  readonly failures?: readonly JsonValue[];
  /** Its steps are effects of their own, and one has begun: what became of each is theirs to say. Absent for false. */
  readonly step_effects?: boolean;
}

/** Without `value`: the step gave `undefined`, which JSON does not know, or (`error`) what cannot be kept. */
export type StepResult = { readonly value?: JsonValue; readonly error?: string };

export interface CallIdentity {
  readonly id: string;
  readonly tool_call_id: string | null;
  readonly tool_name: string;
  readonly params: JsonObject | null;
}

export function emptyCall(place: Place, call: CallIdentity): CallValue {
  return {
    schema_version: CALL_SCHEMA_VERSION,
    thread_id: place.thread_id,
    checkpoint_ns: place.checkpoint_ns,
    root_checkpoint_id: place.root_checkpoint_id,
    tool_call_id: call.tool_call_id,
    tool_name: call.tool_name,
    asked: [],
    open: [],
    mode: null,
    round: 0,
    resumed: null,
    steps: {},
    interrupts: [],
    changed: 0,
    doubt: null,
    outcome: null,
  };
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function callValueOf(stored: StoredRecord): CallValue {
  return upcast(stored.value, [], `call record ${stored.id}`) as unknown as CallValue;
}

export function callJson(value: CallValue): JsonObject {
  return value as unknown as JsonObject;
}

export function insertCall(
  place: Place,
  id: string,
  status: CallStatus,
  value: CallValue,
  lease?: LeaseRequest,
): InsertOp {
  return {
    op: "insert",
    if_exists: "abort",
    record: {
      id,
      kind: CALL_KIND,
      tenant_id: place.tenant_id,
      status,
      keys: { ...place.call_keys, thread: place.thread_id },
      value: callJson(value),
    },
    ...(lease ? { lease } : {}),
    event: { type: status },
  };
}

export function statusOf(stored: StoredRecord): CallStatus {
  return stored.status as CallStatus;
}
