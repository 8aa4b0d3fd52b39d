/** PGlite, PostgreSQL in the process, as a pool of one connection. */
import type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresSubscriber,
  PostgresSubscription,
} from "./client.ts";

interface PgliteOptions {
  readonly rowMode: "array";
  readonly parsers: { [oid: number]: (text: string) => unknown };
}

/** A PGlite transaction, as `db.transaction` hands it out. */
export interface PgliteTransaction {
  query(text: string, values: unknown[], options: PgliteOptions): Promise<{ rows: unknown[] }>;
  exec(text: string): Promise<unknown>;
}

/** A PGlite database. */
export interface PgliteDatabase extends PgliteTransaction {
  listen(channel: string, hear: (payload: string) => void): Promise<() => Promise<void>>;
}

const asText = (text: string): string => text;
/** bool, int8, int2, int4, text, json: as PostgreSQL writes them, whatever parsers the database has. */
const PARSERS: PgliteOptions["parsers"] = Object.fromEntries(
  [16, 20, 21, 23, 25, 114].map((oid) => [oid, asText]),
);

async function query(db: PgliteTransaction, { text, values }: PostgresQuery) {
  if (!values) {
    await db.exec(text);
    return { rows: [] };
  }
  const { rows } = await db.query(text, [...values], { rowMode: "array", parsers: PARSERS });
  return { rows: rows as unknown[][] };
}

/**
 * Makes a PGlite database the pool of a {@link PostgresHITLBackend}, or a PGlite transaction the client of its
 * `withTransaction`. The database is not closed by the backend.
 *
 * @example
 * ```ts
 * import { PGlite } from "@electric-sql/pglite";
 * import { pgliteClient, PostgresHITLBackend } from "holdpoint/backends/postgres";
 *
 * const backend = new PostgresHITLBackend({ pool: pgliteClient(new PGlite()) });
 * await backend.create({ session_id: "s", hitl_type: "confirm", data: { message: "Deploy?" } });
 * ```
 */
export function pgliteClient(db: PgliteDatabase | PgliteTransaction): PostgresPool & PostgresClient {
  const client: PostgresPool & PostgresClient = {
    query: (config) => query(db, config),
    release: () => undefined,
    connect: async () => client,
  };
  if (!isDatabase(db)) return client;
  return {
    ...client,
    listen: async (channel: string, { hear }: PostgresSubscriber): Promise<PostgresSubscription> => {
      const end = await db.listen(`"${channel.replaceAll('"', '""')}"`, hear);
      return { close: () => end().catch(() => undefined) };
    },
  };
}

function isDatabase(db: PgliteDatabase | PgliteTransaction): db is PgliteDatabase {
  // A transaction listens too, but is over before somebody waits.
  return "listen" in db && !("rollback" in db);
}
