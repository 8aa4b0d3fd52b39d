-- Design of the SQLite store.
--
-- One row of holdpoint_records is one StoredRecord: the envelope in columns, so that guards and indexes see it,
-- and the value as JSON text that SQLite never looks into, so that it is read back to the byte. `value` comes
-- last: reading the envelope of a large record touches no overflow page.
--
-- The tables carry a prefix, because an application may keep its LangGraph checkpoints in the same file.
--
-- Columns that only serve indexes:
--   slot     the partition in the id, 0 to 4095
--   next_at  when acquireDue may hand the record out: the end of its lease, or else due_at; null for never
--   key_*    one column for each of the closed set of index keys, null where the record has none
--
-- Every page is one ordered range of one index: (kind, tenant, [key], status) picks the range, and
-- (created_at, id) is both its order and the cursor. The indexes by key are partial: a record costs an entry
-- only for the keys that it has. Each ends with `slot`, so that a page of one slot passes over other records
-- within the index; an index by slot would cost every write a page, and spare nothing where a slot comes with a
-- key. A page over several statuses merges the ranges.
--
-- Columns are not STRICT: a duration may be a fraction of a millisecond, and the store does not round.

CREATE TABLE holdpoint_records (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  slot INTEGER NOT NULL,
  status TEXT NOT NULL,
  version INTEGER NOT NULL,
  due_at INTEGER,
  lease_owner TEXT,
  lease_expires_at INTEGER,
  fence INTEGER NOT NULL,
  touches INTEGER NOT NULL,
  next_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  key_session TEXT,
  key_invocation TEXT,
  key_thread TEXT,
  key_checkpoint TEXT,
  key_callback TEXT,
  key_assignee TEXT,
  key_alias TEXT,
  key_wake TEXT,
  value TEXT NOT NULL
);

-- page() without a key.
CREATE INDEX holdpoint_records_by_tenant ON holdpoint_records
  (kind, tenant_id, status, created_at, id, slot);

-- page() by one key.
CREATE INDEX holdpoint_records_by_session ON holdpoint_records
  (kind, tenant_id, key_session, status, created_at, id, slot) WHERE key_session IS NOT NULL;
CREATE INDEX holdpoint_records_by_invocation ON holdpoint_records
  (kind, tenant_id, key_invocation, status, created_at, id, slot) WHERE key_invocation IS NOT NULL;
CREATE INDEX holdpoint_records_by_thread ON holdpoint_records
  (kind, tenant_id, key_thread, status, created_at, id, slot) WHERE key_thread IS NOT NULL;
CREATE INDEX holdpoint_records_by_checkpoint ON holdpoint_records
  (kind, tenant_id, key_checkpoint, status, created_at, id, slot) WHERE key_checkpoint IS NOT NULL;
CREATE INDEX holdpoint_records_by_callback ON holdpoint_records
  (kind, tenant_id, key_callback, status, created_at, id, slot) WHERE key_callback IS NOT NULL;
CREATE INDEX holdpoint_records_by_assignee ON holdpoint_records
  (kind, tenant_id, key_assignee, status, created_at, id, slot) WHERE key_assignee IS NOT NULL;
CREATE INDEX holdpoint_records_by_alias ON holdpoint_records
  (kind, tenant_id, key_alias, status, created_at, id, slot) WHERE key_alias IS NOT NULL;
CREATE INDEX holdpoint_records_by_wake ON holdpoint_records
  (kind, tenant_id, key_wake, status, created_at, id, slot) WHERE key_wake IS NOT NULL;

-- acquireDue().
CREATE INDEX holdpoint_records_by_due ON holdpoint_records
  (kind, next_at, id) WHERE next_at IS NOT NULL;

-- purge().
CREATE INDEX holdpoint_records_by_age ON holdpoint_records
  (kind, status, updated_at);

-- The events of one record lie together, in order; `actor` and `data` are JSON text.
CREATE TABLE holdpoint_history (
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  status TEXT NOT NULL,
  type TEXT NOT NULL,
  actor TEXT,
  reason TEXT,
  data TEXT,
  PRIMARY KEY (id, seq)
) WITHOUT ROWID;
