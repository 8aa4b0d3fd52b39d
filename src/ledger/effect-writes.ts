/** What each transition of an effect writes. Pure: the guards are made of `EFFECT_TRANSITIONS`. */
import { EFFECT_KIND } from "../backends/kinds.ts";
import { doubtOp, heldOp, takeOp } from "../backends/lease-claim.ts";
import type {
  InsertOp,
  LeaseRequest,
  NewEvent,
  Patch,
  StoredRecord,
  UpdateOp,
} from "../backends/record-store.ts";
import { type Retention, removableIn } from "../backends/retention/options.ts";
import type { Actor } from "../core/record.ts";
import type { EffectStatus } from "../core/states.ts";
import { before, effectJson, type EffectValue, effectValueOf, isTerminalStatus } from "./effect-record.ts";
import type { EffectError, JsonValue } from "./types.ts";

export interface Written {
  readonly retention: Retention;
  /** Epoch ms by the ledger's clock. */
  readonly now: number;
}

export type Outcome =
  | { readonly status: "succeeded"; readonly result: JsonValue }
  | { readonly status: "failed"; readonly error: EffectError; readonly has_run?: boolean };

export interface By {
  readonly actor?: Actor | undefined;
  readonly reason?: string | undefined;
}

export function insertOp(
  id: string,
  tenant_id: string,
  status: EffectStatus,
  value: EffectValue,
  lease?: LeaseRequest,
): InsertOp {
  return {
    op: "insert",
    record: {
      id,
      kind: EFFECT_KIND,
      tenant_id,
      status,
      keys: { session: value.session_id, alias: value.idem_key },
      value: effectJson(value),
    },
    ...(lease ? { lease } : {}),
    event: { type: "created" },
  };
}

/** Counts a call that was made again. No version is -1: nothing but the count changes. */
export function touchOp(id: string): UpdateOp {
  return { op: "update", id, optional: true, guard: { version: -1 }, touch: true };
}

/** The approval is checked by the caller; the version says that it is still what he has read. */
export function claimOp(stored: StoredRecord, value: EffectValue, lease: LeaseRequest): UpdateOp {
  const attempt = value.attempt + 1;
  const next: EffectValue = { ...value, attempt, result: null, error: null, completed_at: null };
  const patch: Patch = { status: "processing", value: effectJson(next), due_at: null };
  return { ...takeOp(stored, lease, patch, { type: "claimed" }), optional: true };
}

/** Statuses change by here: from those that the table allows, and as it was read. */
function moveOp(
  stored: StoredRecord,
  to: EffectStatus,
  value: EffectValue,
  event: NewEvent,
  { retention }: Written,
): UpdateOp {
  return {
    op: "update",
    id: stored.id,
    optional: true,
    guard: { status: before(to), version: stored.version },
    patch: {
      status: to,
      value: effectJson(value),
      lease: "release",
      due_at: isTerminalStatus(to) ? removableIn(retention.effects) : null,
    },
    event,
  };
}

/** The holder's outcome. */
export function outcomeOp(held: StoredRecord, outcome: Outcome, { retention, now }: Written): UpdateOp {
  const value = withOutcome(effectValueOf(held), outcome, now);
  const patch: Patch = {
    status: outcome.status,
    value: effectJson(value),
    lease: "release",
    due_at: removableIn(retention.effects),
  };
  return heldOp(held, patch, { type: outcome.status }, ["processing"]);
}

function withOutcome(value: EffectValue, outcome: Outcome, now: number): EffectValue {
  return outcome.status === "succeeded"
    ? { ...value, result: outcome.result, error: null, completed_at: now }
    : {
        ...value,
        result: null,
        error: outcome.error,
        completed_at: now,
        ...(outcome.has_run ? { has_run: true } : {}),
      };
}

/** The handler failed and is begun again under the same lease. */
export function attemptFailedOp(held: StoredRecord, error: EffectError): UpdateOp {
  const value = effectValueOf(held);
  const event: NewEvent = {
    type: "attempt_failed",
    reason: error.message,
    data: { attempt: value.attempt, error: error as unknown as JsonValue },
  };
  return heldOp(held, { value: effectJson({ ...value, attempt: value.attempt + 1 }) }, event, ["processing"]);
}

/** The handler ended without an outcome of its own: what it called waits, or was denied. */
export function releasedOp(held: StoredRecord, reason: string): UpdateOp {
  return heldOp(held, { status: "ready", lease: "release" }, { type: "released", reason }, ["processing"]);
}

