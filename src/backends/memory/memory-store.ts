import { type Clock, systemClock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { Actor } from "../../core/record.ts";
import { cloneJson, type JsonObject } from "../../core/json.ts";
import { type Envelope, handOut } from "../held.ts";
import { Listings } from "./listings.ts";
import { SortedIndex } from "./sorted-index.ts";
import {
  type AsRead,
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
  checkRemoval,
  compareCreated,
  decodeSeqCursor,
  dueTime,
  encodeCursor,
  guardHolds,
  isAsRead,
  newEnvelope,
  patched,
} from "../store-rules.ts";

export interface MemoryRecordStoreOptions {
  readonly clock?: Clock;
}

/** A record as it is kept; `value` never leaves the store. */
interface Kept {
  readonly envelope: Envelope;
  readonly value: JsonObject;
}

interface Entry {
  kept: Kept;
  readonly events: RecordEvent[];
}

/** What an operation comes to, if the commit is not refused. */
interface Step {
  readonly id: string;
  readonly status: OpResult["status"];
  readonly next?: Kept;
  readonly touched?: Entry | undefined;
  readonly event?: NewEvent | undefined;
  readonly refuses?: boolean;
}

/** What several {@link MemoryRecordStore} handles share, as two processes share a server. */
export class MemoryRecordData {
  readonly entries: Map<string, Entry> = new Map();
  readonly listings: Listings = new Listings(() => this.#records());
  /** One per kind, ordered by due time. */
  readonly due: Map<string, SortedIndex> = new Map();
  readonly listeners: Map<string, Set<(hint: ChangeHint) => void>> = new Map();

  remove(envelope: Envelope): void {
    this.listings.remove(envelope);
    const due = dueTime(envelope);
    if (due !== null) this.due.get(envelope.kind)?.delete(due, envelope.id);
    this.entries.delete(envelope.id);
  }

  *#records(): Iterable<Envelope> {
    for (const { kept } of this.entries.values()) yield kept.envelope;
  }
}

/**
 * The model of all stores: plain maps and sorted arrays, each operation in one turn of the event loop.
 * Values are copied on the way in, and on the way out when they are looked at.
 */
export class MemoryRecordStore implements RecordStore {
  readonly capabilities: StoreCapabilities = {
    name: "memory",
    durable: false,
    shared: false,
    hints: "in_process",
    transactions: false,
  };
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
    const steps = ops.map((operation) => judge(operation, this.#data.entries.get(idOf(operation)), now));
    const refused = steps.some((step) => step.refuses);
    if (!refused) for (const step of steps) this.#perform(step, now);
    return {
      status: refused ? "refused" : "committed",
      results: steps.map(({ id, status, next }) => ({
        status: refused && next ? "skipped" : status,
        record: this.#read(id),
      })),
    };
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
        const record = this.#read(id);
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
      const { envelope, value } = entry.kept;
      const next = { envelope: frozen(patched(envelope, { lease: query.lease }, now)), value };
      this.#write(next, undefined, now);
      acquired.push(handOut(next.envelope, value));
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
      const { envelope } = entry.kept;
      if (envelope.kind !== query.kind || !query.statuses.includes(envelope.status)) continue;
      if (envelope.updated_at >= query.updatedBefore) continue;
      if (purged === limit) return { purged, more: true };
      this.#data.remove(envelope);
      purged += 1;
    }
    return { purged, more: false };
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    this.#assertOpen();
    let removed = 0;
    for (const record of checkRemoval(records)) {
      const envelope = this.#data.entries.get(record.id)?.kept.envelope;
      if (!envelope || !isAsRead(envelope, record)) continue;
      this.#data.remove(envelope);
      removed += 1;
    }
    return removed;
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #read(id: string): StoredRecord | null {
    const kept = this.#data.entries.get(id)?.kept;
    return kept ? handOut(kept.envelope, kept.value) : null;
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The memory store is closed.");
  }

  #perform({ next, touched, event }: Step, now: number): void {
    if (next) this.#write(next, event, now);
    else if (touched) {
      const { envelope, value } = touched.kept;
      touched.kept = { envelope: frozen({ ...envelope, touches: envelope.touches + 1 }), value };
    }
  }

  #write(kept: Kept, event: NewEvent | undefined, now: number): void {
    const { envelope } = kept;
    const { id, kind, version, status } = envelope;
    const { entries, listings, due, listeners } = this.#data;
    let entry = entries.get(id);
    const before = entry?.kept.envelope;
    if (entry && before) {
      // A lease or a value alone moves a record in no listing.
      if (before.status !== status || before.keys !== envelope.keys) listings.move(before, envelope);
      entry.kept = kept;
    } else {
      entries.set(id, (entry = { kept, events: [] }));
      listings.add(envelope);
    }
    const dueBefore = before ? dueTime(before) : null;
    const dueAfter = dueTime(envelope);
    if (dueBefore !== dueAfter) {
      if (dueBefore !== null) due.get(kind)?.delete(dueBefore, id);
      if (dueAfter !== null) this.#dueOf(kind).add(dueAfter, id);
    }
    if (event) this.#record(entry, event, now);
    for (const listener of listeners.get(id) ?? []) queueMicrotask(() => listener({ id, version, status }));
  }

  #dueOf(kind: string): SortedIndex {
    const { due } = this.#data;
    let index = due.get(kind);
    if (!index) due.set(kind, (index = new SortedIndex()));
    return index;
  }

  #record(entry: Entry, event: NewEvent, now: number): void {
    const { version, status } = entry.kept.envelope;
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

/** Its parts are handed out as they are. */
function frozen(envelope: Envelope): Envelope {
  Object.freeze(envelope.keys);
  if (envelope.lease) Object.freeze(envelope.lease);
  return envelope;
}

function idOf(operation: StoreOp): string {
  return operation.op === "insert" ? operation.record.id : operation.id;
}

function judge(operation: StoreOp, entry: Entry | undefined, now: number): Step {
  const id = idOf(operation);
  if (operation.op === "read") return { id, status: "read" };
  const { op, event, touch } = operation;
  const touched = touch ? entry : undefined;
  if (op === "insert") {
    if (entry) return { id, status: "exists", refuses: operation.if_exists === "abort", touched };
    const next = { envelope: frozen(newEnvelope(operation, now)), value: cloneJson(operation.record.value) };
    return { id, status: "inserted", next, event };
  }
  const { guard, patch, optional } = operation;
  if (!entry || !guardHolds(entry.kept.envelope, guard, now)) {
    const status = entry ? "stale" : "missing";
    return optional ? { id, status, touched } : { id, status, refuses: true };
  }
  const envelope = frozen(patched(entry.kept.envelope, patch, now));
  const value = patch?.value ? cloneJson(patch.value) : entry.kept.value;
  return { id, status: "updated", next: { envelope, value }, event };
}
