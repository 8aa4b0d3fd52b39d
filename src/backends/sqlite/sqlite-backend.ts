import { type StoreBackendOptions, StoreHITLBackend } from "../store-backend.ts";
import { TransactionHITLBackend } from "../transaction-backend.ts";
import type { SqliteHandle } from "./driver.ts";
import { SqliteRecordStore, type SqliteRecordStoreOptions } from "./sqlite-store.ts";

export interface SqliteHITLBackendOptions extends SqliteRecordStoreOptions, StoreBackendOptions {}

/**
 * A `HITLBackend` in one SQLite file. Nothing is opened before the first operation.
 *
 * @example
 * ```ts
 * import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
 *
 * export const backend = new SqliteHITLBackend({ path: "data/holdpoint.db" });
 * ```
 */
export class SqliteHITLBackend extends StoreHITLBackend {
  readonly #store: SqliteRecordStore;
  readonly #options: StoreBackendOptions;

  constructor(options: SqliteHITLBackendOptions) {
    const store = new SqliteRecordStore(options);
    super(store, options);
    this.#store = store;
    this.#options = options;
  }

  /**
   * Runs `work` in a transaction on a connection of its own to the backend's file: what `tx` creates, answers and cancels
   * is committed together with the rows that `work` writes over `connection`, when it has ended, or never, if it throws.
   * `open` makes the connection, which nothing else gets to see and which is closed afterwards. See
   * `SqliteRecordStore.transaction`.
   *
   * @example
   * ```ts
   * import Database from "better-sqlite3";
   * import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
   *
   * const path = "data/app.db";
   * const backend = new SqliteHITLBackend({ path });
   *
   * export async function orderWithApproval(order_id: string): Promise<void> {
   *   await backend.transaction(
   *     () => new Database(path),
   *     async (tx, connection) => {
   *       connection.prepare("INSERT INTO orders (id) VALUES (?)").run(order_id);
   *       await tx.create({ session_id: order_id, hitl_type: "confirm", data: { message: "Ship it?" } });
   *     },
   *   );
   * }
   * ```
   */
  transaction<Connection extends SqliteHandle, T>(
    open: () => Connection | Promise<Connection>,
    work: (tx: SqliteTransactionBackend, connection: Connection) => T | Promise<T>,
  ): Promise<T> {
    return this.#store.transaction(open, (view, connection) =>
      work(new SqliteTransactionBackend(view, this.#options), connection),
    );
  }

  /**
   * A view of the backend within a transaction that the caller began on `connection`, which is his own, to the backend's
   * file, and which nothing else uses meanwhile: what the view creates, answers and cancels takes effect with his commit,
   * together with his own rows, or never. See `SqliteRecordStore.withTransaction`; {@link transaction} begins and ends
   * one itself.
   *
   * @example
   * ```ts
   * import Database from "better-sqlite3";
   * import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
   *
   * const path = "data/app.db";
   * const backend = new SqliteHITLBackend({ path });
   *
   * export async function orderWithApproval(order_id: string): Promise<void> {
   *   const connection = new Database(path);
   *   const tx = backend.withTransaction(connection);
   *   try {
   *     connection.exec("BEGIN");
   *     await tx.create({ session_id: order_id, hitl_type: "confirm", data: { message: "Ship it?" } });
   *     connection.prepare("INSERT INTO orders (id) VALUES (?)").run(order_id);
   *     connection.exec("COMMIT");
   *   } finally {
   *     // What was not committed is rolled back.
   *     connection.close();
   *   }
   *   tx.announce();
   * }
   * ```
   */
  withTransaction(connection: SqliteHandle): SqliteTransactionBackend {
    return new SqliteTransactionBackend(this.#store.withTransaction(connection), this.#options);
  }
}

/** A {@link SqliteHITLBackend} within somebody's transaction. */
export class SqliteTransactionBackend extends TransactionHITLBackend {}
