import { setTimeout as wait } from "node:timers/promises";
import { type Clock, systemClock } from "../../core/clock.ts";
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  HistoryQuery,
  NewEvent,
  Page,
  PageQuery,
  PurgeQuery,
  RecordEvent,
  RecordStore,
  StoreCapabilities,
  StoredRecord,
  StoreOp,
  Watcher,
} from "../record-store.ts";
import { handOut } from "../held.ts";
import { checkCommit, checkLimit, checkRemoval, decodeSeqCursor, patched } from "../store-rules.ts";
import { runCommit, runCommits, writesIn } from "./commit.ts";
import { CommitQueue, type Queued } from "./commit-queue.ts";
import type { SqliteDatabase, SqliteDriver } from "./driver.ts";
import { loadDriver, type SqliteDriverName } from "./drivers/load.ts";
import { MEMORY_PATH, openDatabase, storeError } from "./open.ts";
import { readPage } from "./page.ts";
import {
  deleteRecord,
  type EventRow,
  eventOf,
  heldOf,
  insertEvent,
  readRow,
  recordOf,
  type RecordRow,
  selecting,
  updateRecord,
} from "./rows.ts";
import { QUERIES } from "./sql.generated.ts";
import { WatchHub } from "./watch-hub.ts";

export interface SqliteRecordStoreOptions {
  /** A file on a local disk, made with its folder on first use; `:memory:` for a store that dies with the process. */
  readonly path: string;
  /**
   * `FULL` (default): what was acknowledged survives a power cut; each commit waits for the disk.
   * `NORMAL`: does not wait; survives the end of the process, but a power cut may take the last commits.
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /** How long an operation waits for another process's lock, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** How often other processes' commits are looked for while somebody watches, in milliseconds. Default 100. */
  readonly watchIntervalMs?: number;
  /** Default: the machine's time, which all processes on one file share. */
  readonly clock?: Clock;
  /** Default: better-sqlite3 where it is installed, else node:sqlite. */
  readonly driver?: SqliteDriverName | SqliteDriver;
}

const GET_DUE = selecting(QUERIES.getDue);

/** Longest pause before the lock is tried again; each pause is random, so that waiters do not move in step. */
const LONGEST_PAUSE_MS = 20;

function assertDuration(name: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `${name} is ${value}; it has to be at least ${least} (ms).`,
  );
}

function assertPath(path: string): string {
  if (typeof path === "string" && path !== "" && !path.startsWith("file:") && !path.includes("\0"))
    return path;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    'path has to be the path of a file (no URI), or ":memory:".',
  );
}

/**
 * Records in one SQLite file, for any number of processes on one machine. Nothing is opened before the first
 * operation.
 *
 * A driver is synchronous: each operation runs in one turn of the event loop, and only the wait for another
 * process's lock does not. Commits of one turn share a transaction, and so the wait for the disk.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for options that cannot be. Operations reject with
 * `ERR_HITL_STORE` (nothing was done), `ERR_HITL_INDETERMINATE` (the file system failed in a commit),
 * `ERR_HITL_STORE_SCHEMA`, `ERR_HITL_MISSING_PEER`, `ERR_HITL_CLOSED`.
 */
export class SqliteRecordStore implements RecordStore {
  readonly capabilities: StoreCapabilities;
  readonly #path: string;
  readonly #synchronous: "FULL" | "NORMAL";
  readonly #busyTimeoutMs: number;
  readonly #clock: Clock;
  readonly #choice: SqliteDriverName | SqliteDriver | undefined;
  readonly #hub: WatchHub;
  readonly #queue: CommitQueue = new CommitQueue((queued) => this.#flush(queued));
  #driver: SqliteDriver | undefined;
  #database: SqliteDatabase | undefined;
  #closed = false;

  constructor(options: SqliteRecordStoreOptions) {
    this.#path = assertPath(options.path);
    const synchronous = options.synchronous ?? "FULL";
    if (synchronous !== "FULL" && synchronous !== "NORMAL") {
      throw new HoldpointError("ERR_HITL_INVALID_INPUT", 'synchronous has to be "FULL" or "NORMAL".');
    }
    this.#synchronous = synchronous;
    this.#busyTimeoutMs = assertDuration("busyTimeoutMs", options.busyTimeoutMs ?? 5000, 0);
    this.#hub = new WatchHub(assertDuration("watchIntervalMs", options.watchIntervalMs ?? 100, 1));
    this.#clock = options.clock ?? systemClock;
    this.#choice = options.driver;
    const onDisk = this.#path !== MEMORY_PATH;
    this.capabilities = {
      name: "sqlite",
      durable: onDisk,
      shared: onDisk,
      hints: onDisk ? "polled" : "in_process",
      transactions: false,
    };
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    checkCommit(ops);
    // One that only reads shares no wait for the disk; but it does not overtake what was sent before it.
    return writesIn(ops) || !this.#queue.empty ? this.#queue.add(ops) : this.#commit(ops);
  }

