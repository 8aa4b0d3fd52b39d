-- Inserts a record, unless there is one with its id: then no row changes.
-- Parameters in the order of the columns (`insertParameters` in rows.ts).
INSERT INTO holdpoint_records (
  id, kind, tenant_id, slot, created_at,
  status, version, due_at, lease_owner, lease_expires_at, fence, touches, next_at, updated_at,
  key_session, key_invocation, key_thread, key_checkpoint, key_callback, key_assignee, key_alias, key_wake,
  value
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING
