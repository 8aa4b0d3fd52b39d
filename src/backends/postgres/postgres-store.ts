/**
 * `RecordStore` on PostgreSQL 13 or newer, and on PGlite.
 *
 * A commit is one statement and one round trip; its atomicity is PostgreSQL's. How durable an acknowledged commit is,
 * is the setting `synchronous_commit` of the connection.
 */
import type { Clock } from "../../core/clock.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { ChangeHint, StoreCapabilities, Watcher } from "../record-store.ts";
import { Announcer } from "./announcer.ts";
import { listenOn, makePool, type PostgresPool, type PostgresQueryable } from "./client.ts";
import { closedError } from "./faults.ts";
import { Link } from "./link.ts";
import { migrate } from "./migrate.ts";
import { quoteSchema } from "./names.ts";
import { Operations } from "./operations.ts";
import { OperationsStore } from "./operations-store.ts";
import { Statements } from "./statements.ts";
import { PostgresTransactionStore } from "./transaction.ts";
import { WatchHub } from "./watch-hub.ts";

interface CommonOptions {
  /** The schema that everything is in; made if it is missing. Default `holdpoint`. */
  readonly schema?: string;
  /** Default true: the schema is brought up to date with the first operation. False: it is only checked. */
  readonly migrate?: boolean;
  /** Default true: statements are prepared once on each connection. False for a pooler that knows no prepared ones. */
  readonly prepare?: boolean;
  /** Default true: one connection of its own listens while somebody watches. False: only the poll. */
  readonly listen?: boolean;
  /** How often watched records are read, in ms, while somebody watches. Default 1000, without `listen` 250. */
  readonly watchPollMs?: number;
  /** How long one call may take, with connecting and sending again, in ms. Default 5000. */
  readonly commandTimeoutMs?: number;
  /** For tests. Default: the server's own clock decides. */
  readonly clock?: Clock;
}

export type PostgresRecordStoreOptions = CommonOptions &
  (
    | {
        /** A `Pool` of node-postgres, or {@link pgliteClient}; never closed. */
        readonly pool: PostgresPool;
        readonly connectionString?: undefined;
        readonly maxConnections?: undefined;
      }
    | {
        /** `postgres://user@host/database`; needs pg. */
        readonly connectionString: string;
        /** Of the pool that is made. Default 10. */
        readonly maxConnections?: number;
        readonly pool?: undefined;
      }
  );

function assertNumber(name: string, value: number, least: number, unit: string): number {
  if (value >= least && value <= 2 ** 31 - 1) return value;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `${name} is ${value}; it has to be at least ${least}${unit}.`,
  );
}

/**
 * Records in a PostgreSQL database, for any number of machines. Connects with the first operation, not before.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for options that cannot be. Operations reject with `ERR_HITL_STORE`
 * (nothing was done; `details.reason` is the SQLSTATE), `ERR_HITL_INDETERMINATE` (no answer within
 * `commandTimeoutMs`), `ERR_HITL_STORE_SCHEMA`, `ERR_HITL_MISSING_PEER`, `ERR_HITL_TOO_LARGE` (for an index),
 * `ERR_HITL_CLOSED`.
 */
export class PostgresRecordStore extends OperationsStore {
  readonly capabilities: StoreCapabilities = {
    name: "postgres",
    durable: true,
    shared: true,
    hints: "pushed",
    transactions: true,
  };
  readonly #schema: string;
  readonly #migrate: boolean;
  readonly #clock: Clock | undefined;
  readonly #statements: Statements;
  readonly #link: Link;
  readonly #operations: Operations;
  readonly #announcer: Announcer;
  readonly #hub: WatchHub;
  readonly #own: boolean;
  #pool: Promise<PostgresPool> | undefined;
  #opening: Promise<void> | undefined;
  #open = false;
  #closing: Promise<void> | undefined;

  constructor(options: PostgresRecordStoreOptions) {
    super();
    const { pool, connectionString, schema = "holdpoint", listen = true, commandTimeoutMs = 5000 } = options;
    if ((pool === undefined) === (connectionString === undefined)) {
      throw new HoldpointError(
        "ERR_HITL_INVALID_INPUT",
        "Pass either pool or connectionString to the PostgreSQL backend.",
      );
    }
    assertNumber("commandTimeoutMs", commandTimeoutMs, 1, " ms");
    const max = assertNumber("maxConnections", options.maxConnections ?? 10, 1, "");
    const pollMs = assertNumber("watchPollMs", options.watchPollMs ?? (listen ? 1000 : 250), 1, " ms");
    this.#schema = schema;
    this.#statements = new Statements(quoteSchema(schema));
    this.#migrate = options.migrate ?? true;
    this.#clock = options.clock;
    this.#own = pool === undefined;
    const open = (): Promise<PostgresPool> => {
      this.#pool ??= pool
        ? Promise.resolve(pool)
        : makePool({ connectionString, max, connectionTimeoutMillis: commandTimeoutMs });
      return this.#pool;
    };
    this.#link = new Link(open, commandTimeoutMs, options.prepare ?? true);
    this.#operations = new Operations(this.#link, this.#statements, this.#clock);
    this.#announcer = new Announcer((payloads) =>
      this.#link.run({
        statement: this.#statements.of("notify"),
        values: [schema, payloads],
        effect: "reads",
      }),
    );
    this.#hub = new WatchHub({
      heads: (ids) => (ids.length === 0 ? Promise.resolve([]) : this.#operations.heads(ids)),
      // A channel is not in a schema: it has the schema's name.
      listen: listen ? async (subscriber) => listenOn(await open(), schema, subscriber) : undefined,
      pollMs,
    });
  }

  async watch(ids: readonly string[], listener: (hint: ChangeHint) => void): Promise<Watcher> {
    await this.ready();
    return this.#hub.watch(ids, listener);
  }

  /**
   * A view whose reads and writes are part of a transaction that the caller began on `client`, so that records change
   * together with rows of his own, or not at all. After an error in it the transaction has failed and has to be rolled
   * back. Call `announce()` after the commit, and those who wait hear of it at once.
   *
   * Run any operation of the store before the first transaction where the schema may be missing: it is made on another
   * connection.
   *
   * @param client - a client on which BEGIN was sent; of PGlite `pgliteClient(tx)`
   */
  withTransaction(client: PostgresQueryable): PostgresTransactionStore {
    return new PostgresTransactionStore(
      client,
      {
        ready: async () => void (await this.ready()),
        statements: this.#statements,
        clock: this.#clock,
        watch: (ids, listener) => this.#hub.watch(ids, listener),
        announce: (hints) => this.changed(hints),
      },
      this.capabilities,
    );
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#announcer.close();
    await Promise.all([this.#hub.close(), this.#link.close()]);
    if (!this.#own) return;
    const pool = await this.#pool?.catch(() => undefined);
    await pool?.end?.();
  }

  /** @internal */
  protected changed(hints: readonly ChangeHint[]): void {
    this.#hub.committed(hints);
    this.#announcer.add(hints);
  }

  /** @internal */
  protected async ready(): Promise<Operations> {
    if (this.#closing) throw closedError();
    if (this.#open) return this.#operations;
    this.#opening ??= migrate(this.#link, this.#statements, this.#schema, this.#migrate);
    try {
      await this.#opening;
      this.#open = true;
      return this.#operations;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
