import { StoreHITLBackend, type StoreBackendOptions } from "../store-backend.ts";
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
  constructor(options: SqliteHITLBackendOptions) {
    super(new SqliteRecordStore(options), options);
  }
}
