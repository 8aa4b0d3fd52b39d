import { type Clock, systemClock } from "../../core/clock.ts";
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import type { ChangeHint, CommitResult, StoreCapabilities, StoreOp, Watcher } from "../record-store.ts";
import { checkCommit } from "../store-rules.ts";
import { runCommit, runCommits, writesIn } from "./commit.ts";
import { CommitQueue, type Queued } from "./commit-queue.ts";
import type { SqliteDatabase, SqliteDriver, SqliteHandle } from "./driver.ts";
import type { SqliteDriverName } from "./drivers/load.ts";
import { Link } from "./link.ts";
import { MEMORY_PATH } from "./open.ts";
import { OperationsStore } from "./operations-store.ts";
import { SqliteTransactionStore } from "./transaction.ts";
import { WatchHub } from "./watch-hub.ts";

export interface SqliteRecordStoreOptions {
  /** A file on a local disk, made with its folder on first use; `:memory:` for a store that dies with the process. */
  readonly path: string;
  /**
   * `FULL` (default): what was acknowledged survives a power cut; each commit waits for the disk.
   * `NORMAL`: does not wait; survives the end of the process, but a power cut may take the last commits.
   */
  readonly synchronous?: "FULL" | "NORMAL";
  /** How long an operation waits for the lock of another process, or of a transaction, in milliseconds. Default 5000. */
  readonly busyTimeoutMs?: number;
  /** How often other processes' commits are looked for while somebody watches, in milliseconds. Default 100. */
  readonly watchIntervalMs?: number;
  /** Default: the machine's time, which all processes on one file share. */
  readonly clock?: Clock;
  /** Default: better-sqlite3 where it is installed, else node:sqlite. */
  readonly driver?: SqliteDriverName | SqliteDriver;
}

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
export class SqliteRecordStore extends OperationsStore {
  readonly capabilities: StoreCapabilities;
  readonly #link: Link;
  readonly #hub: WatchHub;
  readonly #queue: CommitQueue = new CommitQueue((queued) => this.#flush(queued));

  constructor(options: SqliteRecordStoreOptions) {
    super(options.clock ?? systemClock);
    const path = assertPath(options.path);
    const synchronous = options.synchronous ?? "FULL";
    if (synchronous !== "FULL" && synchronous !== "NORMAL") {
      throw new HoldpointError("ERR_HITL_INVALID_INPUT", 'synchronous has to be "FULL" or "NORMAL".');
    }
    const busyTimeoutMs = assertDuration("busyTimeoutMs", options.busyTimeoutMs ?? 5000, 0);
    const { driver } = options;
    this.#link = new Link({ path, synchronous, busyTimeoutMs }, driver);
    this.#hub = new WatchHub(assertDuration("watchIntervalMs", options.watchIntervalMs ?? 100, 1));
    const onDisk = path !== MEMORY_PATH;
    this.capabilities = {
      name: "sqlite",
      durable: onDisk,
      shared: onDisk,
      hints: onDisk ? "polled" : "in_process",
      transactions: onDisk && (typeof driver !== "object" || driver.lend !== undefined),
    };
  }

  async commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    checkCommit(ops);
    // One that only reads shares no wait for the disk; but it does not overtake what was sent before it.
    return writesIn(ops) || !this.#queue.empty ? this.#queue.add(ops) : this.#commit(ops);
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    return this.read((database) => this.#hub.watch(database, ids, listener));
  }

  /**
   * A view whose reads and writes are part of a transaction that the caller began on a connection of his own to the same
   * file, so that records change together with rows of his own, or not at all. Nothing else may use that connection
   * meanwhile: SQLite cannot tell whose a statement is. The view takes the write lock with its first operation, without
   * blocking the process. Call `announce()` after the commit, and those who wait hear of it at once.
   *
   * Its operations reject with `ERR_HITL_INVALID_INPUT` where `connection` is in no transaction, on another file, or of
   * another library than the store's own, with `ERR_HITL_STORE_SCHEMA` where the tables are missing, and with
   * `ERR_HITL_STORE` where the lock was not to be had; nothing was written then.
   *
   * @param connection - a `Database` of better-sqlite3, or a `DatabaseSync` of node:sqlite
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a store in memory, and for what is no connection
   */
  withTransaction(connection: SqliteHandle): SqliteTransactionStore {
    this.#assertShared();
    if (typeof connection?.prepare !== "function") {
      throw new HoldpointError(
        "ERR_HITL_INVALID_INPUT",
        "withTransaction needs a connection: a Database of better-sqlite3, or a DatabaseSync of node:sqlite.",
      );
    }
    return new SqliteTransactionStore({
      within: (work) => this.#link.within(connection, work),
      clock: this.clock,
      watch: (ids, listener) => this.watch(ids, listener),
      announce: (hints) => this.changed(hints),
      capabilities: this.capabilities,
    });
  }

  /**
   * Runs `work` in a transaction of its own, on a connection that nobody else has: `open` makes it, and it is closed
   * afterwards. Begun with the write lock, committed when `work` has ended, as durably as the store commits, announced
   * then; rolled back if `work` throws. Whoever writes meanwhile waits without blocking the process, `busyTimeoutMs` at most.
   *
   * @returns what `work` gives
   * @throws what `open` or `work` throws
   * @throws HoldpointError as operations of {@link withTransaction}; `ERR_HITL_INDETERMINATE` if the commit was not
   * confirmed, or `work` has ended the transaction itself
   */
  async transaction<Connection extends SqliteHandle, T>(
    open: () => Connection | Promise<Connection>,
    work: (view: SqliteTransactionStore, connection: Connection) => T | Promise<T>,
  ): Promise<T> {
    this.#assertShared();
    let view: SqliteTransactionStore | undefined;
    try {
      const result = await this.#link.transaction(open, (connection) => {
        view = this.withTransaction(connection);
        return work(view, connection);
      });
      view?.announce();
      return result;
    } finally {
      await view?.close();
    }
  }

  async close(): Promise<void> {
    this.#queue.drain();
    this.#hub.stop();
    this.#link.close();
  }

  /** @internal */
  protected read<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    return this.#link.read(work);
  }

  /** @internal */
  protected write<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    return this.#link.write(work);
  }

  /** @internal */
  protected changed(changes: readonly ChangeHint[]): void {
    this.#hub.committed(changes);
  }

  #assertShared(): void {
    if (this.capabilities.shared) return;
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "A database in memory is of one connection: no other one can have a transaction on it. Use a file.",
    );
  }

  #commit(ops: readonly StoreOp[]): Promise<CommitResult> {
    const work = (database: SqliteDatabase): CommitResult => {
      const { result, changes } = runCommit(database, ops, () => this.clock.now());
      this.changed(changes);
      return result;
    };
    return writesIn(ops) ? this.write(work) : this.read(work);
  }

  async #flush(queued: readonly Queued[]): Promise<void> {
    if (queued.length > 1 && (await this.#flushTogether(queued))) return;
    await Promise.all(queued.map(({ ops, resolve, reject }) => this.#commit(ops).then(resolve, reject)));
  }

  /** False if one of them made the transaction fail: then each is done by itself, and hears what is wrong with it. */
  async #flushTogether(queued: readonly Queued[]): Promise<boolean> {
    try {
      const done = await this.write((database) => {
        const committed = runCommits(
          database,
          queued.map(({ ops }) => ops),
          () => this.clock.now(),
        );
        for (const { changes } of committed) this.changed(changes);
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
}
