/**
 * `RecordStore`: the one contract that a datastore implements. Everything else (HITL records, call records,
 * leases; later effects and grants) is written once, on top of it.
 *
 * Terms. A **record** is a versioned JSON value with a status, a closed set of index keys, an optional due
 * time, an optional lease, and a history. A **slot** (0…4095) is the partition that an id carries; records of
 * one slot can change together. The **store's clock** decides about time, so that skewed workers do no harm.
 *
 * Invariants, tested by `holdpoint/testing` on every store:
 *
 * - S1 A commit is atomic: all of its operations, their index entries and their history events happen, or none.
 * - S2 `version` starts at 1 and grows by one with each update of a record.
 * - S3 `fence` grows by one with each lease taken on a record and never falls.
 * - S4 A commit that is sent twice (a client library re-sends after a cut connection) has one effect, and
 *   both callers read the same outcome.
 * - S5 A page shows no record that has left its index, and misses none that is in it.
 * - S6 What was stored is read back to the byte: key order, numbers, empty arrays, unicode.
 */
import type { Actor } from "../core/record.ts";
import type { JsonObject } from "../core/json.ts";

/** The closed set of index keys. `alias` and `wake` are internal: foreign ids, and answers not yet taken up. */
export const KEY_NAMES = [
  "session",
  "invocation",
  "thread",
  "checkpoint",
  "callback",
  "assignee",
  "alias",
  "wake",
] as const;
export type KeyName = (typeof KEY_NAMES)[number];
export type RecordKeys = { readonly [name in KeyName]?: string };

export interface Lease {
  /** Unique for each attempt to take a lease; never a machine's name alone. */
  readonly owner: string;
  /** Epoch ms by the store's clock. */
  readonly expires_at: number;
}

/** To be read only, with all that is in it: a store may freeze what it hands out. */
export interface StoredRecord {
  /** `<prefix>_<32 hex>`, see `core/ids.ts`; the first three hex digits are the slot. */
  readonly id: string;
  readonly kind: string;
  readonly tenant_id: string;
  readonly status: string;
  readonly version: number;
  readonly keys: RecordKeys;
  /** Epoch ms from which {@link RecordStore.acquireDue} hands the record out; null for never. */
  readonly due_at: number | null;
  readonly lease: Lease | null;
  /** How many leases were ever taken on the record: the fencing token of the present or last one. */
  readonly fence: number;
  /** How often someone found the lease held, or the record already there, and asked for that to be counted. */
  readonly touches: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly value: JsonObject;
}

export interface LeaseRequest {
  readonly owner: string;
  readonly durationMs: number;
}

export interface NewEvent {
  readonly type: string;
  readonly actor?: Actor | undefined;
  readonly reason?: string | undefined;
  readonly data?: JsonObject | undefined;
}

export interface RecordEvent extends NewEvent {
  /** Position in the record's history, from 1, without gaps. */
  readonly seq: number;
  /** Epoch ms by the store's clock. */
  readonly at: number;
  /** The record's version after the event. */
  readonly version: number;
  readonly status: string;
}

/** What has to hold for an update to happen. All given conditions must. */
export interface Guard {
  readonly status?: readonly string[];
  readonly version?: number;
  /** `free`: no lease, or one that has run out. */
  readonly lease?: "free";
  /** The lease with this fencing token is still the newest and has not run out. */
  readonly fence?: number;
  readonly touches?: number;
  /** `due_at` is null or in the future by the store's clock. */
  readonly not_due?: true;
  /** `due_at` is in the past by the store's clock. */
  readonly due?: true;
}

/** Only what is named changes. `keys` is merged; a key set to null is removed. */
export interface Patch {
  readonly status?: string;
  readonly value?: JsonObject;
  readonly keys?: { readonly [name in KeyName]?: string | null };
  readonly due_at?: number | null | { readonly inMs: number };
  readonly lease?: LeaseRequest | { readonly renewMs: number } | "release";
}

export interface InsertOp {
  readonly op: "insert";
  readonly record: {
    readonly id: string;
    readonly kind: string;
    readonly tenant_id: string;
    readonly status: string;
    readonly keys?: RecordKeys;
    readonly due_at?: number | null;
    readonly value: JsonObject;
  };
  /** The new record is leased from the start. */
  readonly lease?: LeaseRequest;
  readonly event?: NewEvent;
  /** `keep` (default): an existing record is left as it is and returned. `abort`: nothing of the commit happens. */
  readonly if_exists?: "keep" | "abort";
  /** Count the attempt in `touches` of an existing record. */
  readonly touch?: boolean;
}

export interface UpdateOp {
  readonly op: "update";
  readonly id: string;
  readonly guard?: Guard;
  readonly patch?: Patch;
  readonly event?: NewEvent;
  /** The rest of the commit goes on although the guard fails or the record is missing. */
  readonly optional?: boolean;
  /** Count an optional update whose guard failed in `touches`. */
  readonly touch?: boolean;
}

/** Reads inside the commit: the state after it, or the present one if it was refused. */
export interface ReadOp {
  readonly op: "read";
  readonly id: string;
}

export type StoreOp = InsertOp | UpdateOp | ReadOp;

