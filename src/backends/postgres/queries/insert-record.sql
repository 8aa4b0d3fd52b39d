-- commit() of one insert, with its event: one row, `fresh` with the time of the insert, or the record that was there
-- with the requests that wrote it. Neither: somebody inserted it after this statement began, ask again.
-- Parameters: `insertParameters` in encode.ts.
WITH fresh AS (
  INSERT INTO {schema}.records (
    id, kind, tenant_id, slot, status, version, due_at, lease_owner, lease_expires_at, fence, touches, events,
    created_at, updated_at, key_session, key_invocation, key_thread, key_checkpoint, key_callback, key_assignee,
    key_alias, key_wake, insert_request, update_requests, touch_requests, value
  )
  SELECT $1, $3, $4, $5::smallint, $6, 1, $7::bigint, $8, t.now + $9::bigint, CASE WHEN $9::bigint IS NULL THEN 0 ELSE 1 END, 0,
    CASE WHEN $20::text IS NULL THEN 0 ELSE 1 END,
    t.now, t.now, $10, $11, $12, $13, $14, $15, $16, $17, $18, '', '', $19::json
  FROM (SELECT coalesce($2::bigint, {schema}.now_ms()) AS now) AS t
  ON CONFLICT (id) DO NOTHING
  RETURNING created_at
), event AS (
  INSERT INTO {schema}.history (id, seq, at, version, status, type, actor, reason, data)
  SELECT $1, 1, created_at, 1, $6, $20, $21::json, $22, $23::json FROM fresh WHERE $20::text IS NOT NULL
)
SELECT fresh.created_at, r.insert_request, {columns}
FROM (SELECT 1) AS one
LEFT JOIN fresh ON true
LEFT JOIN {schema}.records AS r ON r.id = $1 AND fresh.created_at IS NULL
