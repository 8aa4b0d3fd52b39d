/**
 * `HITLBackend`: HITL records as users of the package see them. It is written once (`StoreHITLBackend`), on top
 * of a `RecordStore`.
 */
import type { Actor, HITLRecord, HITLType, OnExpire, ResumeMode, Subject } from "../core/record.ts";
import type { ResponseIssue, StandardSchema } from "../core/response-schema.ts";
import type { HITLStatus } from "../core/states.ts";
import type { Page, RecordEvent, RecordStore } from "./record-store.ts";
import type { SweepOptions, SweepResult } from "./retention/sweeping.ts";

/**
 * A question to be recorded. Only `hitl_type` and one of `session_id`, `thread_id` are needed; what is not
 * given gets the default that PROTOCOL.md §2 names.
 */
export interface CreateRequest {
  /** Any id, unique in the tenant (aury). Without it the backend makes one. */
  readonly hitl_id?: string | undefined;
  readonly hitl_type: HITLType;
  /** Default: the thread. */
  readonly session_id?: string | undefined;
  /** Default: the session. */
  readonly invocation_id?: string | undefined;
  readonly thread_id?: string | null | undefined;
  readonly checkpoint_ns?: string | null | undefined;
  readonly graph_name?: string | null | undefined;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** Anything; `answerers` is a list of the ids of the actors who may answer (PROTOCOL.md §5.5). */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly block_id?: string | null | undefined;
  readonly resume_mode?: ResumeMode | undefined;
  readonly tool_state?: Readonly<Record<string, unknown>> | null | undefined;
  readonly checkpoint_id?: string | null | undefined;
  readonly callback_id?: string | null | undefined;
  readonly tool_name?: string | null | undefined;
  readonly tool_call_id?: string | null | undefined;
  readonly node_id?: string | null | undefined;
  readonly params?: Readonly<Record<string, unknown>> | null | undefined;
  readonly key?: string | null | undefined;
  readonly occurrence?: number | undefined;
  /** JSON Schema (draft 2020-12), or any Standard Schema such as a zod one. Default: that of the type. */
  readonly response_schema?: Readonly<Record<string, unknown>> | boolean | StandardSchema | null | undefined;
  readonly subject?: Subject | null | undefined;
  readonly assignee?: string | null | undefined;
  /** Epoch milliseconds; null for never. */
  readonly expires_at?: number | null | undefined;
  readonly on_expire?: OnExpire | undefined;
  /** Who asks; noted in the history. */
  readonly actor?: Actor | undefined;
}

export interface CreateResult {
  readonly status: "created" | "exists";
  readonly record: HITLRecord;
}

export interface RespondOptions {
  readonly actor?: Actor | undefined;
  /** Default: derived from the answer, so that the same answer given twice is a duplicate, not a conflict. */
  readonly idempotency_key?: string | undefined;
  /**
   * The record as an API returned it, unchanged: saves the read (P5). Its age does not matter, the write is guarded; but
   * its fields are written back with the answer, and who may answer is read from it. Never one that came from outside.
   */
  readonly record?: HITLRecord | undefined;
}

/** What became of an answer. Only `accepted` changed anything. */
export type RespondResult =
  | { readonly status: "accepted"; readonly record: HITLRecord }
  /** The same answer was accepted before; `record` shows it. */
  | { readonly status: "duplicate"; readonly record: HITLRecord }
  /** Another answer was accepted before; `record` shows the winner (P4). */
  | { readonly status: "conflict"; readonly record: HITLRecord }
  /** The answer does not satisfy the response schema; the question is still open (P3). */
  | { readonly status: "invalid"; readonly record: HITLRecord; readonly issues: readonly ResponseIssue[] }
  /** This actor, or nobody in particular, may not answer; the question is still open (PROTOCOL.md §5.5). */
  | { readonly status: "forbidden"; readonly record: HITLRecord }
  | { readonly status: "expired"; readonly record: HITLRecord }
  | { readonly status: "cancelled"; readonly record: HITLRecord }
  | { readonly status: "not_found"; readonly record?: undefined }
  /** The store did not confirm. Send the same answer again: it is accepted once. */
  | { readonly status: "indeterminate"; readonly record?: HITLRecord };

export interface CancelOptions {
  readonly actor?: Actor | undefined;
  readonly reason?: string | undefined;
}

