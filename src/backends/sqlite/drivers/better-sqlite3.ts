import type BetterSqlite3 from "better-sqlite3";
import { HoldpointError } from "../../../core/errors.ts";
import {
  classOfCode,
  type SqliteConnection,
  type SqliteDriver,
  type SqliteErrorClass,
  type SqliteRow,
  type SqliteValue,
} from "../driver.ts";

type DatabaseConstructor = new (path: string) => BetterSqlite3.Database;

/** SQLite's names of its primary result codes; an extended one, such as SQLITE_BUSY_SNAPSHOT, starts with one. */
const CODES: readonly (readonly [prefix: string, code: number])[] = [
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
    open: (path): SqliteConnection => {
      const database = new Database(path);
      return {
        exec: (sql) => void database.exec(sql),
        prepare: (sql) => {
          const statement = database.prepare<SqliteValue[], SqliteRow>(sql);
          return statement.reader ? statement.raw() : statement;
        },
        close: () => void database.close(),
      };
    },
    classify,
  };
}
