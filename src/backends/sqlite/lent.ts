import { realpathSync } from "node:fs";
import { HoldpointError } from "../../core/errors.ts";
import { assertNotNewer } from "../schema-version.ts";
import { SqliteDatabase, type SqliteDriver, type SqliteHandle, type SqliteLent } from "./driver.ts";
import { schemaVersion } from "./migrate.ts";
import { MIGRATIONS, QUERIES } from "./sql.generated.ts";

const NEWEST = MIGRATIONS.at(-1)?.version ?? 0;
/** As `PRAGMA synchronous` says it. */
const SYNCHRONOUS = { NORMAL: 1, FULL: 2 } as const;

function unusable(reason: string, message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `The connection cannot be used: ${message}`, {
    details: { reason },
  });
}

/** The path without symbolic links; undefined if there is nothing. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

/**
 * A connection of the application, in a transaction. It begins and ends none of its own there: each piece of work is a
 * savepoint. All that can be wrong with it is said before anything is written.
 */
export class LentDatabase extends SqliteDatabase {
  readonly lent: SqliteLent;
  #hasFile = false;
  #hasSchema = false;

  private constructor(driver: SqliteDriver, lent: SqliteLent) {
    super(driver, lent);
    this.lent = lent;
  }

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
  static of(driver: SqliteDriver, handle: SqliteHandle): LentDatabase {
    const lent = driver.lend?.(handle);
    if (lent) return new LentDatabase(driver, lent);
    throw unusable(
      "other_library",
      `it has to be one of ${driver.name}, which the backend uses, too, and of the same copy: two copies of SQLite in one ` +
        "process break each other's locks on a file.",
    );
  }

  override transaction<T>(_mode: "read" | "write", work: (rollback: () => void) => T): T {
    return this.savepoint(work);
  }

  assertInTransaction(): void {
    if (this.lent.inTransaction) return;
    const found = this.lent.isOpen ? "it is in no transaction. Begin one first." : "it is closed.";
    throw unusable(this.lent.isOpen ? "no_transaction" : "closed", found);
  }

  assertFresh(): void {
    if (!this.lent.isOpen) throw unusable("closed", "it is closed. Open a new one for each transaction.");
    if (this.lent.inTransaction)
      throw unusable("in_transaction", "it is in a transaction already. Use withTransaction for that one.");
  }

  /** Effect and rows are in one file, or they are not committed together. */
  assertSameFile(path: string): void {
    if (this.#hasFile) return;
    const { file } = this;
    const found = file === "" ? undefined : realPath(file);
    if (found === undefined || found !== realPath(path))
      throw unusable("other_file", `its file is ${file || "none"}, that of the backend ${path}.`);
    this.#hasFile = true;
  }

  assertSchema(): void {
    if (this.#hasSchema) return;
    const found = schemaVersion(this);
    assertNotNewer(found, NEWEST);
    if (found < NEWEST)
      throw new HoldpointError(
        "ERR_HITL_STORE_SCHEMA",
        'The tables of holdpoint are not there yet, or not up to date. Use the backend once before the transaction, as by `await backend.get("none")`.',
        { details: { found, newest: NEWEST } },
      );
    this.#hasSchema = true;
  }

  /** At least as durable as the store's own commits. A connection cannot change it within a transaction. */
  atLeast(synchronous: "FULL" | "NORMAL"): void {
    const [now] = this.statement("PRAGMA synchronous").get() ?? [];
    if (Number(now) < SYNCHRONOUS[synchronous]) this.exec(`PRAGMA synchronous = ${synchronous}`);
  }

  /** With the write lock, so that nothing that is read changes before it is written. */
  begin(): void {
    this.#atOnce(() => this.statement("BEGIN IMMEDIATE").run());
  }

  /** Takes the write lock, if the transaction has it not yet; throws at once if it is not to be had. */
  lock(): void {
    this.#atOnce(() => {
      try {
        this.statement(QUERIES.takeLock).run();
      } catch (error) {
        // Where there is no such table, that is what is wrong.
        if (this.driver.classify(error) === "other") this.assertSchema();
        throw error;
      }
    });
  }

  /** However long the application lets its own statements block the process. */
  #atOnce(work: () => void): void {
    const [before] = this.statement("PRAGMA busy_timeout").get() ?? [];
    this.blockFor(0);
    try {
      work();
    } finally {
      this.blockFor(Number(before));
    }
  }
}
