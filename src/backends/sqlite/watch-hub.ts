import type { ChangeHint, Watcher } from "../record-store.ts";
import type { SqliteDatabase } from "./driver.ts";
import { QUERIES } from "./sql.generated.ts";

interface Watched {
  readonly listeners: Set<(hint: ChangeHint) => void>;
  /** The version that the listeners know of, 0 for no record. */
  seen: number;
}

/** Between two looks at least this many times as long passes as a look takes, however many ids are watched. */
const REST_FACTOR = 4;

/**
 * Tells listeners of changes: those of this connection as they are committed; those of other connections by
 * looking at `PRAGMA data_version`, and at the watched records when it has moved. No timer runs while nobody
 * watches, and none keeps the process alive.
 */
export class WatchHub {
  readonly #intervalMs: number;
  readonly #watched: Map<string, Watched> = new Map();
  #database: SqliteDatabase | null = null;
  #dataVersion = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** The watch is in force when this returns: it reads where the records stand in the same turn. */
  watch(database: SqliteDatabase, ids: readonly string[], listener: (hint: ChangeHint) => void): Watcher {
    let open = true;
    const own = (hint: ChangeHint): void => {
      if (open) listener(hint);
    };
    if (this.#watched.size === 0) {
      this.#database = database;
      // Before the versions are read: a commit between the two is seen twice rather than not at all.
      this.#dataVersion = readDataVersion(database);
    }
    const wanted = new Set(ids);
    const fresh = [...wanted].filter((id) => !this.#watched.has(id));
    const heads = new Map(readHeads(database, fresh).map((head) => [head.id, head.version]));
    for (const id of wanted) {
      // A record that is watched already keeps the version that its listeners know of, or they would miss one.
      const watched = this.#watched.get(id) ?? { listeners: new Set(), seen: heads.get(id) ?? 0 };
      watched.listeners.add(own);
      this.#watched.set(id, watched);
    }
    if (this.#timer === undefined && this.#watched.size > 0) this.#schedule(this.#intervalMs);
    return {
      close: async () => {
        open = false;
        for (const id of wanted) {
          const watched = this.#watched.get(id);
          watched?.listeners.delete(own);
          if (watched?.listeners.size === 0) this.#watched.delete(id);
        }
        if (this.#watched.size === 0) this.stop();
      },
    };
  }

  /** Called after each commit of this connection. */
  committed(changes: readonly ChangeHint[]): void {
    if (this.#watched.size === 0) return;
    for (const hint of changes) this.#emit(hint);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#database = null;
    this.#watched.clear();
  }

  #emit(hint: ChangeHint): void {
    const watched = this.#watched.get(hint.id);
    if (!watched) return;
    watched.seen = hint.version;
    // In a turn of their own: a listener that throws must not make a commit look failed.
    for (const listener of watched.listeners) queueMicrotask(() => listener(hint));
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
      const heads = new Map(
        readHeads(this.#database, [...this.#watched.keys()]).map((head) => [head.id, head]),
      );
      this.#dataVersion = dataVersion;
      for (const [id, watched] of this.#watched) {
        const head = heads.get(id);
        if (!head) watched.seen = 0;
        else if (head.version !== watched.seen) this.#emit(head);
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
