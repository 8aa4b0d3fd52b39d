/**
 * PostgreSQL as the datastore, by way of node-postgres ("pg", an optional peer) or PGlite.
 *
 * @module holdpoint/backends/postgres
 */
export type {
  PostgresClient,
  PostgresPool,
  PostgresQuery,
  PostgresQueryable,
  PostgresSubscriber,
  PostgresSubscription,
  PostgresValue,
} from "./client.ts";
export { postgresMigrationSql } from "./migrate.ts";
export { pgliteClient, type PgliteDatabase, type PgliteTransaction } from "./pglite.ts";
export {
  PostgresHITLBackend,
  type PostgresHITLBackendOptions,
  PostgresTransactionBackend,
} from "./postgres-backend.ts";
export { PostgresRecordStore, type PostgresRecordStoreOptions } from "./postgres-store.ts";
export { PostgresTransactionStore } from "./transaction.ts";
