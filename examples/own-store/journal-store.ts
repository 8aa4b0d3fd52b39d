/**
 * A datastore of one's own, as small as it can be: everything in memory, and each change a line of a file that is on
 * disk before it counts. For one process; a line that was torn by a crash was never acknowledged, and is cut off.
 */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { HoldpointError } from "holdpoint";
import {
  type AsRead,
  type ChangeHint,
  checkCommit,
  checkLimit,
  checkPage,
  checkRemoval,
  type CommitResult,
  compareCreated,
  decodeSeqCursor,
  type DueQuery,
  dueTime,
  encodeCursor,
  type Envelope,
  guardHolds,
  type HistoryQuery,
  isAsRead,
  type NewEvent,
  newEnvelope,
  type OpResult,
  type Page,
  type PageQuery,
  patched,
  type PurgeQuery,
  type RecordEvent,
  type RecordStore,
  type StoreCapabilities,
  type StoredRecord,
  type StoreOp,
  type Watcher,
} from "holdpoint/backends";

interface Kept {
  readonly envelope: Envelope;
  /** JSON text, so that it is read back as it was written (S6). */
  readonly value: string;
  readonly events: readonly RecordEvent[];
}

/** A record as it is now; null: removed. A line of the file is an array of these. */
type Change = readonly [id: string, kept: Kept | null];

interface Step {
  readonly id: string;
  readonly status: OpResult["status"];
  readonly change?: Kept;
  /** The whole commit does not happen. */
  readonly refuses?: boolean;
}

export interface JournalRecordStoreOptions {
  readonly path: string;
  readonly clock?: { now(): number };
}

export class JournalRecordStore implements RecordStore {
  readonly capabilities: StoreCapabilities = {
    name: "journal",
    durable: true,
    shared: false,
    hints: "in_process",
    transactions: false,
  };
  readonly #records = new Map<string, Kept>();
  readonly #listeners = new Map<string, Set<(hint: ChangeHint) => void>>();
  readonly #clock: { now(): number };
  readonly #file: number;
  #closed = false;

