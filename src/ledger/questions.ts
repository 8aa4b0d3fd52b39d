/** The two questions of an effect: may it run (P7), and, of one in doubt, did it happen (P6). */
import type { CreateRequest } from "../backends/hitl-backend.ts";
import { hitlValue, type PreparedRecord, toHITLRecord } from "../backends/hitl-codec.ts";
import { answerOp, ended } from "../backends/hitl-transitions.ts";
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { mayAnswer } from "../core/answerers.ts";
import { hashJson } from "../core/ids.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { HITL_TRANSITIONS, statusesBefore } from "../core/states.ts";
import { doubtDecision, doubtRequest } from "../suspend/in-doubt.ts";
import { supersedeOp } from "../suspend/supersede.ts";
import type { EffectValue } from "./effect-record.ts";
import { EffectLedgerError } from "./errors.ts";
import type { HostQuestions } from "./host.ts";
import type { ApprovalOptions, Settings } from "./options.ts";
import type { DoubtDecision, EffectApproval } from "./types.ts";

type Named = Pick<EffectValue, "idem_key" | "workflow_id" | "session_id" | "call_id" | "tool">;

function requestOf(effect_id: string, { idem_key, workflow_id, session_id, call_id, tool }: Named) {
  return {
    session_id,
    invocation_id: workflow_id,
    tool_name: tool,
    tool_call_id: call_id,
    metadata: { effect_id, idem_key, workflow_id },
  };
}

async function prepared(
  backend: StoreHITLBackend,
  request: CreateRequest,
  host: HostQuestions | undefined,
): Promise<PreparedRecord> {
  return backend.prepare(host ? await host.asking(request) : request);
}

/**
 * Asks whether the effect may run, as `value` has it now.
 *
 * @param before - what was approved until now, if the arguments are others: the human sees the difference
 * @throws HoldpointError `ERR_HITL_TOO_LARGE`: what cannot be shown whole cannot be approved
 */
export async function approvalQuestion(
  backend: StoreHITLBackend,
  effect_id: string,
  value: EffectValue,
  { message, preview, assignee, expiresInMs, on_expire, metadata }: ApprovalOptions,
  host: HostQuestions | undefined,
  before?: EffectValue,
): Promise<PreparedRecord> {
  const { tool, workflow_id, call_hash, policy_version } = value;
  const args = JSON.parse(value.args_canonical) as JsonObject;
  const named = requestOf(effect_id, value);
  const request: CreateRequest = {
    ...named,
    hitl_type: "permission",
    metadata: { ...metadata, ...named.metadata },
    data: {
      message: message ?? `Allow ${tool} for ${workflow_id}?`,
      tool,
      args,
      allowed_decisions: ["approve_once", "reject"],
      ...(preview === undefined ? {} : { preview }),
      ...(before ? { previous_args: JSON.parse(before.args_canonical) as JsonObject } : {}),
    },
    subject: {
      tool,
      args,
      approved_hash: call_hash,
      ...(policy_version === null ? {} : { rule_version: policy_version }),
    },
    assignee,
    expires_at: expiresInMs === undefined ? null : backend.now() + expiresInMs,
    on_expire,
  };
  return prepared(backend, request, host);
}

export function asked(hitl_id: string, { call_hash, policy_version }: EffectValue): EffectApproval {
  return {
    hitl_id,
    approved_hash: call_hash,
    policy_version,
    decision: null,
    decided_by: null,
    decided_at: null,
    reason: null,
  };
}

/** What an answered question comes to; null while it is open. P8: whatever is not clearly a yes is none. */
export function approvalOf(question: StoredRecord, approval: EffectApproval): EffectApproval | null {
  const { status, user_response, responded_by, responded_at, reason, updated_at } = toHITLRecord(question);
  if (status === "pending") return null;
  const decided_at = responded_at ?? updated_at;
  const decided = { ...approval, decided_by: responded_by, decided_at };
  if (status !== "completed") return { ...decided, decision: "canceled", reason: reason ?? status };
  const { decision, message } = (user_response ?? {}) as { decision?: unknown; message?: unknown };
  const isYes = decision === "approve_once" || decision === "approve_always";
  return {
    ...decided,
    decision: isYes ? "approved" : "denied",
    reason: typeof message === "string" ? message : null,
  };
}

