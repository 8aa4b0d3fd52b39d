-- What an acquireDue that got no answer has leased. Its leases end within a known time.
-- Parameters: now, kind, lease in ms, how long ago it was sent at most in ms, request.
SELECT 0 AS next_at, {record}, r.value
FROM {schema}.records AS r
WHERE r.kind = $2
  AND coalesce(r.lease_expires_at, r.due_at) BETWEEN
    coalesce($1::bigint, {schema}.statement_ms()) + $3::bigint - $4::bigint
    AND coalesce($1::bigint, {schema}.statement_ms()) + $3::bigint
  AND strpos(r.update_requests, $5) > 0
ORDER BY r.id