/** The holder himself finds that he needs an approval; his lease ends with the question. */
export function holdForApprovalOp(held: StoredRecord, value: EffectValue): UpdateOp {
  const patch: Patch = { status: "requires_approval", value: effectJson(value), lease: "release" };
  const op = heldOp(held, patch, { type: "requires_approval" }, ["processing"]);
  return { ...op, optional: false };
}

/** The approval that there is was for something else, or is none; not optional: a question goes with it. */
export function askAgainOp(stored: StoredRecord, value: EffectValue, writing: Written): UpdateOp {
  const event: NewEvent = { type: "requires_approval" };
  return { ...moveOp(stored, "requires_approval", value, event, writing), optional: false };
}

/** As {@link askAgainOp}, where the question itself is gone. */
export function replaceQuestionOp(stored: StoredRecord, value: EffectValue): UpdateOp {
  return {
    op: "update",
    id: stored.id,
    guard: { status: [stored.status], version: stored.version },
    patch: { value: effectJson(value) },
    event: { type: "asked_again" },
  };
}

const DECIDED = { approved: "ready", denied: "denied", canceled: "canceled" } as const;

/** The effect moves as its question was answered. */
export function decidedOp(
  stored: StoredRecord,
  approval: NonNullable<EffectValue["approval"]>,
  writing: Written,
): UpdateOp {
  const decision = approval.decision ?? "canceled";
  const to = DECIDED[decision];
  const { reason } = approval;
  const isOver = to !== "ready";
  const value: EffectValue = {
    ...effectValueOf(stored),
    approval: { ...approval, decision },
    error: isOver && reason !== null ? { message: reason } : null,
    completed_at: isOver ? writing.now : null,
  };
  const event = eventOf(decision, { actor: approval.decided_by ?? undefined, reason: reason ?? undefined });
  return moveOp(stored, to, value, event, writing);
}

function eventOf(type: string, { actor, reason }: By): NewEvent {
  return {
    type,
    ...(actor === undefined ? {} : { actor }),
    ...(reason === undefined ? {} : { reason }),
  };
}

export function canceledOp(stored: StoredRecord, by: By, writing: Written): UpdateOp {
  const value = effectValueOf(stored);
  const { approval } = value;
  const next: EffectValue = {
    ...value,
    approval:
      approval && approval.decision === null
        ? {
            ...approval,
            decision: "canceled",
            decided_by: by.actor ?? null,
            decided_at: writing.now,
            reason: by.reason ?? null,
          }
        : approval,
    error: by.reason === undefined ? null : { message: by.reason },
    completed_at: writing.now,
  };
  return moveOp(stored, "canceled", next, eventOf("canceled", by), writing);
}

/** To be run (again): it failed and is tried again, or it was in doubt and did not happen. */
export function readyOp(stored: StoredRecord, type: string, by: By, writing: Written): UpdateOp {
  const { late_outcome: _, ...value } = effectValueOf(stored);
  const next: EffectValue = { ...value, doubt_hitl_id: null, completed_at: null };
  return moveOp(stored, "ready", next, eventOf(type, by), writing);
}

/** What became of an effect in doubt, by a human or by `verify`. */
export function resolvedOp(
  stored: StoredRecord,
  outcome: Outcome,
  type: string,
  by: By,
  writing: Written,
): UpdateOp {
  const value = { ...withOutcome(effectValueOf(stored), outcome, writing.now), doubt_hitl_id: null };
  return moveOp(stored, outcome.status, value, eventOf(type, by), writing);
}

/** Asks what became of it; not optional: the question goes with it. */
export function askDoubtOp(stored: StoredRecord, hitl_id: string): UpdateOp {
  const value = { ...effectValueOf(stored), doubt_hitl_id: hitl_id };
  return {
    op: "update",
    id: stored.id,
    guard: { status: ["in_doubt"], version: stored.version },
    patch: { value: effectJson(value) },
    event: { type: "asked" },
  };
}

export function inDoubtOp(stored: StoredRecord): UpdateOp {
  return doubtOp(stored, before("in_doubt"));
}

/** As {@link inDoubtOp}, by the holder himself, who came too late with this. */
export function lateOp(stored: StoredRecord, late_outcome: JsonValue): UpdateOp {
  const op = inDoubtOp(stored);
  const value = effectJson({ ...effectValueOf(stored), late_outcome });
  return {
    ...op,
    patch: { ...op.patch, value },
    event: { type: "in_doubt", reason: "the holder's lease ran out", data: { late_outcome } },
  };
}
