import { type StoreBackendOptions, StoreHITLBackend } from "../store-backend.ts";
import { TransactionHITLBackend } from "../transaction-backend.ts";
import type { PostgresQueryable } from "./client.ts";
import { PostgresRecordStore, type PostgresRecordStoreOptions } from "./postgres-store.ts";

export type PostgresHITLBackendOptions = PostgresRecordStoreOptions & StoreBackendOptions;

/**
 * The HITL backend on PostgreSQL: many machines share it.
 *
 * @example
 * ```ts
 * import { PostgresHITLBackend } from "holdpoint/backends/postgres";
 *
 * export const backend = new PostgresHITLBackend({ connectionString: "postgres://localhost/app" });
 * ```
 */
export class PostgresHITLBackend extends StoreHITLBackend {
  readonly #store: PostgresRecordStore;
  readonly #options: StoreBackendOptions;

  constructor(options: PostgresHITLBackendOptions) {
    const store = new PostgresRecordStore(options);
    super(store, options);
    this.#store = store;
    this.#options = options;
  }

  /**
   * A view of the backend within a transaction that the caller began on `client`: what it creates, answers and cancels
   * takes effect with his commit, together with his own rows, or never. See `PostgresRecordStore.withTransaction`.
   *
   * @example
   * ```ts
   * import { Pool } from "pg";
   * import { PostgresHITLBackend } from "holdpoint/backends/postgres";
   *
   * const pool = new Pool();
   * const backend = new PostgresHITLBackend({ pool });
   *
   * export async function orderWithApproval(order_id: string): Promise<void> {
   *   const client = await pool.connect();
   *   const tx = backend.withTransaction(client);
   *   try {
   *     await client.query("BEGIN");
   *     await client.query("INSERT INTO orders (id) VALUES ($1)", [order_id]);
   *     await tx.create({ session_id: order_id, hitl_type: "confirm", data: { message: "Ship it?" } });
   *     await client.query("COMMIT");
   *   } catch (error) {
   *     await client.query("ROLLBACK");
   *     throw error;
   *   } finally {
   *     client.release();
   *   }
   *   tx.announce();
   * }
   * ```
   */
  withTransaction(client: PostgresQueryable): PostgresTransactionBackend {
    return new PostgresTransactionBackend(this.#store.withTransaction(client), this.#options);
  }
}

/** A {@link PostgresHITLBackend} within somebody's transaction. */
export class PostgresTransactionBackend extends TransactionHITLBackend {}
