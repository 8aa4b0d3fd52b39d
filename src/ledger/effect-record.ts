/** The effect as it is stored, and as callers see it (PROTOCOL.md §19.2). */
import type { StoredRecord } from "../backends/record-store.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import { upcast } from "../core/record.ts";
import { EFFECT_TRANSITIONS, type EffectStatus } from "../core/states.ts";
import type { PreparedCall } from "./call.ts";
import type { Effect, EffectApproval, EffectError } from "./types.ts";

const EFFECT_SCHEMA_VERSION = 1;

export const TERMINAL_STATUSES: readonly EffectStatus[] = ["succeeded", "failed", "denied", "canceled"];
export const AWAITING_STATUSES: readonly EffectStatus[] = ["processing", "requires_approval", "in_doubt"];

/** The call has come to its end, and is not run: also `failed`, which only an explicit retry takes up again. */
export function isTerminalStatus(status: string): boolean {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

/** Somebody is at work, or has to decide. */
export function isAwaitingStatus(status: string): boolean {
  return (AWAITING_STATUSES as readonly string[]).includes(status);
}

export interface EffectValue {
  readonly schema_version: number;
  readonly idem_key: string;
  readonly workflow_id: string;
  readonly session_id: string;
  readonly call_id: string;
  readonly tool: string;
  readonly args_canonical: string;
  readonly resource_id_canonical: string;
  readonly call_hash: string;
  readonly policy_version: string | null;
  readonly attempt: number;
  readonly requires_approval: boolean;
  readonly approval: EffectApproval | null;
  readonly doubt_hitl_id: string | null;
  /** What a holder brought after its lease was lost: evidence for whoever decides. Absent for nothing. */
  readonly late_outcome?: JsonValue;
  /** The handler has run to its end, and its result could not be kept: it must not run again, whoever asks. */
  readonly has_run?: boolean;
  readonly result: JsonValue;
  readonly error: EffectError | null;
  readonly completed_at: number | null;
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function effectValueOf(stored: StoredRecord): EffectValue {
  return upcast(stored.value, [], `effect ${stored.id}`) as unknown as EffectValue;
}

export function effectJson(value: EffectValue): JsonObject {
  return value as unknown as JsonObject;
}

export function statusOf(stored: StoredRecord): EffectStatus {
  return stored.status as EffectStatus;
}

/** The statuses from which an effect may come to `to`. */
export function before(to: EffectStatus): readonly EffectStatus[] {
  return (Object.keys(EFFECT_TRANSITIONS) as EffectStatus[]).filter((from) =>
    EFFECT_TRANSITIONS[from].includes(to),
  );
}

/** @param attempt - 1 if its handler begins with the insert */
export function newEffect(prepared: PreparedCall, call_id: string, attempt: 0 | 1): EffectValue {
  return {
    schema_version: EFFECT_SCHEMA_VERSION,
    idem_key: prepared.idem_key,
    workflow_id: prepared.call.workflow_id,
    session_id: prepared.session_id,
    call_id,
    tool: prepared.call.tool,
    args_canonical: prepared.args_canonical,
    resource_id_canonical: prepared.resource_id_canonical,
    call_hash: prepared.approved_hash,
    policy_version: prepared.policy_version,
    attempt,
    requires_approval: false,
    approval: null,
    doubt_hitl_id: null,
    result: null,
    error: null,
    completed_at: null,
  };
}

/** @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function toEffect(stored: StoredRecord): Effect {
  const value = effectValueOf(stored);
  return {
    schema_version: value.schema_version,
    id: stored.id,
    tenant_id: stored.tenant_id,
    idem_key: value.idem_key,
    workflow_id: value.workflow_id,
    session_id: value.session_id,
    call_id: value.call_id,
    tool: value.tool,
    status: statusOf(stored),
    args_canonical: value.args_canonical,
    resource_id_canonical: value.resource_id_canonical,
    dedup_count: stored.touches,
    attempt: value.attempt,
    fence: stored.fence,
    lease: stored.lease,
    call_hash: value.call_hash,
    policy_version: value.policy_version,
    requires_approval: value.requires_approval,
    // A copy: whoever holds the effect writes the rest of its value back with the outcome.
    approval: value.approval && structuredClone(value.approval),
    doubt_hitl_id: value.doubt_hitl_id,
    result: value.result,
    error: value.error,
    created_at: stored.created_at,
    updated_at: stored.updated_at,
    completed_at: value.completed_at,
    version: stored.version,
  };
}

/** P8: an effect that needs an approval runs only with one for exactly what it would do now (P7). */
export function isAllowed({ requires_approval, approval }: EffectValue, call_hash: string): boolean {
  return !requires_approval || (approval?.decision === "approved" && approval.approved_hash === call_hash);
}