  async get(ids: readonly string[]): Promise<(StoredRecord | null)[]> {
    return this.#perform((database) =>
      ids.map((id) => {
        const row = readRow(database, id);
        return row ? recordOf(row) : null;
      }),
    );
  }

  async page(query: PageQuery): Promise<Page<StoredRecord>> {
    return this.#perform((database) => readPage(database, query));
  }

  async acquireDue(query: DueQuery): Promise<readonly StoredRecord[]> {
    const limit = checkLimit(query.limit);
    return this.#perform((database) => {
      const due = database.statement(GET_DUE);
      // Most calls find nothing: they look without the write lock, which all other processes need.
      if (!due.get(query.kind, this.#clock.now(), 1)) return [];
      const changes: ChangeHint[] = [];
      const acquired = database.transaction("write", () => {
        const now = this.#clock.now();
        return (due.all(query.kind, now, limit) as unknown as RecordRow[]).map((row) => {
          const held = heldOf(row);
          const envelope = patched(held.envelope, { lease: query.lease }, now);
          updateRecord(database, envelope);
          changes.push({ id: envelope.id, version: envelope.version, status: envelope.status });
          return handOut(envelope, held.text);
        });
      });
      this.#hub.committed(changes);
      return acquired;
    });
  }

  async append(id: string, event: NewEvent): Promise<boolean> {
    return this.#perform((database) =>
      database.transaction("write", () => {
        const row = readRow(database, id);
        if (row) insertEvent(database, heldOf(row).envelope, event, this.#clock.now());
        return row !== undefined;
      }),
    );
  }

  async history(id: string, query: HistoryQuery = {}): Promise<Page<RecordEvent>> {
    const limit = checkLimit(query.limit);
    const after = decodeSeqCursor(query.cursor);
    return this.#perform((database) => {
      const rows = database.statement(QUERIES.getHistory).all(id, after, limit + 1) as unknown as EventRow[];
      const items = rows.slice(0, limit).map(eventOf);
      const last = items.at(-1);
      return rows.length > limit && last ? { items, next_cursor: String(last.seq) } : { items };
    });
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    return this.#perform((database) => this.#hub.watch(database, ids, listener));
  }

  async purge(query: PurgeQuery): Promise<{ purged: number; more: boolean }> {
    const limit = checkLimit(query.limit);
    return this.#perform((database) => {
      const find = (most: number): string[] => {
        const ids: string[] = [];
        for (const status of new Set(query.statuses)) {
          if (ids.length === most) break;
          const rows = database
            .statement(QUERIES.getOld)
            .all(query.kind, status, query.updatedBefore, most - ids.length);
          for (const [id] of rows) ids.push(String(id));
        }
        return ids;
      };
      if (find(1).length === 0) return { purged: 0, more: false };
      return database.transaction("write", () => {
        const ids = find(limit + 1);
        const purged = ids.slice(0, limit);
        for (const id of purged) deleteRecord(database, id);
        return { purged: purged.length, more: ids.length > limit };
      });
    });
  }

  async remove(records: readonly AsRead[]): Promise<number> {
    const wanted = checkRemoval(records);
    if (wanted.length === 0) return 0;
    return this.#perform((database) =>
      database.transaction("write", () => {
        const asRead = wanted.filter(({ id, version, created_at }) =>
          database.statement(QUERIES.isAsRead).get(id, version, created_at),
        );
        for (const { id } of asRead) deleteRecord(database, id);
        return asRead.length;
      }),
    );
  }

  async now(): Promise<number> {
    return this.#clock.now();
  }

  async close(): Promise<void> {
    this.#queue.drain();
    this.#closed = true;
    this.#hub.stop();
    const database = this.#database;
    this.#database = undefined;
    try {
      database?.close();
    } catch (error) {
      throw storeError(error, this.#driver, this.#path);
    }
  }

  #commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    return this.#perform((database) => {
      const { result, changes } = runCommit(database, ops, () => this.#clock.now());
      this.#hub.committed(changes);
      return result;
    });
  }

  async #flush(queued: readonly Queued[]): Promise<void> {
    if (queued.length > 1 && (await this.#flushTogether(queued))) return;
    await Promise.all(queued.map(({ ops, resolve, reject }) => this.#commit(ops).then(resolve, reject)));
  }

  /** False if one of them made the transaction fail: then each is done by itself, and hears what is wrong with it. */
  async #flushTogether(queued: readonly Queued[]): Promise<boolean> {
    try {
      const done = await this.#perform((database) => {
        const committed = runCommits(
          database,
          queued.map(({ ops }) => ops),
          () => this.#clock.now(),
        );
        for (const { changes } of committed) this.#hub.committed(changes);
        return committed;
      });
      for (const [n, { result }] of done.entries()) queued[n]?.resolve(result);
      return true;
    } catch (error) {
      if (isHoldpointError(error) && error.details["reason"] === "other") return false;
      for (const { reject } of queued) reject(error);
      return true;
    }
  }

  /**
   * Runs `work`, which does its writes in one transaction, and runs it again while another process holds the
   * lock: a transaction that did not get it has done nothing.
   */
  async #perform<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      if (this.#closed) throw new HoldpointError("ERR_HITL_CLOSED", "The SQLite store is closed.");
      try {
        if (!this.#driver) {
          this.#driver = await loadDriver(this.#choice);
          continue;
        }
        this.#database ??= openDatabase(this.#driver, {
          path: this.#path,
          synchronous: this.#synchronous,
          busyTimeoutMs: this.#busyTimeoutMs,
        });
        return work(this.#database);
      } catch (error) {
        const failure = storeError(error, this.#driver, this.#path);
        if (failure.details["reason"] !== "busy" || performance.now() >= deadline) throw failure;
      }
      await wait(1 + Math.random() * (LONGEST_PAUSE_MS - 1));
    }
  }
}
