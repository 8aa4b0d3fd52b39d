/**
 * The store's own connection, and how it shares the one write lock with transactions of the application's connections.
 *
 * A driver waits for a lock by blocking the process, and the holder may be an async handler of this very process. So the
 * wait is left to timers, and within the process everybody writes in his turn.
 */
import { setTimeout as wait } from "node:timers/promises";
import { HoldpointError } from "../../core/errors.ts";
import type { SqliteDatabase, SqliteDriver, SqliteHandle } from "./driver.ts";
import { loadDriver, type SqliteDriverName } from "./drivers/load.ts";
import { LentDatabase } from "./lent.ts";
import { blockingMs, busyError, openDatabase, type OpenOptions, storeError } from "./open.ts";
import { type Turn, Turns } from "./turns.ts";

/** Longest pause before the lock is tried again; each pause is random, so that processes do not move in step. */
const LONGEST_PAUSE_MS = 20;
const FIRST_PAUSE_MS = 2;

/**
 * Who waits, and when. `queue`: behind those who wait already. `try`: at once, and behind them if the lock is not to be had,
 * since who has it already must not wait for them. `alone`: for nobody, but for the lock.
 */
type Order = "queue" | "try" | "alone";

function closedError(): HoldpointError {
  return new HoldpointError("ERR_HITL_CLOSED", "The SQLite store is closed.");
}

export class Link {
  readonly #options: OpenOptions;
  readonly #choice: SqliteDriverName | SqliteDriver | undefined;
  readonly #turns: Turns = new Turns();
  readonly #lent: WeakMap<object, LentDatabase> = new WeakMap();
  /** Connections of the application on whose transactions the lock was taken. */
  readonly #locking: Set<LentDatabase> = new Set();
  #driver: SqliteDriver | undefined;
  #database: SqliteDatabase | undefined;
  #closed = false;

  constructor(options: OpenOptions, choice: SqliteDriverName | SqliteDriver | undefined) {
    this.#options = options;
    this.#choice = choice;
  }

  /** Runs `work`, which only reads: nobody who writes keeps it waiting, but for moments. */
  async read<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    return this.#repeat("alone", () => work(this.#opened()));
  }

  /** Runs `work`, which writes in one transaction, and runs it again until it gets the lock: before, it has done nothing. */
  async write<T>(work: (database: SqliteDatabase) => T): Promise<T> {
    return this.#repeat("queue", (isFirst) => {
      if (this.#isLocked()) throw this.#busy();
      const database = this.#opened();
      if (isFirst) return work(database);
      // Who has waited once waits by timers only.
      database.blockFor(0);
      try {
        return work(database);
      } finally {
        database.blockFor(blockingMs(this.#options));
      }
    });
  }

  /**
   * Runs `work` on the application's connection, within the transaction that is open there and that has the write lock by
   * then. What it does is taken back if it throws.
   *
   * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if there is none, or not on this file; `ERR_HITL_STORE_SCHEMA`
   */
  async within<T>(handle: SqliteHandle, work: (database: SqliteDatabase) => T): Promise<T> {
    return this.#repeat("try", () => {
      const database = this.#lend(handle);
      database.assertInTransaction();
      database.assertSameFile(this.#file);
      database.lock();
      database.assertSchema();
      this.#locking.add(database);
      return work(database);
    });
  }

  /**
   * Runs `work` within a transaction on a connection that `open` makes for it, and nobody else has: begun when the lock is
   * to be had, committed when `work` has ended, rolled back if it throws; then the connection is closed.
   */
  async transaction<Handle extends SqliteHandle, T>(
    open: () => Handle | Promise<Handle>,
    work: (handle: Handle) => T | Promise<T>,
  ): Promise<T> {
    // The schema is made on the store's own connection.
    await this.read(() => undefined);
    const deadline = this.#deadline();
    const turn = await this.#take(deadline);
    let database: LentDatabase | undefined;
    try {
      const handle = await open();
      database = this.#checked(() => this.#lend(handle));
      await this.#begin(database, deadline);
      const result = await work(handle);
      this.#commit(database);
      return result;
    } finally {
      if (database) end(database);
      turn.end();
    }
  }

  async #begin(database: LentDatabase, deadline: number): Promise<void> {
    const begin = (): void => {
      database.assertFresh();
      database.assertSameFile(this.#file);
      database.atLeast(this.#options.synchronous);
      if (this.#isLocked()) throw this.#busy();
      database.begin();
    };
    await this.#repeat("alone", begin, deadline);
  }

  #commit(database: LentDatabase): void {
    if (!database.lent.inTransaction) {
      throw new HoldpointError(
        "ERR_HITL_INDETERMINATE",
        "The transaction was ended before its work was: by the work itself, or by SQLite, after an error that the work " +
          "has caught. What it wrote may be there or not. Send it again.",
      );
    }
    this.#checked(() => database.commit("write"));
  }

  /** Idempotent. Who waits for the lock hears of it. */
  close(): void {
    this.#closed = true;
    this.#turns.close(closedError());
    const database = this.#database;
    this.#database = undefined;
    this.#checked(() => database?.close());
  }

  #lend(handle: SqliteHandle): LentDatabase {
    const known = this.#lent.get(handle);
    if (known) return known;
    const database = LentDatabase.of(this.#driver as SqliteDriver, handle);
    this.#lent.set(handle, database);
    return database;
  }

  get #file(): string {
    return this.#database?.file ?? this.#options.path;
  }

  /** A transaction of this process has the lock, and needs the event loop to end. */
  #isLocked(): boolean {
    for (const database of this.#locking) if (!database.lent.inTransaction) this.#locking.delete(database);
    return this.#locking.size > 0;
  }

  #opened(): SqliteDatabase {
    this.#database ??= openDatabase(this.#driver as SqliteDriver, this.#options);
    return this.#database;
  }

  #deadline(): number {
    return performance.now() + this.#options.busyTimeoutMs;
  }

  #take(deadline: number): Promise<Turn> {
    return this.#turns.take(deadline, () => this.#busy());
  }

  async #repeat<T>(
    order: Order,
    attempt: (isFirst: boolean) => T,
    deadline: number = this.#deadline(),
  ): Promise<T> {
    let turn: Turn | undefined;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
        if (order === "queue" && !turn && !this.#turns.free) turn = await this.#take(deadline);
        this.#driver ??= await this.#loaded();
        if (this.#closed) throw closedError();
        try {
          return attempt(pauseMs === FIRST_PAUSE_MS);
        } catch (error) {
          const failure = storeError(error, this.#driver, this.#options.path);
          if (failure.details["reason"] !== "busy" || performance.now() >= deadline) throw failure;
        }
        if (order !== "alone") turn ??= await this.#take(deadline);
        await wait(1 + Math.random() * pauseMs);
      }
    } finally {
      turn?.end();
    }
  }

  async #loaded(): Promise<SqliteDriver> {
    try {
      return await loadDriver(this.#choice);
    } catch (error) {
      throw storeError(error, undefined, this.#options.path);
    }
  }

  #checked<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw storeError(error, this.#driver, this.#options.path);
    }
  }

  #busy(): HoldpointError {
    return busyError(this.#options.path);
  }
}

/** The connection of a transaction, whatever has become of that. */
function end(database: LentDatabase): void {
  if (database.lent.inTransaction) database.rollback();
  try {
    database.close();
  } catch {
    // Somebody still reads from it. What was committed is committed.
  }
}