export type CancelResult =
  | { readonly status: "cancelled"; readonly record: HITLRecord }
  /** It was terminal already; `record` shows how. */
  | { readonly status: "conflict"; readonly record: HITLRecord }
  | { readonly status: "not_found"; readonly record?: undefined };

export interface PageOptions {
  /** 1 to 1000, default 50. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
  /** By time of creation; default `oldest`. */
  readonly order?: "oldest" | "newest" | undefined;
}

/**
 * The closed set of filters, each of them an index: one of the keys or none, and any statuses (default:
 * all). Another combination is `ERR_HITL_INVALID_INPUT`, never a slow scan.
 */
export interface ListQuery extends PageOptions {
  readonly status?: HITLStatus | readonly HITLStatus[] | undefined;
  readonly session_id?: string | undefined;
  readonly invocation_id?: string | undefined;
  readonly thread_id?: string | undefined;
  readonly checkpoint_id?: string | undefined;
  readonly callback_id?: string | undefined;
  readonly assignee?: string | undefined;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds after which `ERR_HITL_TIMEOUT` is thrown. Default: no limit. */
  readonly timeoutMs?: number | undefined;
}

export interface HITLBackend {
  /** The record store underneath: call records, leases and other domains live there. */
  readonly store: RecordStore;
  readonly tenant_id: string;

  /**
   * Records a question. A second `create` for the same id returns the record that is there, unchanged.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_LARGE`,
   * `ERR_HITL_TOO_DEEP` before anything is written; `ERR_HITL_CONFLICT` if the id is another record's, or
   * another session of the tenant is just creating it.
   */
  create(request: CreateRequest): Promise<CreateResult>;
  /** The record; one whose deadline has passed is returned as what it has become. */
  get(hitl_id: string): Promise<HITLRecord | null>;
  /** Answers a question: the first valid answer of somebody who may answer wins (P3, P4). */
  respond(hitl_id: string, user_response: unknown, options?: RespondOptions): Promise<RespondResult>;
  cancel(hitl_id: string, options?: CancelOptions): Promise<CancelResult>;
  getPendingBySession(session_id: string, page?: PageOptions): Promise<Page<HITLRecord>>;
  getPendingByInvocation(invocation_id: string, page?: PageOptions): Promise<Page<HITLRecord>>;
  /** Records of every status of one thread. */
  getByThread(thread_id: string, page?: PageOptions): Promise<Page<HITLRecord>>;
  /** The newest record with this tool checkpoint. */
  getByCheckpoint(checkpoint_id: string): Promise<HITLRecord | null>;
  /** The newest record with this external callback. */
  getByCallback(callback_id: string): Promise<HITLRecord | null>;
  /** A view that can see and touch nothing but the tenant's records. Closing it closes nothing. */
  forTenant(tenant_id: string): HITLBackend;
  list(query: ListQuery): Promise<Page<HITLRecord>>;
  /** Who did what and when, oldest first: created, answered, cancelled, expired, escalated, taken_up … */
  history(
    hitl_id: string,
    page?: { readonly limit?: number; readonly cursor?: string },
  ): Promise<Page<RecordEvent>>;
  /**
   * Resolves when the record is terminal.
   *
   * @throws HoldpointError `ERR_HITL_NOT_FOUND`, `ERR_HITL_TIMEOUT`, `ERR_HITL_ABORTED`
   */
  waitFor(hitl_id: string, options?: WaitOptions): Promise<HITLRecord>;
  /**
   * Removes what has ended and was kept for its time, in all tenants, and what nobody needs any more of their threads;
   * what is pending is never removed (docs/retention.md). Bounded work: call it again while `more` is true. A backend
   * sweeps by itself in the background, unless `retention.sweepEveryMs` is 0.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT`, `ERR_HITL_ABORTED`
   *
   * @example
   * ```ts
   * import type { HITLBackend } from "holdpoint";
   *
   * export async function sweepAll(backend: HITLBackend): Promise<void> {
   *   for (let more = true; more; ) ({ more } = await backend.sweep({ limit: 100 }));
   * }
   * ```
   */
  sweep(options?: SweepOptions): Promise<SweepResult>;
  close(): Promise<void>;
}

/** A backend within a transaction that its owner began and ends: what `withTransaction` of a backend gives. */
export interface TransactionBackend extends HITLBackend {
  /** To be called after the commit: those who wait hear of it. */
  announce(): void;
}
