import { type Clock, systemClock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { Actor } from "../../core/record.ts";
import { cloneJson, frozenJson, type JsonObject } from "../../core/json.ts";
import { Listings } from "./listings.ts";
import { SortedIndex } from "./sorted-index.ts";
import {
  type ChangeHint,
  type CommitResult,
  type DueQuery,
  type HistoryQuery,
  type NewEvent,
  type OpResult,
  type Page,
  type PageQuery,
  type PurgeQuery,
  type RecordEvent,
  type RecordStore,
  type StoreCapabilities,
  type StoredRecord,
  type StoreOp,
  type Watcher,
} from "../record-store.ts";
import {
  checkCommit,
  checkLimit,
  checkPage,
  compareCreated,
  decodeSeqCursor,
  dueTime,
  encodeCursor,
  guardHolds,
  newRecord,
  patched,
} from "../store-rules.ts";

export interface MemoryRecordStoreOptions {
  readonly clock?: Clock;
}

interface Entry {
  record: StoredRecord;
  readonly events: RecordEvent[];
}

/** What several {@link MemoryRecordStore} handles share, as two processes share a server. */
export class MemoryRecordData {
  readonly entries: Map<string, Entry> = new Map();
  readonly listings: Listings = new Listings(() => this.#records());
  /** One per kind, ordered by due time. */
  readonly due: Map<string, SortedIndex> = new Map();
  readonly listeners: Map<string, Set<(hint: ChangeHint) => void>> = new Map();

  *#records(): Iterable<StoredRecord> {
    for (const { record } of this.entries.values()) yield record;
  }
}

/**
 * The model of all stores: plain maps and sorted arrays, each operation in one turn of the event loop.
 * Values are copied on the way in and frozen, so that nothing handed out can change the store.
 */
export class MemoryRecordStore implements RecordStore {
  readonly capabilities: StoreCapabilities = { name: "memory", durable: false, shared: false };
  readonly #data: MemoryRecordData;
  readonly #clock: Clock;
  #closed = false;

  constructor(options: MemoryRecordStoreOptions = {}, data: MemoryRecordData = new MemoryRecordData()) {
    this.#clock = options.clock ?? systemClock;
    this.#data = data;
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    this.#assertOpen();
    checkCommit(ops);
    const now = this.#clock.now();
    const plan: (Entry | null)[] = [];
    const results: OpResult[] = [];
    const touched: Entry[] = [];
    let refused = false;
    for (const operation of ops) {
      const id = operation.op === "insert" ? operation.record.id : operation.id;
      const entry = this.#data.entries.get(id);
      const record = entry?.record ?? null;
      plan.push(null);
      if (operation.op === "read") {
        results.push({ status: "read", record });
      } else if (operation.op === "insert") {
        if (entry) {
          if (operation.if_exists === "abort") refused = true;
          if (operation.touch) touched.push(entry);
          results.push({ status: "exists", record });
        } else {
          const fresh = frozen(newRecord(operation, now, frozenJson(operation.record.value)));
          plan[plan.length - 1] = { record: fresh, events: [] };
          results.push({ status: "inserted", record: fresh });
        }
      } else if (!entry || !guardHolds(entry.record, operation.guard, now)) {
        if (!operation.optional) refused = true;
        else if (operation.touch && entry) touched.push(entry);
        results.push({ status: entry ? "stale" : "missing", record });
      } else {
        const { patch } = operation;
        const own = patch?.value ? { ...patch, value: frozenJson(patch.value) } : patch;
        const next = frozen(patched(entry.record, own, now));
        plan[plan.length - 1] = { ...entry, record: next };
        results.push({ status: "updated", record: next });
      }
    }
    if (refused) return { status: "refused", results: this.#asRefused(ops, results) };
    for (const entry of touched)
      entry.record = frozen({ ...entry.record, touches: entry.record.touches + 1 });
    for (const [index, operation] of ops.entries()) {
      const planned = plan[index];
      if (planned && operation.op !== "read") this.#write(planned, operation.event, now);
    }
    return { status: "committed", results: this.#reread(ops, results) };
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    this.#assertOpen();
    return ids.map((id) => this.#read(id));
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    this.#assertOpen();
    const { statuses, order, limit, after, slot } = checkPage(query);
    const merged: StoredRecord[] = [];
    const prefix = slot === undefined ? undefined : slot.toString(16).padStart(3, "0");
    const { kind, tenant_id, key } = query;
    for (const status of new Set(statuses)) {
      const index = this.#data.listings.find(kind, tenant_id, key, status);
      for (const id of index?.from(after, order, limit + 1, prefix) ?? []) {
        const record = this.#data.entries.get(id)?.record;
        if (record) merged.push(record);
      }
    }
    merged.sort(order === "oldest" ? compareCreated : (a, b) => compareCreated(b, a));
    const items = merged.slice(0, limit);
    const last = items.at(-1);
    return merged.length > limit && last ? { items, next_cursor: encodeCursor(last) } : { items };
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    this.#assertOpen();
    const now = this.#clock.now();
    const limit = checkLimit(query.limit);
    const acquired: StoredRecord[] = [];
    for (const id of this.#data.due.get(query.kind)?.upTo(now, limit) ?? []) {
      const entry = this.#data.entries.get(id);
      if (!entry) continue;
      const record = frozen(patched(entry.record, { lease: query.lease }, now));
      this.#write({ ...entry, record }, undefined, now);
      acquired.push(record);
    }
    return acquired;
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    this.#assertOpen();
    const entry = this.#data.entries.get(id);
    if (!entry) return false;
    this.#record(entry, event, this.#clock.now());
    return true;
  }

  async history(id: string, query: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    this.#assertOpen();
    const limit = checkLimit(query.limit);
    const start = decodeSeqCursor(query.cursor);
    const events = this.#data.entries.get(id)?.events ?? [];
    const items = events.slice(start, start + limit).map(cloneStored);
    return start + limit < events.length ? { items, next_cursor: String(start + limit) } : { items };
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    this.#assertOpen();
    const { listeners } = this.#data;
    // A listener of its own for each watch, so that two watches with one function stay two.
    const own = (hint: ChangeHint): void => listener(hint);
    for (const id of ids) {
      const set = listeners.get(id) ?? new Set();
      listeners.set(id, set.add(own));
    }
    return {
      close: async () => {
        for (const id of ids) {
          const set = listeners.get(id);
          set?.delete(own);
          if (set?.size === 0) listeners.delete(id);
        }
      },
    };
  }

  async purge(query: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    this.#assertOpen();
    const limit = checkLimit(query.limit);
    let purged = 0;
    for (const entry of this.#data.entries.values()) {
      const { record } = entry;
      if (record.kind !== query.kind || !query.statuses.includes(record.status)) continue;
      if (record.updated_at >= query.updatedBefore) continue;
      if (purged === limit) return { purged, more: true };
      this.#data.listings.remove(record);
      const due = dueTime(record);
      if (due !== null) this.#data.due.get(record.kind)?.delete(due, record.id);
      this.#data.entries.delete(record.id);
      purged += 1;
    }
    return { purged, more: false };
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #read(id: string): StoredRecord | null {
    return this.#data.entries.get(id)?.record ?? null;
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The memory store is closed.");
  }

  #asRefused(ops: readonly StoreOp[], results: readonly OpResult[]): OpResult[] {
    return results.map((result, index) => {
      const operation = ops[index] as StoreOp;
      const id = operation.op === "insert" ? operation.record.id : operation.id;
      const done = result.status === "inserted" || result.status === "updated";
      return { status: done ? "skipped" : result.status, record: this.#read(id) };
    });
  }

  #reread(ops: readonly StoreOp[], results: readonly OpResult[]): OpResult[] {
    return results.map((result, index) => {
      const operation = ops[index] as StoreOp;
      const id = operation.op === "insert" ? operation.record.id : operation.id;
      return { status: result.status, record: this.#read(id) };
    });
  }

  #write(planned: Entry, event: NewEvent | undefined, now: number): void {
    const { record } = planned;
    const known = this.#data.entries.get(record.id);
    const entry = known ?? planned;
    const before = known?.record;
    if (before) {
      // A lease or a value alone moves a record in no listing.
      if (before.status !== record.status || before.keys !== record.keys)
        this.#data.listings.move(before, record);
      entry.record = record;
    } else {
      this.#data.entries.set(record.id, entry);
      this.#data.listings.add(record);
    }
    const dueBefore = before ? dueTime(before) : null;
    const due = dueTime(record);
    if (dueBefore !== due) {
      if (dueBefore !== null) this.#data.due.get(record.kind)?.delete(dueBefore, record.id);
      if (due !== null) this.#dueOf(record.kind).add(due, record.id);
    }
    if (event) this.#record(entry, event, now);
    const hint = { id: record.id, version: record.version, status: record.status };
    for (const listener of this.#data.listeners.get(record.id) ?? []) queueMicrotask(() => listener(hint));
  }

  #dueOf(kind: string): SortedIndex {
    const { due } = this.#data;
    let index = due.get(kind);
    if (!index) due.set(kind, (index = new SortedIndex()));
    return index;
  }

  #record(entry: Entry, event: NewEvent, now: number): void {
    const { version, status } = entry.record;
    const { type, actor, reason, data } = event;
    // Without what is undefined, as every store that writes JSON reads it back.
    entry.events.push({
      type,
      ...(actor && { actor: cloneJson(actor as JsonObject) as unknown as Actor }),
      ...(reason !== undefined && { reason }),
      ...(data && { data: cloneJson(data) }),
      seq: entry.events.length + 1,
      at: now,
      version,
      status,
    });
  }
}

function cloneStored(event: RecordEvent): RecordEvent {
  return cloneJson(event as unknown as JsonObject) as unknown as RecordEvent;
}

/** The record as it is kept and handed out; its value is frozen already. */
function frozen(record: StoredRecord): StoredRecord {
  Object.freeze(record.keys);
  if (record.lease) Object.freeze(record.lease);
  return Object.freeze(record);
}
