/**
 * Records in a SQLite file: any number of processes on one machine, no server.
 *
 * @module
 */
export type {
  SqliteConnection,
  SqliteDriver,
  SqliteErrorClass,
  SqliteHandle,
  SqliteLent,
  SqliteRow,
  SqliteStatement,
  SqliteValue,
} from "./driver.ts";
export type { SqliteDriverName } from "./drivers/load.ts";
export {
  SqliteHITLBackend,
  type SqliteHITLBackendOptions,
  SqliteTransactionBackend,
} from "./sqlite-backend.ts";
export { SqliteRecordStore, type SqliteRecordStoreOptions } from "./sqlite-store.ts";
export { SqliteTransactionStore } from "./transaction.ts";
