/**
 * Between a HITL record as people see it and a `StoredRecord`: what the envelope holds (status, version, times,
 * lease) is not kept twice.
 */
import { assertAnswerers } from "../core/answerers.ts";
import { HoldpointError } from "../core/errors.ts";
import { assertData, defaultResponseSchema } from "../core/hitl-types.ts";
import {
  interruptIdOf,
  isOwnId,
  isValidForeignId,
  makeRandomId,
  type RandomId,
  slotOf,
  slotOfId,
} from "../core/ids.ts";
import {
  assertJsonSize,
  cloneJson,
  type JsonLimits,
  type JsonObject,
  type JsonValue,
  toJson,
  toJsonObject,
} from "../core/json.ts";
import {
  type Actor,
  ActorSchema,
  HITL_UPCASTERS,
  type HITLRecord,
  OnExpireSchema,
  RECORD_SCHEMA_VERSION,
  SubjectSchema,
  upcast,
} from "../core/record.ts";
import {
  assertUsableSchema,
  checkJsonSchema,
  describeIssues,
  isStandardSchema,
  type StandardSchema,
  toJsonSchema,
} from "../core/response-schema.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { CreateRequest } from "./hitl-backend.ts";
import { POLICY_ASKS } from "./kinds.ts";
import type { InsertOp, KeyName, StoredRecord } from "./record-store.ts";

export const HITL_KIND = "hitl";

function invalid(message: string, details: Record<string, unknown> = {}): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details });
}

/** A text that becomes an index key or an id. @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkId(value: unknown, name: string): string {
  if (isValidForeignId(value)) return value;
  return invalid(`${name} has to be a string of 1 to 255 characters without control characters.`, { name });
}

const optionalId = (value: unknown, name: string, max = 1024): string | null => {
  if (value === undefined || value === null) return null;
  if (typeof value === "string" && value.length > 0 && value.length <= max && value.isWellFormed())
    return value;
  return invalid(`${name} has to be a string of 1 to ${max} characters.`, { name });
};

const objectOrNull = (value: unknown, name: string, limits: JsonLimits): JsonObject | null =>
  value === undefined || value === null ? null : toJsonObject(value, name, limits);

export function checkActor(actor: unknown): Actor | undefined {
  if (actor === undefined || actor === null) return undefined;
  const result = ActorSchema.safeParse(actor);
  return result.success ? result.data : invalid(`actor: ${result.error.issues[0]?.message ?? "invalid"}`);
}

export interface PreparedRecord {
  /** The id in the store; differs from `hitl_id` for a caller's own id. */
  readonly id: string;
  readonly session_id: string;
  readonly insert: InsertOp;
  /** To be checked in this process besides the JSON Schema in the record. */
  readonly standard: StandardSchema | undefined;
}

export interface PrepareContext {
  readonly tenant_id: string;
  readonly limits: JsonLimits;
  readonly randomId: RandomId;
  /** The id in the store, where the caller has computed it (P2). */
  readonly id?: string;
  /** Names the record within its thread, besides its id. */
  readonly alias?: string;
}

