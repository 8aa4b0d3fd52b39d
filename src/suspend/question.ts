/** A question before it is recorded, and how it is told from others (P2). */
import type { StoredRecord } from "../backends/record-store.ts";
import type { CreateRequest } from "../backends/hitl-backend.ts";
import type { PreparedRecord } from "../backends/hitl-codec.ts";
import { HoldpointError } from "../core/errors.ts";
import { hashJson } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import { type JsonObject, toJsonObject } from "../core/json.ts";
import { isStandardSchema, toJsonSchema } from "../core/response-schema.ts";
import { type CallIdentity } from "./call-record.ts";
import { type Place, questionId } from "./place.ts";
import type { HITLSuspend } from "./suspend-signal.ts";

export interface Question {
  readonly request: Omit<CreateRequest, "hitl_id" | "session_id" | "thread_id">;
  readonly key: string | undefined;
  readonly alias: string | undefined;
  readonly expiresInMs: number | undefined;
  /** How often an answer was accepted and then refused by a refinement in the asking process, and why. */
  readonly retry?: { readonly count: number; readonly error: string };
  /** How often the question was withdrawn, because its call stopped elsewhere, and is asked again. */
  readonly withdrawn?: number;
}

/** The engine itself withdrew the question: its call, run to its next stop, no longer asked it. */
export function isWithdrawn(stored: StoredRecord): boolean {
  return stored.status === "cancelled" && stored.value["reason"] === "superseded";
}

export function askedAnew(question: Question): Question {
  return { ...question, withdrawn: (question.withdrawn ?? 0) + 1 };
}

/** What an author's options come to in a `create` request. */
export function questionOf(signal: HITLSuspend): Question {
  const { key, response_schema, expires_at, expiresInMs, on_expire, assignee, callback_id, alias } =
    signal.ask;
  return {
    key: key ?? alias,
    alias,
    expiresInMs,
    request: {
      hitl_type: signal.hitl_type,
      data: signal.data,
      metadata: signal.metadata,
      node_id: signal.node_id,
      tool_name: signal.tool_name,
      block_id: signal.block_id,
      resume_mode: signal.resume_mode,
      tool_state: signal.tool_state,
      checkpoint_id: signal.checkpoint_id,
      callback_id,
      response_schema,
      expires_at,
      on_expire,
      assignee,
    },
  };
}

/** Equal for equal questions, whatever the order of their keys. Times and assignees do not enter it. */
export function fingerprintOf(question: Question): string {
  const { hitl_type, data, response_schema } = question.request;
  const schema: JsonValue = isStandardSchema(response_schema)
    ? toJsonSchema(response_schema)
    : ((response_schema ?? null) as JsonValue);
  return hashJson([hitl_type, toJsonObject(data ?? {}, "data"), schema]);
}

export interface NamedQuestion {
  readonly id: string;
  readonly fingerprint: string;
  readonly occurrence: number;
}

/** Gives each question of one run of a call its id. A second run counts anew and arrives at the same ids. */
export class QuestionNames {
  /** How often each name was asked for. */
  readonly #counts = new Map<string, number>();
  readonly #round: number;

  /** @param round - how often the call was continued: the same question in a later round is another one. */
  constructor(round: number) {
    this.#round = round;
  }

  /**
   * @throws HoldpointError `ERR_HITL_DUPLICATE_KEY` when two questions of one run have one key: the second would
   * get the first one's answer.
   */
  next(place: Place, call: CallIdentity, question: Question): NamedQuestion {
    const fingerprint = fingerprintOf(question);
    const { key, retry, withdrawn, request } = question;
    const name: JsonObject = key === undefined ? { fingerprint } : { key };
    if (this.#round > 0) name["round"] = this.#round;
    if (retry) name["retry"] = retry.count;
    if (withdrawn) name["withdrawn"] = withdrawn;
    // P7: an approval counts for what was shown; other arguments are another question, whatever the key.
    if (request.subject) name["subject"] = request.subject.approved_hash;
    const text = JSON.stringify(name);
    const occurrence = this.#counts.get(text) ?? 0;
    if (key !== undefined && occurrence > 0) {
      throw new HoldpointError(
        "ERR_HITL_DUPLICATE_KEY",
        `Two questions of the call ${call.tool_name} have the key "${key}". Give each its own, for example with a loop index in it.`,
        { details: { key, tool_name: call.tool_name } },
      );
    }
    this.#counts.set(text, occurrence + 1);
    return { id: questionId(place, call.tool_call_id, name, occurrence), fingerprint, occurrence };
  }
}

/** The record of a question, checked and ready to be inserted. */
export function prepareQuestion(
  place: Place,
  call: CallIdentity,
  question: Question,
  named: NamedQuestion,
  now: number,
): PreparedRecord {
  const { request, key, alias, expiresInMs, retry } = question;
  // Written out: an object that is copied and then grows becomes a table, many times as large and slow.
  return place.backend.prepare(
    {
      hitl_type: request.hitl_type,
      data: retry ? { ...request.data, error: retry.error } : request.data,
      metadata: { ...request.metadata, root_checkpoint_id: place.root_checkpoint_id },
      session_id: place.session_id,
      invocation_id: place.invocation_id,
      thread_id: place.thread_id,
      checkpoint_ns: place.checkpoint_ns,
      graph_name: place.graph_name,
      node_id: request.node_id ?? place.node_id,
      tool_name: request.tool_name ?? (call.tool_call_id === null ? null : call.tool_name),
      tool_call_id: call.tool_call_id,
      params: call.params,
      block_id: request.block_id,
      resume_mode: request.resume_mode,
      tool_state: request.tool_state,
      checkpoint_id: request.checkpoint_id,
      callback_id: request.callback_id,
      key: key ?? null,
      occurrence: named.occurrence,
      response_schema: request.response_schema,
      subject: request.subject,
      assignee: request.assignee,
      expires_at: request.expires_at ?? (expiresInMs === undefined ? null : now + expiresInMs),
      on_expire: request.on_expire,
      actor: request.actor,
    },
    { id: named.id, ...(alias === undefined ? {} : { alias }) },
  );
}

/** A continuation can be looked up by its tool checkpoint, also if its author named none. */
export function withCheckpoint(question: Question, call: CallIdentity): Question {
  const { request } = question;
  if (request.resume_mode !== "continuation" || request.checkpoint_id) return question;
  return { ...question, request: { ...request, checkpoint_id: `ckpt_${call.id.slice(-12)}` } };
}
