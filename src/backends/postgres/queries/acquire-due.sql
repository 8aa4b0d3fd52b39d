-- Leases records that are due, longest due first; what others are about to lease is passed over. Changes value-free
-- columns only. Parameters: now, kind, limit, owner, lease in ms, request.
WITH due AS (
  SELECT t.id, coalesce(t.lease_expires_at, t.due_at) AS next_at FROM {schema}.records AS t
  WHERE t.kind = $2 AND coalesce(t.lease_expires_at, t.due_at) <= coalesce($1::bigint, {schema}.statement_ms())
  ORDER BY coalesce(t.lease_expires_at, t.due_at), t.id
  LIMIT $3::bigint
  FOR UPDATE SKIP LOCKED
)
UPDATE {schema}.records AS r SET
  lease_owner = $4,
  lease_expires_at = coalesce($1::bigint, {schema}.now_ms()) + $5::bigint,
  fence = r.fence + 1,
  version = r.version + 1,
  updated_at = coalesce($1::bigint, {schema}.now_ms()),
  update_requests = left($6 || ',' || r.update_requests, 60)
FROM due WHERE r.id = due.id
RETURNING due.next_at, {record}, r.value