  constructor({ path, clock = Date }: JournalRecordStoreOptions) {
    this.#clock = clock;
    this.#file = openSync(path, "a+");
    const text = readFileSync(path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    for (const line of whole.split("\n").filter(Boolean)) this.#apply(JSON.parse(line) as Change[]);
    ftruncateSync(this.#file, Buffer.byteLength(whole));
  }

  /** S1: all is judged before anything is written, in one turn of the event loop, and written as one line. */
  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    this.#assertOpen();
    checkCommit(ops);
    const now = this.#clock.now();
    const steps = ops.map((operation) => this.#judge(operation, now));
    const refused = steps.some(({ refuses }) => refuses);
    if (!refused) this.#write(steps.flatMap(({ id, change }) => (change ? [[id, change] as const] : [])));
    const skipped = ({ status }: Step): boolean => refused && (status === "inserted" || status === "updated");
    return {
      status: refused ? "refused" : "committed",
      results: steps.map((step) => ({
        status: skipped(step) ? "skipped" : step.status,
        record: this.#read(step.id),
      })),
    };
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    this.#assertOpen();
    return ids.map((id) => this.#read(id));
  }

  /** A real store has an index here: the cost of a page must not depend on how many records there are. */
  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    this.#assertOpen();
    const { kind, tenant_id, statuses, key, slot, order, limit, after } = checkPage(query);
    const prefix = slot?.toString(16).padStart(3, "0");
    const direction = order === "oldest" ? 1 : -1;
    const found = [...this.#records.values()]
      .map(({ envelope }) => envelope)
      .filter(
        (one) =>
          one.kind === kind &&
          one.tenant_id === tenant_id &&
          statuses.includes(one.status) &&
          (key === undefined || one.keys[key.name] === key.value) &&
          (prefix === undefined || one.id.slice(one.id.indexOf("_") + 1).startsWith(prefix)) &&
          (after === null || compareCreated(one, after) * direction > 0),
      )
      .sort((a, b) => compareCreated(a, b) * direction)
      .slice(0, limit + 1);
    const items = found.slice(0, limit).map(({ id }) => this.#read(id) as StoredRecord);
    const last = items.at(-1);
    return found.length > limit && last ? { items, next_cursor: encodeCursor(last) } : { items };
  }

  async acquireDue({ kind, limit, lease }: DueQuery): Promise<readonly StoredRecord[]> {
    this.#assertOpen();
    const now = this.#clock.now();
    const due = [...this.#records.values()]
      .filter(({ envelope }) => envelope.kind === kind && (dueTime(envelope) ?? Infinity) <= now)
      .sort(
        (a, b) =>
          (dueTime(a.envelope) ?? 0) - (dueTime(b.envelope) ?? 0) || (a.envelope.id < b.envelope.id ? -1 : 1),
      )
      .slice(0, checkLimit(limit));
    this.#write(
      due.map((kept) => [kept.envelope.id, { ...kept, envelope: patched(kept.envelope, { lease }, now) }]),
    );
    return due.map(({ envelope }) => this.#read(envelope.id) as StoredRecord);
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    this.#assertOpen();
    const kept = this.#records.get(id);
    if (kept) this.#write([[id, withEvent(kept, event, this.#clock.now())]]);
    return kept !== undefined;
  }

  async history(id: string, { limit, cursor }: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    this.#assertOpen();
    const start = decodeSeqCursor(cursor);
    const end = start + checkLimit(limit);
    const events = this.#records.get(id)?.events ?? [];
    const items = structuredClone(events.slice(start, end));
    return end < events.length ? { items, next_cursor: String(end) } : { items };
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    this.#assertOpen();
    const own = (hint: ChangeHint): void => listener(hint);
    for (const id of ids) this.#listeners.set(id, (this.#listeners.get(id) ?? new Set()).add(own));
    return { close: async () => ids.forEach((id) => this.#listeners.get(id)?.delete(own)) };
  }

  async purge({
    kind,
    statuses,
    updatedBefore,
    limit,
  }: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    this.#assertOpen();
    const most = checkLimit(limit);
    const old = [...this.#records.values()].filter(
      ({ envelope }) =>
        envelope.kind === kind && statuses.includes(envelope.status) && envelope.updated_at < updatedBefore,
    );
    this.#write(old.slice(0, most).map(({ envelope }) => [envelope.id, null]));
    return { purged: Math.min(most, old.length), more: old.length > most };
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    this.#assertOpen();
    const old = checkRemoval(records).filter((record) =>
      isAsRead(this.#records.get(record.id)?.envelope, record),
    );
    this.#write(old.map(({ id }) => [id, null]));
    return old.length;
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async close(): Promise<void> {
    if (!this.#closed) closeSync(this.#file);
    this.#closed = true;
  }

  #judge(operation: StoreOp, now: number): Step {
    if (operation.op === "read") return { id: operation.id, status: "read" };
    if (operation.op === "insert") {
      const { record, event, touch, if_exists } = operation;
      const found = this.#records.get(record.id);
      if (found) {
        const change = touch ? { change: touched(found) } : {};
        return { id: record.id, status: "exists", refuses: if_exists === "abort", ...change };
      }
      const value = JSON.stringify(record.value);
      const kept = { envelope: newEnvelope(operation, now), value, events: [] };
      return { id: record.id, status: "inserted", change: event ? withEvent(kept, event, now) : kept };
    }
    const { id, guard, patch, event, touch, optional } = operation;
    const found = this.#records.get(id);
    if (!found || !guardHolds(found.envelope, guard, now)) {
      const status = found ? "stale" : "missing";
      if (!optional) return { id, status, refuses: true };
      return touch && found ? { id, status, change: touched(found) } : { id, status };
    }
    const value = patch?.value ? JSON.stringify(patch.value) : found.value;
    const kept = { ...found, envelope: patched(found.envelope, patch, now), value };
    return { id, status: "updated", change: event ? withEvent(kept, event, now) : kept };
  }

  /** On disk first, then visible: what a caller was told is never taken back by a crash. */
  #write(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    writeSync(this.#file, `${JSON.stringify(changes)}\n`);
    fdatasyncSync(this.#file);
    const before = changes.map(([id]) => this.#records.get(id)?.envelope.version);
    this.#apply(changes);
    for (const [n, [id, kept]] of changes.entries()) {
      if (!kept || kept.envelope.version === before[n]) continue;
      const { version, status } = kept.envelope;
      for (const listener of this.#listeners.get(id) ?? [])
        queueMicrotask(() => listener({ id, version, status }));
    }
  }

  #apply(changes: readonly Change[]): void {
    for (const [id, kept] of changes) {
      if (kept) this.#records.set(id, kept);
      else this.#records.delete(id);
    }
  }

  /** A copy: what a caller does to it stays with him. */
  #read(id: string): StoredRecord | null {
    const kept = this.#records.get(id);
    return kept
      ? { ...structuredClone(kept.envelope), value: JSON.parse(kept.value) as StoredRecord["value"] }
      : null;
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The journal store is closed.");
  }
}

function touched(kept: Kept): Kept {
  return { ...kept, envelope: { ...kept.envelope, touches: kept.envelope.touches + 1 } };
}

function withEvent(kept: Kept, event: NewEvent, at: number): Kept {
  const { version, status } = kept.envelope;
  const { type, actor, reason, data } = event;
  const own = {
    type,
    ...(actor && { actor }),
    ...(reason !== undefined && { reason }),
    ...(data && { data }),
  };
  const seq = kept.events.length + 1;
  // A copy: the caller may change what he gave.
  return { ...kept, events: [...kept.events, { ...structuredClone(own), seq, at, version, status }] };
}