/** Checks a request completely and makes the insert of it. Nothing is written. */
export function prepareRecord(request: CreateRequest, context: PrepareContext): PreparedRecord {
  const { tenant_id, limits } = context;
  const thread_id =
    request.thread_id === undefined || request.thread_id === null
      ? null
      : checkId(request.thread_id, "thread_id");
  const session = request.session_id ?? thread_id;
  if (session === null) invalid("create needs a session_id or a thread_id: questions are listed by them.");
  const session_id = checkId(session, "session_id");
  const invocation_id = checkId(request.invocation_id ?? session_id, "invocation_id");
  const hitl_type = checkId(request.hitl_type, "hitl_type");
  const slot = slotOf(tenant_id, session_id);
  const given = request.hitl_id === undefined ? undefined : checkId(request.hitl_id, "hitl_id");
  const own = given !== undefined && isOwnId(given) && slotOfId(given) === slot;
  const id = context.id ?? (own ? given : makeRandomId(HITL_KIND, slot, context.randomId));
  const hitl_id = context.id ?? given ?? id;

  const data = toJsonObject(request.data ?? {}, "data", limits);
  assertData(hitl_type, data);
  const { schema, standard } = responseSchema(request, hitl_type, data, limits);
  const on_expire = onExpire(request.on_expire ?? "expire", schema, limits);
  const expires_at = request.expires_at ?? null;
  if (expires_at !== null && (!Number.isSafeInteger(expires_at) || expires_at < 0)) {
    invalid("expires_at has to be epoch milliseconds (a whole number), or null.");
  }
  if (
    request.resume_mode !== undefined &&
    request.resume_mode !== "response" &&
    request.resume_mode !== "continuation"
  ) {
    invalid('resume_mode is "response" or "continuation".');
  }
  const subject = request.subject ? SubjectSchema.safeParse(request.subject) : null;
  if (subject && !subject.success)
    return invalid(`subject: ${subject.error.issues[0]?.message ?? "invalid"}`);
  const keyed = (value: string | null | undefined, name: string): string | null =>
    value === undefined || value === null ? null : checkId(value, name);
  const checkpoint_id = keyed(request.checkpoint_id, "checkpoint_id");
  const callback_id = keyed(request.callback_id, "callback_id");
  const assignee = keyed(request.assignee, "assignee");
  const metadata = toJsonObject(request.metadata ?? {}, "metadata", limits);
  assertAnswerers(metadata);

  const value: JsonObject = {
    schema_version: RECORD_SCHEMA_VERSION,
    hitl_id,
    hitl_type,
    session_id,
    invocation_id,
    thread_id,
    checkpoint_ns: optionalId(request.checkpoint_ns, "checkpoint_ns"),
    interrupt_id: interruptIdOf(id),
    graph_name: optionalId(request.graph_name, "graph_name"),
    data,
    metadata,
    block_id: optionalId(request.block_id, "block_id"),
    resume_mode: request.resume_mode ?? "response",
    tool_state: objectOrNull(request.tool_state, "tool_state", limits),
    checkpoint_id,
    callback_id,
    tool_name: optionalId(request.tool_name, "tool_name"),
    tool_call_id: optionalId(request.tool_call_id, "tool_call_id"),
    node_id: optionalId(request.node_id, "node_id"),
    params: objectOrNull(request.params, "params", limits),
    key: optionalId(request.key, "key"),
    occurrence: request.occurrence ?? 0,
    response_schema: schema,
    subject: subject ? toJson(subject.data, "subject", limits) : null,
    assignee,
    expires_at,
    on_expire,
    user_response: null,
    responded_at: null,
    responded_by: null,
    idempotency_key: null,
    reason: null,
  };
  assertJsonSize(value, "the record", limits);
  const keys: { [name in KeyName]?: string } = { session: session_id, invocation: invocation_id };
  if (thread_id !== null) keys.thread = thread_id;
  if (checkpoint_id !== null) keys.checkpoint = checkpoint_id;
  if (callback_id !== null) keys.callback = callback_id;
  if (assignee !== null) keys.assignee = assignee;
  if (context.alias !== undefined) keys.alias = context.alias;
  else if (hitl_type === "permission" && subject?.data.rule_id !== undefined) keys.alias = POLICY_ASKS;
  return {
    id,
    session_id,
    standard,
    insert: {
      op: "insert",
      record: { id, kind: HITL_KIND, tenant_id, status: "pending", keys, due_at: expires_at, value },
      event: { type: "created", actor: checkActor(request.actor) },
    },
  };
}

/** What happens at the deadline; an answer that is given then has to be a valid one. */
function onExpire(given: unknown, schema: JsonObject | boolean | null, limits: JsonLimits): JsonValue {
  if (given === "expire") return given;
  const parsed = OnExpireSchema.safeParse(given);
  if (!parsed.success)
    return invalid('on_expire is "expire", { respond: answer } or { escalate: assignee }.');
  if (typeof parsed.data === "object" && "respond" in parsed.data && schema !== null) {
    const issues = checkJsonSchema(schema, parsed.data.respond);
    if (issues.length > 0)
      invalid(`on_expire.respond is not a valid answer: ${describeIssues(issues)}`, { issues });
  }
  return toJson(parsed.data, "on_expire", limits);
}

