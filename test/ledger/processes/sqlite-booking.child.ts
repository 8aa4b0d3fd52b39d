/** A process that makes calls in transactions of SQLite, and may be its end at any statement of one. */
import Database from "better-sqlite3";
import { SqliteHITLBackend, type SqliteTransactionBackend } from "holdpoint/backends/sqlite";
import { EffectLedger } from "holdpoint/ledger";
import type { Trip } from "../../crash/tripwire.ts";
import { doJobs } from "../../support/worker-jobs.ts";
import { callOf } from "./the-call.ts";

export interface SqliteBookingJob {
  readonly path: string;
  /** All at once. */
  readonly workflow_ids: readonly string[];
  /** Whose transaction: the backend's own, or one that was begun here. */
  readonly whose: "backend" | "caller";
  readonly trip?: Trip;
}

export interface SqliteBooked {
  readonly results: readonly string[];
  /** Statements of the transactions, in order. */
  readonly names: readonly string[];
}

/** As `Tripwire`, for calls that have ended when they return. */
class Wire {
  readonly names: string[] = [];
  readonly #trip: Trip | undefined;

  constructor(trip: Trip | undefined) {
    this.#trip = trip;
  }

  around(sql: string, run: () => unknown): unknown {
    // What only asks how long to wait, or which file it is, changes nothing.
    if (sql.startsWith("PRAGMA")) return run();
    const at =
      this.names.push(
        sql
          .replaceAll(/^--.*\n/gm, "")
          .trimStart()
          .split(/\s+/, 3)
          .join(" "),
      ) - 1;
    this.#pass(at, "before");
    try {
      return run();
    } finally {
      this.#pass(at, "after");
    }
  }

  #pass(at: number, side: Trip["side"]): void {
    const trip = this.#trip;
    if (trip?.at === at && trip.side === side) process.kill(process.pid, trip.signal);
  }
}

/** The object with the methods of `called` led over the wire. */
function wired<T extends object>(
  target: T,
  called: (method: string, args: unknown[], run: () => unknown) => unknown,
): T {
  const proxy: T = new Proxy(target, {
    get(own, name) {
      const found: unknown = Reflect.get(own, name, own);
      if (typeof found !== "function") return found;
      return (...args: unknown[]): unknown => {
        const result = called(String(name), args, () => Reflect.apply(found, own, args));
        return result === own ? proxy : result;
      };
    },
  });
  return proxy;
}

function wiredDatabase(path: string, wire: Wire): Database.Database {
  return wired(new Database(path), (method, args, run) => {
    const sql = String(args[0]);
    if (method === "exec") return wire.around(sql, run);
    if (method !== "prepare") return run();
    return wired(run() as object, (name, _args, execute) =>
      ["run", "get", "all"].includes(name) ? wire.around(sql, execute) : execute(),
    );
  });
}

async function book({ path, workflow_ids, whose, trip }: SqliteBookingJob): Promise<SqliteBooked> {
  const wire = new Wire(trip);
  const backend = new SqliteHITLBackend({ path, busyTimeoutMs: 30_000, retention: { sweepEveryMs: 0 } });
  await backend.get("none");
  const ledger = new EffectLedger({ backend });
  const run = (
    tx: SqliteTransactionBackend,
    connection: Database.Database,
    workflow_id: string,
  ): Promise<string> =>
    ledger.run(
      callOf(workflow_id),
      async () => {
        // The process does other things meanwhile.
        await new Promise((resolve) => setImmediate(resolve));
        connection.exec(`INSERT INTO bookings VALUES ('${workflow_id}')`);
        await new Promise((resolve) => setImmediate(resolve));
        return "booked";
      },
      { tx },
    );
  const inOwn = (workflow_id: string): Promise<string> =>
    backend.transaction(
      () => wiredDatabase(path, wire),
      (tx, connection) => run(tx, connection, workflow_id),
    );
  const inMine = async (workflow_id: string): Promise<string> => {
    const connection = wiredDatabase(path, wire);
    try {
      connection.exec("BEGIN");
      const result = await run(backend.withTransaction(connection), connection, workflow_id);
      connection.exec("COMMIT");
      return result;
    } finally {
      connection.close();
    }
  };
  try {
    const results = await Promise.all(workflow_ids.map(whose === "backend" ? inOwn : inMine));
    return { results, names: wire.names };
  } finally {
    await backend.close();
  }
}

doJobs(book);
