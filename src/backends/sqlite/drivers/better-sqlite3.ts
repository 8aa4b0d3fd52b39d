import type BetterSqlite3 from "better-sqlite3";
import { HoldpointError } from "../../../core/errors.ts";
import {
  classOfCode,
  type SqliteConnection,
  type SqliteDriver,
  type SqliteErrorClass,
  type SqliteLent,
  type SqliteRow,
  type SqliteStatement,
  type SqliteValue,
} from "../driver.ts";

type DatabaseConstructor = new (path: string) => BetterSqlite3.Database;

/** SQLite's names of its result codes; an extended one, such as SQLITE_IOERR_FSYNC, starts with a primary one. */
const CODES: readonly (readonly [prefix: string, code: number])[] = [
  ["SQLITE_BUSY_SNAPSHOT", 517],
  ["SQLITE_BUSY", 5],
  ["SQLITE_LOCKED", 6],
  ["SQLITE_PERM", 3],
  ["SQLITE_READONLY", 8],
  ["SQLITE_IOERR", 10],
  ["SQLITE_CORRUPT", 11],
  ["SQLITE_NOTADB", 26],
  ["SQLITE_FULL", 13],
  ["SQLITE_CANTOPEN", 14],
];

function classify(error: unknown): SqliteErrorClass {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code !== "string") return String(message).includes("bindings file") ? "missing" : "other";
  if (code === "ERR_DLOPEN_FAILED") return "missing";
  return classOfCode(CODES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? -1);
}

function statementOf(database: BetterSqlite3.Database, sql: string): SqliteStatement {
  const statement = database.prepare<SqliteValue[], SqliteRow>(sql).safeIntegers(false);
  return statement.reader ? statement.raw() : statement;
}

function lentOf(database: BetterSqlite3.Database): SqliteLent {
  return {
    exec: (sql) => void database.exec(sql),
    prepare: (sql) => statementOf(database, sql),
    close: () => void database.close(),
    get isOpen() {
      return database.open;
    },
    get inTransaction() {
      return database.open && database.inTransaction;
    },
  };
}

/** Null if the package is not installed. */
export async function loadBetterSqlite3(): Promise<SqliteDriver | null> {
  let Database: DatabaseConstructor;
  try {
    Database = (await import("better-sqlite3")).default;
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") return null;
    throw new HoldpointError("ERR_HITL_MISSING_PEER", "better-sqlite3 is installed but cannot be loaded.", {
      cause: error,
    });
  }
  return {
    name: "better-sqlite3",
    open: (path): SqliteConnection => lentOf(new Database(path)),
    lend: (handle) => (handle instanceof Database ? lentOf(handle) : null),
    classify,
  };
}