/**
 * Asks what became of an effect whose worker died, or stood still. P8: who says that it runs again lets it run, so that it
 * is for those who may approve it.
 */
export function doubtQuestion(
  backend: StoreHITLBackend,
  effect_id: string,
  value: EffectValue,
  fence: number,
  { approval, host }: Pick<Settings, "approval" | "host">,
): Promise<PreparedRecord> {
  const { tool, attempt, late_outcome } = value;
  const { answerers } = approval.metadata ?? {};
  const request: CreateRequest = {
    ...requestOf(effect_id, value),
    ...doubtRequest(
      tool,
      JSON.parse(value.args_canonical) as JsonObject,
      { attempt, ...(late_outcome === undefined ? {} : { late_outcome }) },
      true,
    ),
    ...(answerers === undefined ? {} : { metadata: { answerers } }),
    key: `in_doubt:${fence}`,
  };
  return prepared(backend, request, host?.questions);
}

/**
 * Called off by the engine, because its thread went on without an answer: nobody has decided. The effect waits as before,
 * and is asked about again when its call is next made (PROTOCOL.md §19.4).
 */
export function isCalledOff({ status, keys, value }: StoredRecord): boolean {
  const { reason } = value;
  return (
    status === "cancelled" &&
    keys.thread !== undefined &&
    (reason === "superseded" || reason === "new_message")
  );
}

/** The question takes the place of one that was asked elsewhere: that one ends with it, or both stay as they are (P4). */
export function withdrawOps(backend: StoreHITLBackend, elsewhere: StoredRecord | undefined): StoreOp[] {
  return elsewhere ? [{ ...supersedeOp(backend, elsewhere), optional: false } as StoreOp] : [];
}

export interface DoubtDecided {
  readonly decision: DoubtDecision["decision"];
  readonly result: JsonValue;
  readonly actor: Actor | undefined;
}

/** Null while the question is open. */
export function doubtOf(question: StoredRecord): DoubtDecided | null {
  const record = toHITLRecord(question);
  if (record.status === "pending") return null;
  const { decision, result = null } = doubtDecision(record);
  return { decision, result, actor: record.responded_by ?? undefined };
}

/**
 * The question as it is answered, for a commit that also moves the effect. It is guarded by the version of the question by
 * which the actor may answer.
 *
 * @throws EffectLedgerError `ERR_HITL_FORBIDDEN`; nothing was decided
 */
export function answerQuestionOp(
  backend: StoreHITLBackend,
  question: StoredRecord,
  answer: JsonValue,
  actor: Actor | undefined,
): StoreOp {
  const record = toHITLRecord(question);
  if (!mayAnswer(record, actor)) throw forbidden(record);
  const by = { actor, idempotency_key: `answer:${hashJson(answer)}` };
  return answerOp(question, answer, by, backend.now(), backend.retention);
}

function forbidden({ hitl_id }: HITLRecord): EffectLedgerError {
  const message = `The question ${hitl_id} names who may answer it, and this actor is not among them.`;
  return new EffectLedgerError("ERR_HITL_FORBIDDEN", message, { details: { hitl_id } });
}

/** The question as it is called off, for a commit that also cancels the effect. */
export function cancelQuestionOp(
  backend: StoreHITLBackend,
  question: StoredRecord,
  actor: Actor | undefined,
  reason: string,
): StoreOp {
  return {
    op: "update",
    id: question.id,
    guard: {
      status: statusesBefore(HITL_TRANSITIONS, "cancelled"),
      version: question.version,
      not_due: true,
    },
    patch: {
      status: "cancelled",
      value: { ...hitlValue(question), reason },
      ...ended(question, "cancelled", backend.retention),
    },
    event: { type: "cancelled", actor, reason },
  };
}
