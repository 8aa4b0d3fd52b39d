import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { HoldpointError, isHoldpointError } from "../../core/errors.ts";
import { SqliteDatabase, type SqliteDriver, type SqliteErrorClass } from "./driver.ts";
import { migrate } from "./migrate.ts";

export const MEMORY_PATH = ":memory:";

/**
 * How long SQLite itself waits for a lock, in milliseconds. It blocks the whole process meanwhile, so it covers
 * only the usual case, another process in the middle of a commit; the rest of the wait is left to timers.
 */
const BLOCKING_WAIT_MS = 10;

/**
 * A commit changes a page in each index that the record is in. A log of 4000 pages (16 MB) before SQLite copies
 * them into the file, and as much cache, let pages that change often be copied once for many commits.
 */
const CHECKPOINT_PAGES = 4000;
const CACHE_KIB = 16_000;

const ADVICE: { readonly [name in SqliteErrorClass]: string } = {
  busy: "Another process, or a transaction of this one, held the lock for longer than busyTimeoutMs.",
  snapshot:
    "The transaction has read a state that others have changed since. Roll it back, and begin with BEGIN IMMEDIATE.",
  full: "The disk is full.",
  corrupt: "The file is damaged, or no SQLite database. Restore it from a backup.",
  readonly: "The file cannot be written. Check its permissions and those of its folder.",
  cannot_open: "The file cannot be opened. Check the path and its permissions.",
  io: "The file system failed.",
  missing:
    'The driver\'s native part cannot be loaded. Run "npm rebuild better-sqlite3", or set driver: "node:sqlite".',
  other: "",
};

/** What the caller gets for anything that goes wrong below it. The first error is kept as the cause. */
export function storeError(error: unknown, driver: SqliteDriver | undefined, path: string): HoldpointError {
  if (isHoldpointError(error)) return error;
  const found = driver?.classify(error) ?? "other";
  const advice = ADVICE[found] || (error instanceof Error ? error.message : String(error));
  return failed(found, path, advice, error);
}

/** What somebody gets who has waited for the lock as long as he may. */
export function busyError(path: string, cause?: unknown): HoldpointError {
  return failed("busy", path, ADVICE.busy, cause);
}

function failed(reason: SqliteErrorClass, path: string, advice: string, cause: unknown): HoldpointError {
  return new HoldpointError(
    reason === "missing" ? "ERR_HITL_MISSING_PEER" : "ERR_HITL_STORE",
    `SQLite (${path}) failed; nothing was done. ${advice}`,
    { ...(cause === undefined ? {} : { cause }), details: { path, reason } },
  );
}

/** How long a statement of the store's own connection blocks the process. */
export function blockingMs({ busyTimeoutMs }: Pick<OpenOptions, "busyTimeoutMs">): number {
  return Math.floor(Math.min(busyTimeoutMs, BLOCKING_WAIT_MS));
}

export interface OpenOptions {
  readonly path: string;
  readonly synchronous: "FULL" | "NORMAL";
  readonly busyTimeoutMs: number;
}

function configure(database: SqliteDatabase, options: OpenOptions): void {
  const { path, synchronous } = options;
  database.blockFor(blockingMs(options));
  const [journal_mode] = database.statement("PRAGMA journal_mode = WAL").get() ?? [];
  if (path !== MEMORY_PATH && journal_mode !== "wal") {
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `SQLite (${path}) cannot keep a write-ahead log there, as on a network file system. Use a local disk.`,
      { details: { path, journal_mode } },
    );
  }
  database.exec(`PRAGMA synchronous = ${synchronous}`);
  database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA cache_size = -${CACHE_KIB}`);
  migrate(database);
}

/** Opens the file, makes it and its folder where needed, and brings its schema up to date. */
export function openDatabase(driver: SqliteDriver, options: OpenOptions): SqliteDatabase {
  if (options.path !== MEMORY_PATH) mkdirSync(dirname(options.path), { recursive: true });
  const database = new SqliteDatabase(driver, driver.open(options.path));
  try {
    configure(database, options);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}
