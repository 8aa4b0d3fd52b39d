/**
 * The server's own record of a thread: which graph it is of, its metadata, its last runs. One for each thread id, whoever
 * its tenant is: checkpoints know no tenants, so an id belongs to the tenant that used it first. Its lease says that a run
 * is in progress; its status is a hint for lists, and is checked against the checkpoint before it is told.
 */
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { SERVER_THREAD_KIND } from "../../backends/kinds.ts";
import type { Page, PageQuery, Patch, StoredRecord, UpdateOp } from "../../backends/record-store.ts";
import { hashJson, makeId, slotOf } from "../../core/ids.ts";
import { type JsonLimits, type JsonObject, toJsonObject } from "../../core/json.ts";
import { HttpError, notFound } from "./http-error.ts";

export const THREAD_STATUSES = ["idle", "busy", "interrupted", "error"] as const;
export type ThreadStatus = (typeof THREAD_STATUSES)[number];

export const MULTITASK_STRATEGIES = ["reject", "enqueue", "interrupt", "rollback"] as const;
export type MultitaskStrategy = (typeof MULTITASK_STRATEGIES)[number];
export type RunStatus = "pending" | "running" | "error" | "success" | "interrupted";

export interface RunEntry {
  readonly run_id: string;
  readonly assistant_id: string;
  readonly status: RunStatus;
  readonly created_at: number;
  readonly updated_at: number;
  readonly metadata: JsonObject;
  readonly multitask_strategy: MultitaskStrategy;
  readonly error?: { readonly error: string; readonly message: string };
}

/** PROTOCOL.md names no field of it: nothing but this server reads it. */
export interface ThreadValue {
  readonly schema_version: 1;
  readonly thread_id: string;
  readonly graph_id: string | null;
  readonly metadata: JsonObject;
  /** Oldest first, the last {@link MAX_RUNS}. */
  readonly runs: readonly RunEntry[];
  /** Epoch ms; not of the renewals of a lease. */
  readonly updated_at: number;
  /** The head when the last run ended; another one says that somebody else has moved the thread. */
  readonly checkpoint_id: string | null;
  /** The run that whoever holds the lease shall stop. */
  readonly cancel: string | null;
}

export const MAX_RUNS = 20;
/** Metadata is kept in the record: of a thread, and of each of its last runs. */
const THREAD_METADATA: JsonLimits = { maxBytes: 64 * 1024, maxDepth: 32 };
const RUN_METADATA: JsonLimits = { maxBytes: 8 * 1024, maxDepth: 32 };

/** @throws HoldpointError `ERR_HITL_TOO_LARGE`, `ERR_HITL_TOO_DEEP` */
export function checkedMetadata(metadata: unknown, of: "thread" | "run"): JsonObject {
  return toJsonObject(metadata, "metadata", of === "thread" ? THREAD_METADATA : RUN_METADATA);
}

const MAX_ATTEMPTS = 20;

export function valueOf(record: StoredRecord): ThreadValue {
  return record.value as unknown as ThreadValue;
}

export function graphKey(graph_id: string): string {
  return hashJson(["server_graph", graph_id]);
}

function threadRecordId(thread_id: string): string {
  return makeId("lgthread", slotOf("langgraph", thread_id), ["lgthread", thread_id]);
}

/** What a change of a record's value writes besides. */
export interface Change {
  readonly value: ThreadValue;
  readonly status?: ThreadStatus;
  readonly lease?: Patch["lease"];
  readonly guard?: UpdateOp["guard"];
}

export class ThreadRecords {
  readonly #backend: HITLBackend;

  constructor(backend: HITLBackend) {
    this.#backend = backend;
  }

  get tenant_id(): string {
    return this.#backend.tenant_id;
  }

  async find(thread_id: string): Promise<StoredRecord | null> {
    const record = await this.#any(thread_id);
    return record?.tenant_id === this.tenant_id ? record : null;
  }

  /** @throws HttpError 404, also for a thread of another tenant */
  async get(thread_id: string): Promise<StoredRecord> {
    const record = await this.find(thread_id);
    if (!record) throw notFound(`Thread ${thread_id}`);
    return record;
  }

  async many(thread_ids: readonly string[]): Promise<StoredRecord[]> {
    const found = await this.#backend.store.get(thread_ids.map(threadRecordId));
    return found.filter((record): record is StoredRecord => record?.tenant_id === this.tenant_id);
  }

  /** @throws HttpError 409 if the id is another tenant's */
  async create(
    thread_id: string,
    value: Pick<ThreadValue, "graph_id" | "metadata">,
    now: number,
  ): Promise<{ readonly created: boolean; readonly record: StoredRecord }> {
    const whole: ThreadValue = {
      schema_version: 1,
      thread_id,
      ...value,
      runs: [],
      updated_at: now,
      checkpoint_id: null,
      cancel: null,
    };
    const { results } = await this.#backend.store.commit([
      {
        op: "insert",
        record: {
          id: threadRecordId(thread_id),
          kind: SERVER_THREAD_KIND,
          tenant_id: this.tenant_id,
          status: "idle",
          keys: keysOf(whole),
          value: whole as unknown as JsonObject,
        },
      },
    ]);
    const record = results[0]?.record as StoredRecord;
    if (record.tenant_id !== this.tenant_id) throw new HttpError(409, `Thread ${thread_id} already exists.`);
    return { created: results[0]?.status === "inserted", record };
  }

  /**
   * Changes the value as it is now; `change` may be called more than once, and gives null to leave it. Resolves to the
   * record after the change, or null if nothing was to be changed.
   *
   * @throws HttpError 404 if the thread is gone
   */
  async modify(
    thread_id: string,
    change: (value: ThreadValue, record: StoredRecord) => Change | null,
    known?: StoredRecord,
  ): Promise<StoredRecord | null> {
    let record = known ?? (await this.get(thread_id));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const wanted = change(valueOf(record), record);
      if (!wanted) return null;
      const [result] = (await this.#backend.store.commit([this.#updateOp(record, wanted)])).results;
      if (result?.status === "updated") return result.record;
      if (!result?.record) throw notFound(`Thread ${thread_id}`);
      record = result.record;
    }
    throw new HttpError(409, `Thread ${thread_id} is changed by others all the time. Try again.`);
  }

  #updateOp({ id, version }: StoredRecord, { value, status, lease, guard }: Change): UpdateOp {
    return {
      op: "update",
      id,
      optional: true,
      guard: { version, ...guard },
      patch: {
        value: value as unknown as JsonObject,
        keys: keysOf(value),
        ...(status === undefined ? {} : { status }),
        ...(lease === undefined ? {} : { lease }),
      },
    };
  }

  /** Renews the lease of a run. The record if it is still held, else null. */
  async renew(
    { id, fence }: Pick<StoredRecord, "id" | "fence">,
    renewMs: number,
  ): Promise<StoredRecord | null> {
    const { results } = await this.#backend.store.commit([
      { op: "update", id, optional: true, guard: { fence }, patch: { lease: { renewMs } } },
    ]);
    return results[0]?.status === "updated" ? results[0].record : null;
  }

  page(query: Omit<PageQuery, "kind" | "tenant_id">): Promise<Page<StoredRecord>> {
    return this.#backend.store.page({ ...query, kind: SERVER_THREAD_KIND, tenant_id: this.tenant_id });
  }

  async remove(record: StoredRecord): Promise<void> {
    await this.#backend.store.remove([record]);
  }

  /** A lease counts while the store's clock says so. */
  async isHeld(record: StoredRecord): Promise<boolean> {
    return record.lease !== null && record.lease.expires_at > (await this.#backend.store.now());
  }

  async #any(thread_id: string): Promise<StoredRecord | null> {
    const [record] = await this.#backend.store.get([threadRecordId(thread_id)]);
    return record ?? null;
  }
}

function keysOf({ thread_id, graph_id }: ThreadValue): { thread: string; alias?: string } {
  return graph_id === null ? { thread: thread_id } : { thread: thread_id, alias: graphKey(graph_id) };
}
