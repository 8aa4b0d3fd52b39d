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
 * What an error means for the caller. `busy`: another connection holds the lock, and nothing was done. `full`:
 * no space. `io`: the file system failed. `missing`: the library or its native part cannot be loaded.
 */
export type SqliteErrorClass =
  | "busy"
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

export interface SqliteDriver {
  readonly name: string;
  /** Opens the file, or makes it. `:memory:` is a database of this connection alone. */
  open(path: string): SqliteConnection;
  classify(error: unknown): SqliteErrorClass;
}

/** The class of one of SQLite's primary result codes. */
export function classOfCode(code: number): SqliteErrorClass {
  switch (code) {
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
      this.#rollback();
      throw error;
    }
    if (!keep) {
      this.#rollback();
      return result;
    }
    try {
      this.statement("COMMIT").run();
    } catch (error) {
      this.#rollback();
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
    return result;
  }

  /** Runs `work` within a transaction; `rollback` takes back what it has done, and nothing else. */
  savepoint<T>(work: (rollback: () => void) => T): T {
    this.statement("SAVEPOINT one").run();
    let keep = true;
    const result = work(() => {
      keep = false;
    });
    if (!keep) this.statement("ROLLBACK TO one").run();
    this.statement("RELEASE one").run();
    return result;
  }

  close(): void {
    this.#statements.clear();
    this.#connection.close();
  }

  #rollback(): void {
    try {
      this.statement("ROLLBACK").run();
    } catch {
      // SQLite has rolled back on its own, as it does when the disk is full; the first error says why.
    }
  }
}
