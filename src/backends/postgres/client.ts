/**
 * What the store needs of a PostgreSQL client. A `Pool` of node-postgres ("pg") fits; its types do not appear in the
 * public ones, since it is an optional peer. {@link pgliteClient} makes a PGlite database fit.
 */
import { HoldpointError } from "../../core/errors.ts";

export type PostgresValue = string | number | boolean | null | readonly string[];

export interface PostgresQuery {
  readonly text: string;
  /** Without them the text may hold several statements, which are one transaction. */
  readonly values?: readonly PostgresValue[];
  /** The prepared statement's name; absent: the text is parsed with each call. */
  readonly name?: string;
  /** Rows come as arrays. */
  readonly rowMode: "array";
  /** Columns come as PostgreSQL writes them, whatever parsers the application has set. */
  readonly types: { getTypeParser(oid: number, format?: unknown): (text: string) => unknown };
}

export interface PostgresQueryable {
  query(query: PostgresQuery): Promise<{ readonly rows: readonly (readonly unknown[])[] }>;
}

/** One connection, lent by a pool. */
export interface PostgresClient extends PostgresQueryable {
  /** Gives the connection back; with `true` it is closed. */
  release(destroy?: boolean): void;
  on?(event: "error", listener: (error: Error) => void): unknown;
  removeListener?(event: "error", listener: (error: Error) => void): unknown;
}

/** A connection that listens. */
export interface PostgresSubscription {
  /** Ends it. */
  close(): Promise<void>;
}

/** Called with each payload, and once when the connection is lost. */
export interface PostgresSubscriber {
  readonly hear: (payload: string) => void;
  readonly lost: (error: unknown) => void;
}

export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  end?(): Promise<void>;
  /**
   * LISTEN on a connection of its own. A pool of node-postgres has no such method: there the store opens one with the
   * pool's own settings.
   */
  listen?(channel: string, subscriber: PostgresSubscriber): Promise<PostgresSubscription>;
}

function asText(text: string): string {
  return text;
}

export const TEXT_ONLY: PostgresQuery["types"] = { getTypeParser: () => asText };

interface OwnPoolOptions {
  readonly connectionString: string;
  readonly max: number;
  readonly connectionTimeoutMillis: number;
}

/** @throws HoldpointError `ERR_HITL_MISSING_PEER` */
export async function makePool(options: OwnPoolOptions): Promise<PostgresPool> {
  let Pool: typeof import("pg").Pool;
  try {
    const loaded = await import("pg");
    // A CommonJS module: its names are not always exported one by one.
    Pool = loaded.Pool ?? loaded.default.Pool;
  } catch (cause) {
    throw new HoldpointError(
      "ERR_HITL_MISSING_PEER",
      'The PostgreSQL backend needs the package "pg" to connect. Install it ("npm install pg"), or pass a pool.',
      { cause, details: { peer: "pg" } },
    );
  }
  const pool = new Pool({
    ...options,
    application_name: "holdpoint",
    keepAlive: true,
    allowExitOnIdle: true,
  });
  // An idle connection that ends is replaced when one is needed. Without a listener it would end the process.
  pool.on("error", () => undefined);
  return pool;
}

/** As the constructor and the settings of node-postgres' clients are found at its pool. */
interface ListeningClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<unknown>;
  end(): Promise<void>;
  on(event: "error" | "end", listener: (error?: unknown) => void): unknown;
  on(event: "notification", listener: (message: { payload?: string | undefined }) => void): unknown;
}
type ListeningPool = PostgresPool & {
  readonly Client?: new (options: unknown) => ListeningClient;
  readonly options?: unknown;
};

/** Null if the pool says nothing of how to make a connection of its own. */
export async function listenOn(
  pool: PostgresPool,
  channel: string,
  subscriber: PostgresSubscriber,
): Promise<PostgresSubscription | null> {
  if (pool.listen) return pool.listen(channel, subscriber);
  const { Client, options } = pool as ListeningPool;
  if (!Client || !options) return null;
  const client = new Client(options);
  let lost = false;
  const end = (error?: unknown): void => {
    if (lost) return;
    lost = true;
    subscriber.lost(error);
  };
  client.on("error", end);
  client.on("end", end);
  client.on("notification", ({ payload }) => {
    if (!lost) subscriber.hear(payload ?? "");
  });
  const close = async (): Promise<void> => {
    lost = true;
    await client.end().catch(() => undefined);
  };
  try {
    await client.connect();
    await client.query(`LISTEN "${channel.replaceAll('"', '""')}"`);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}
