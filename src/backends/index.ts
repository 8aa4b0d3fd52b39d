/**
 * `holdpoint/backends`: what a datastore of your own is made of. `RecordStore` is the contract, and its documentation says
 * what each operation promises; the functions are its rules, so that a store that computes in the process need not write
 * them again; `StoreHITLBackend` makes a backend of it. `holdpoint/testing` tests it.
 *
 * @module
 */
export type { Envelope } from "./held.ts";
export {
  type AsRead,
  type ChangeHint,
  type CommitResult,
  DEFAULT_PAGE_LIMIT,
  type DueQuery,
  type Guard,
  type HistoryQuery,
  type InsertOp,
  KEY_NAMES,
  type KeyName,
  type Lease,
  type LeaseRequest,
  MAX_PAGE_LIMIT,
  type NewEvent,
  type OpResult,
  type Page,
  type PageQuery,
  type Patch,
  type PurgeQuery,
  type ReadOp,
  type RecordEvent,
  type RecordKeys,
  type RecordStore,
  type StoreCapabilities,
  type StoredRecord,
  type StoreOp,
  type UpdateOp,
  type Watcher,
} from "./record-store.ts";
export {
  checkCommit,
  type CheckedPage,
  checkLimit,
  checkPage,
  checkRemoval,
  compareCreated,
  decodeSeqCursor,
  dueTime,
  encodeCursor,
  guardHolds,
  isAsRead,
  isLeaseFree,
  newEnvelope,
  patched,
} from "./store-rules.ts";
export { StoreHITLBackend, type StoreBackendOptions } from "./store-backend.ts";
