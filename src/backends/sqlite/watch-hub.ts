import type { ChangeHint, Watcher } from "../record-store.ts";
import { Watched } from "../watched.ts";
import type { SqliteDatabase } from "./driver.ts";
import { QUERIES } from "./sql.generated.ts";

/** Between two looks at least this many times as long passes as a look takes, however many ids are watched. */
const REST_FACTOR = 4;

/**
 * Tells listeners of changes: those of this connection as they are committed; those of other connections by
 * looking at `PRAGMA data_version`, and at the watched records when it has moved. No timer runs while nobody
 * watches, and none keeps the process alive.
 */
export class WatchHub {
  readonly #intervalMs: number;
  readonly #watched: Watched = new Watched();
  #database: SqliteDatabase | null = null;
  #dataVersion = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The watch is in force when this returns: it reads where the records stand in the same turn. */
  watch(database: SqliteDatabase, ids: readonly string[], listener: (hint: ChangeHint) => void): Watcher {
    if (this.#watched.size === 0) {
      this.#database = database;
      // Before the versions are read: a commit between the two is seen twice rather than not at all.
      this.#dataVersion = readDataVersion(database);
    }
    const { unread, end } = this.#watched.add(ids, listener);
    const close = (): void => {
      end();
      if (this.#watched.size === 0) this.stop();
    };
    try {
      this.#watched.read(unread, readHeads(database, unread));
    } catch (error) {
      close();
      throw error;
    }
    if (this.#timer === undefined && this.#watched.size > 0) this.#schedule(this.#intervalMs);
    return { close: async () => close() };
  }

  /** Called after each commit of this connection. */
  committed(changes: readonly ChangeHint[]): void {
    if (this.#watched.size > 0) for (const hint of changes) this.#watched.tell(hint);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#database = null;
    this.#watched.clear();
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => {
      const started = performance.now();
      this.#look();
      if (this.#timer !== undefined) {
        this.#schedule(Math.max(this.#intervalMs, (performance.now() - started) * REST_FACTOR));
      }
    }, delayMs);
    this.#timer.unref();
  }

  #look(): void {
    if (!this.#database) return;
    try {
      const dataVersion = readDataVersion(this.#database);
      if (dataVersion === this.#dataVersion) return;
      const versions = this.#watched.versions;
      const heads = new Map(readHeads(this.#database, [...versions.keys()]).map((head) => [head.id, head]));
      this.#dataVersion = dataVersion;
      for (const [id, seen] of versions) {
        const head = heads.get(id);
        if (!head) this.#watched.forget(id);
        else if (head.version !== seen) this.#watched.tell(head);
      }
    } catch {
      // The database is locked or away for the moment. The data version stays as it was, so the next look
      // that succeeds finds what this one did not; the application's own calls report the fault.
    }
  }
}

function readDataVersion(database: SqliteDatabase): number {
  return Number(database.statement(QUERIES.dataVersion).get()?.[0]);
}

function readHeads(database: SqliteDatabase, ids: readonly string[]): ChangeHint[] {
  if (ids.length === 0) return [];
  const rows = database.statement(QUERIES.getHeads).all(JSON.stringify(ids)) as [string, number, string][];
  return rows.map(([id, version, status]) => ({ id, version, status }));
}