function responseSchema(
  request: CreateRequest,
  hitl_type: string,
  data: JsonObject,
  limits: JsonLimits,
): { schema: JsonObject | boolean | null; standard: StandardSchema | undefined } {
  const given = request.response_schema;
  if (given === undefined) {
    const schema = defaultResponseSchema(hitl_type, data);
    if (schema !== null) assertUsableSchema(schema);
    return { schema, standard: undefined };
  }
  if (given === null) return { schema: null, standard: undefined };
  if (isStandardSchema(given)) return { schema: toJsonSchema(given), standard: given };
  const schema = typeof given === "boolean" ? given : toJsonObject(given, "response_schema", limits);
  assertUsableSchema(schema);
  return { schema, standard: undefined };
}

/** What a record's value holds; the rest of a HITL record is its envelope. */
type HITLValue = Omit<
  HITLRecord,
  "tenant_id" | "status" | "version" | "resume" | "created_at" | "updated_at"
> & { readonly last_error?: string };

/** The value in the newest shape, to be read or written back. @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function hitlValue(stored: StoredRecord): JsonObject {
  return upcast(stored.value, HITL_UPCASTERS, `record ${stored.id}`);
}

/** The record as every API returns it. @throws HoldpointError `ERR_HITL_SCHEMA_VERSION` */
export function toHITLRecord(stored: StoredRecord): HITLRecord {
  return withValue(stored, hitlValue(stored));
}

/** The same of a record that was just inserted: what was sent is what was stored (S6), and need not be parsed. */
export function insertedRecord(stored: StoredRecord, { insert }: PreparedRecord): HITLRecord {
  return withValue(stored, cloneJson(insert.record.value));
}

function withValue(stored: StoredRecord, json: JsonObject): HITLRecord {
  const value = json as unknown as HITLValue;
  const { tenant_id, status, version, fence, lease, created_at, updated_at } = stored;
  const ended = isTerminalHITLStatus(status) && value.thread_id !== null;
  const state = !ended ? "none" : stored.keys.wake === undefined ? "done" : "waiting";
  // Written out: an object that is copied and then grows becomes a table, many times as large and slow.
  return {
    schema_version: value.schema_version,
    version,
    tenant_id,
    hitl_id: value.hitl_id,
    hitl_type: value.hitl_type,
    session_id: value.session_id,
    invocation_id: value.invocation_id,
    thread_id: value.thread_id,
    checkpoint_ns: value.checkpoint_ns,
    interrupt_id: value.interrupt_id,
    graph_name: value.graph_name,
    data: value.data,
    metadata: value.metadata,
    block_id: value.block_id,
    status: status as HITLRecord["status"],
    resume_mode: value.resume_mode,
    tool_state: value.tool_state,
    checkpoint_id: value.checkpoint_id,
    callback_id: value.callback_id,
    tool_name: value.tool_name,
    tool_call_id: value.tool_call_id,
    node_id: value.node_id,
    params: value.params,
    key: value.key,
    occurrence: value.occurrence,
    response_schema: value.response_schema,
    subject: value.subject,
    assignee: value.assignee,
    expires_at: value.expires_at,
    on_expire: value.on_expire,
    user_response: value.user_response,
    responded_at: value.responded_at,
    responded_by: value.responded_by,
    idempotency_key: value.idempotency_key,
    reason: value.reason,
    resume: { state, attempts: fence, lease, fence, last_error: value.last_error ?? null },
    created_at,
    updated_at,
  };
}

/**
 * A HITL record that a caller brings, as far as a guarded write needs it: what is not in it (other keys, the lease)
 * is not touched by the write.
 */
export function toStoredRecord(record: HITLRecord): StoredRecord {
  const { tenant_id, status, version, resume, created_at, updated_at, ...rest } = record;
  return {
    id: `${HITL_KIND}_${record.interrupt_id ?? ""}`,
    kind: HITL_KIND,
    tenant_id,
    status,
    version,
    keys: record.thread_id === null ? {} : { thread: record.thread_id },
    due_at: record.expires_at,
    lease: resume.lease,
    fence: resume.fence,
    touches: 0,
    created_at,
    updated_at,
    value: resume.last_error === null ? rest : { ...rest, last_error: resume.last_error },
  };
}
