-- Writes everything of a record that can change. Parameters: `changingParameters` in rows.ts, value, id.
UPDATE holdpoint_records SET
  status = ?, version = ?, due_at = ?, lease_owner = ?, lease_expires_at = ?, fence = ?, touches = ?,
  next_at = ?, updated_at = ?,
  key_session = ?, key_invocation = ?, key_thread = ?, key_checkpoint = ?,
  key_callback = ?, key_assignee = ?, key_alias = ?, key_wake = ?,
  value = ?
WHERE id = ?