export interface OpResult {
  /**
   * `inserted`, `updated`, `read`: done. `exists`: was there already. `stale`: the guard failed.
   * `missing`: no such record. `skipped`: not done because another operation of the commit was refused.
   */
  readonly status: "inserted" | "exists" | "updated" | "stale" | "missing" | "read" | "skipped";
  /** The record after the commit; when it was refused, as it is now. Null if there is none. */
  readonly record: StoredRecord | null;
}

export interface CommitResult {
  readonly status: "committed" | "refused";
  /** One for each operation, in order. */
  readonly results: readonly OpResult[];
}

export interface PageQuery {
  readonly kind: string;
  readonly tenant_id: string;
  /** One of these statuses; must not be empty. */
  readonly statuses: readonly string[];
  /** Restrict to records with this key. Without it: all of the tenant. */
  readonly key?: { readonly name: KeyName; readonly value: string };
  /** Restrict to one slot, where the caller knows it: one partition is asked instead of all. */
  readonly slot?: number;
  /** By `created_at`, then id. Default `oldest`. */
  readonly order?: "oldest" | "newest";
  /** 1 to 1000, default 50. */
  readonly limit?: number;
  /** `next_cursor` of an earlier page of the same query. Stays valid while records come and go. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Absent on the last page. */
  readonly next_cursor?: string;
}

export interface DueQuery {
  readonly kind: string;
  readonly limit: number;
  readonly lease: LeaseRequest;
}

export interface HistoryQuery {
  readonly limit?: number;
  readonly cursor?: string | undefined;
}

export interface PurgeQuery {
  readonly kind: string;
  readonly statuses: readonly string[];
  /** Only records last updated before this time (epoch ms). */
  readonly updatedBefore: number;
  /** At most this many in one call, 1 to 1000. */
  readonly limit: number;
}

/** A record as a caller has read it: `created_at` tells it from one that was made anew under its id. */
export type AsRead = Pick<StoredRecord, "id" | "version" | "created_at">;

/** A hint that a record changed; the truth is what a read returns. */
export interface ChangeHint {
  readonly id: string;
  readonly version: number;
  readonly status: string;
}

export interface Watcher {
  /** Ends the watch. No hint arrives afterwards. */
  close(): Promise<void>;
}

export interface StoreCapabilities {
  readonly name: string;
  /** Records outlive the process. */
  readonly durable: boolean;
  /** Several processes can share the store. */
  readonly shared: boolean;
  /** How another process hears of a change: told at once, or by looking again. Without another process neither. */
  readonly hints: "pushed" | "polled" | "in_process";
  /** Writes can take part in a transaction of the caller's own. */
  readonly transactions: boolean;
}

/**
 * One atomic operation each; every method may reject with a `HoldpointError`: `ERR_HITL_STORE` (nothing was
 * done), `ERR_HITL_INDETERMINATE` (it may have been done; sending it again is safe), `ERR_HITL_CLOSED`.
 */
export interface RecordStore {
  readonly capabilities: StoreCapabilities;

  /**
   * Does all operations together (S1), in order. All ids must be of one slot (`ERR_HITL_CROSS_SLOT`), and no
   * two operations that write may name one id. An insert that finds its record, and an `optional` update whose
   * guard fails, do not stop the others; any other failed guard or missing record refuses the whole commit:
   * nothing is written, and each result shows the record as it is now.
   */
  commit(ops: readonly StoreOp[]): Promise<CommitResult>;

  /** The records in the order of the ids; null where there is none. The ids may be of any slots. */
  get(ids: readonly string[]): Promise<(StoredRecord | null)[]>;

  /** A page by one index key. Its cost depends on the page, not on how many records there are. */
  page(query: PageQuery): Promise<Page<StoredRecord>>;

  /**
   * Leases up to `limit` records of a kind whose `due_at` has passed and whose lease is free, or whose lease
   * has run out. No two callers get the same record while a lease lasts. Writes no history event.
   */
  acquireDue(query: DueQuery): Promise<readonly StoredRecord[]>;

  /** Appends a history event without a new version. False if the record does not exist. */
  append(id: string, event: NewEvent): Promise<boolean>;

  /** Events of a record, oldest first. Limit 1 to 1000, default 50. */
  history(id: string, query?: HistoryQuery): Promise<Page<RecordEvent>>;

  /**
   * Calls `listener` after each change of one of the records. Resolves when the watch is in force: a read that
   * starts after that, together with the hints, misses no change. After a lost connection the listener is
   * called for each id, since changes may have been missed.
   */
  watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher>;

  /** Deletes old records with their index entries and histories. `more` says that another call has work. */
  purge(query: PurgeQuery): Promise<{ readonly purged: number; readonly more: boolean }>;

  /**
   * Deletes records that are still as they were read, with their index entries and histories: one whose `version` or
   * `created_at` is another now is left as it is. A version counts leases, too, so one that somebody else has leased
   * stays. Each record by itself is atomic; the ids may be of any slots, 0 to 1000 of them. Sent twice it deletes once.
   * Resolves to how many it deleted. Writes no event, and tells no watcher.
   */
  remove(records: readonly AsRead[]): Promise<number>;

  /** Epoch ms by the store's clock. */
  now(): Promise<number>;

  /** Idempotent. Closes only what the store opened itself. */
  close(): Promise<void>;
}

export const DEFAULT_PAGE_LIMIT = 50;
export const MAX_PAGE_LIMIT = 1000;
