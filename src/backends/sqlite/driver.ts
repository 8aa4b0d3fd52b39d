/**
 * What the store needs of a SQLite library: synchronous calls on one connection. Bring another library by
 * implementing {@link SqliteDriver}; nothing else of the store knows which one runs.
 */
import { HoldpointError } from "../../core/errors.ts";

export type SqliteValue = string | number | null;
/** In the order of the statement's columns. Integers come as numbers. */
export type SqliteRow = readonly SqliteValue[];

export interface SqliteStatement {
  /** Runs a statement that returns no rows. `changes` is the number of rows that it changed. */
  run(...parameters: readonly SqliteValue[]): { readonly changes: number };
  /** The first row, or undefined. Rows are arrays: an object of some twenty columns costs twice as much to make. */
  get(...parameters: readonly SqliteValue[]): SqliteRow | undefined;
  all(...parameters: readonly SqliteValue[]): SqliteRow[];
}

/**
 * What an error means for the caller. `busy`: another connection holds the lock, and nothing was done. `snapshot`: the
 * transaction has read a state that is not the newest, and cannot write any more. `full`: no space. `io`: the file
 * system failed. `missing`: the library or its native part cannot be loaded.
 */
export type SqliteErrorClass =
  | "busy"
  | "snapshot"
  | "full"
  | "corrupt"
  | "readonly"
  | "cannot_open"
  | "io"
  | "missing"
  | "other";

export interface SqliteConnection {
  /** Runs statements without parameters. */
  exec(sql: string): void;
  /** Compiles one statement. The store keeps and uses it until it closes the connection. */
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/**
 * A connection that the application has opened: a `Database` of better-sqlite3, or a `DatabaseSync` of node:sqlite. Their
 * own types do not appear in the public ones, since the libraries are optional peers.
 */
export interface SqliteHandle {
  exec(sql: string): unknown;
  prepare(sql: string): unknown;
  close(): unknown;
}

/** A {@link SqliteHandle} as the store uses it: numbers and arrays, whatever the application has set. */
export interface SqliteLent extends SqliteConnection {
  readonly isOpen: boolean;
  readonly inTransaction: boolean;
}

export interface SqliteDriver {
  readonly name: string;
  /** Opens the file, or makes it. `:memory:` is a database of this connection alone. */
  open(path: string): SqliteConnection;
  /**
   * For `withTransaction`. Null for what is no connection of this very library: a second copy of SQLite in one process
   * breaks the first one's locks on a file. Absent: the driver takes none.
   */
  lend?(handle: object): SqliteLent | null;
  classify(error: unknown): SqliteErrorClass;
}

const SQLITE_BUSY_SNAPSHOT = 517;

/** The class of one of SQLite's result codes: a primary one, or an extended one, whose low byte is the primary one. */
export function classOfCode(code: number): SqliteErrorClass {
  if (code === SQLITE_BUSY_SNAPSHOT) return "snapshot";
  switch (code & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return "busy";
    case 8: // SQLITE_READONLY
    case 3: // SQLITE_PERM
      return "readonly";
    case 10: // SQLITE_IOERR
      return "io";
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return "corrupt";
    case 13: // SQLITE_FULL
      return "full";
    case 14: // SQLITE_CANTOPEN
      return "cannot_open";
    default:
      return "other";
  }
}

/** One open database with its compiled statements. */
export class SqliteDatabase {
  readonly driver: SqliteDriver;
  readonly #connection: SqliteConnection;
  readonly #statements: Map<string, SqliteStatement> = new Map();

  constructor(driver: SqliteDriver, connection: SqliteConnection) {
    this.driver = driver;
    this.#connection = connection;
  }

  exec(sql: string): void {
    this.#connection.exec(sql);
  }

  statement(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#connection.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /**
   * Runs `work` in one transaction. It is rolled back if `work` throws or calls `rollback`, which keeps its
   * result. `read` is one snapshot for several reads; `write` holds the one write lock from the start, so that
   * what `work` reads cannot change before it writes.
   */
  transaction<T>(mode: "read" | "write", work: (rollback: () => void) => T): T {
    this.statement(mode === "write" ? "BEGIN IMMEDIATE" : "BEGIN").run();
    let keep = true;
    let result: T;
    try {
      result = work(() => {
        keep = false;
      });
    } catch (error) {
      this.rollback();
      throw error;
    }
    if (keep) this.commit(mode);
    else this.rollback();
    return result;
  }

  /** @throws HoldpointError `ERR_HITL_INDETERMINATE`, or what SQLite throws: then it is rolled back */
  commit(mode: "read" | "write"): void {
    try {
      this.statement("COMMIT").run();
    } catch (error) {
      this.rollback();
      // The file system failed while the commit was made durable: a restart may still find it in the log.
      if (mode === "write" && this.driver.classify(error) === "io") {
        throw new HoldpointError(
          "ERR_HITL_INDETERMINATE",
          "The file system failed while SQLite made a change durable; it may have been done. Send it again.",
          { cause: error },
        );
      }
      throw error;
    }
  }

  rollback(): void {
    try {
      this.statement("ROLLBACK").run();
    } catch {
      // SQLite has rolled back on its own, as it does when the disk is full; the first error says why.
    }
  }

  /** Runs `work` within a transaction. What it has done is taken back, and nothing else, if it throws or calls `rollback`. */
  savepoint<T>(work: (rollback: () => void) => T): T {
    this.statement("SAVEPOINT one").run();
    let keep = true;
    let result: T;
    try {
      result = work(() => {
        keep = false;
      });
    } catch (error) {
      this.#undo();
      throw error;
    }
    if (!keep) this.statement("ROLLBACK TO one").run();
    this.statement("RELEASE one").run();
    return result;
  }

  /** How long a statement blocks the process until it gets a lock, at most. */
  blockFor(ms: number): void {
    this.statement(`PRAGMA busy_timeout = ${ms}`).get();
  }

  /** The file's whole path, as SQLite has resolved it; empty for a database in memory. */
  get file(): string {
    const rows = this.statement("PRAGMA database_list").all();
    return String(rows.find(([, name]) => name === "main")?.[2] ?? "");
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #undo(): void {
    try {
      this.statement("ROLLBACK TO one").run();
      this.statement("RELEASE one").run();
    } catch {
      // SQLite has rolled the whole transaction back on its own; the first error says why.
    }
  }
}
