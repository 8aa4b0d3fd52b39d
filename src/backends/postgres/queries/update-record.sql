-- commit() of one update that does not count touches, with its event: one row with `changed`, the time, the requests
-- that wrote the record before, and the record as it is now; of an update without the value if $26 brought it. No row: there is
-- none. A record that is not changed is shown as it was when the statement began, so its guard may hold when somebody
-- else changed it meanwhile: ask again.
-- Parameters: `updateParameters` in encode.ts.
WITH changed AS (
  UPDATE {schema}.records AS r SET
    status = coalesce($11, r.status),
    version = r.version + 1,
    due_at = CASE $12::int WHEN 1 THEN $13::bigint WHEN 2 THEN coalesce($2::bigint, {schema}.now_ms()) + $13::bigint ELSE r.due_at END,
    lease_owner = CASE $14::int WHEN 1 THEN $15 WHEN 3 THEN NULL ELSE r.lease_owner END,
    lease_expires_at = CASE $14::int
      WHEN 1 THEN coalesce($2::bigint, {schema}.now_ms()) + $16::bigint
      WHEN 2 THEN CASE WHEN r.lease_expires_at IS NULL THEN NULL ELSE coalesce($2::bigint, {schema}.now_ms()) + $16::bigint END
      WHEN 3 THEN NULL
      ELSE r.lease_expires_at END,
    fence = CASE WHEN $14::int = 1 THEN r.fence + 1 ELSE r.fence END,
    events = CASE WHEN $27::text IS NULL THEN r.events ELSE r.events + 1 END,
    updated_at = coalesce($2::bigint, {schema}.now_ms()),
    key_session = CASE WHEN $17::int & 1 = 0 THEN r.key_session ELSE $18 END,
    key_invocation = CASE WHEN $17::int & 2 = 0 THEN r.key_invocation ELSE $19 END,
    key_thread = CASE WHEN $17::int & 4 = 0 THEN r.key_thread ELSE $20 END,
    key_checkpoint = CASE WHEN $17::int & 8 = 0 THEN r.key_checkpoint ELSE $21 END,
    key_callback = CASE WHEN $17::int & 16 = 0 THEN r.key_callback ELSE $22 END,
    key_assignee = CASE WHEN $17::int & 32 = 0 THEN r.key_assignee ELSE $23 END,
    key_alias = CASE WHEN $17::int & 64 = 0 THEN r.key_alias ELSE $24 END,
    key_wake = CASE WHEN $17::int & 128 = 0 THEN r.key_wake ELSE $25 END,
    update_requests = left($3 || ',' || r.update_requests, 60),
    value = coalesce($26::json, r.value)
  WHERE r.id = $1
    AND ($4::text[] IS NULL OR r.status = ANY ($4::text[]))
    AND ($5::bigint IS NULL OR r.version = $5::bigint)
    AND ($6::bigint IS NULL OR (r.fence = $6::bigint AND r.lease_expires_at > coalesce($2::bigint, {schema}.now_ms())))
    AND ($7::bigint IS NULL OR r.touches = $7::bigint)
    AND (NOT $8::boolean OR r.lease_expires_at IS NULL OR r.lease_expires_at <= coalesce($2::bigint, {schema}.now_ms()))
    AND (NOT $9::boolean OR r.due_at IS NULL OR r.due_at > coalesce($2::bigint, {schema}.now_ms()))
    AND (NOT $10::boolean OR r.due_at <= coalesce($2::bigint, {schema}.now_ms()))
    AND strpos(r.update_requests, $3) = 0
  RETURNING r.*
), event AS (
  INSERT INTO {schema}.history (id, seq, at, version, status, type, actor, reason, data)
  SELECT id, events, updated_at, version, status, $27, $28::json, $29, $30::json FROM changed WHERE $27::text IS NOT NULL
)
SELECT true AS changed, r.updated_at AS now, '' AS update_requests, {envelope}, CASE WHEN $26::json IS NULL THEN r.value END AS value
FROM changed AS r
UNION ALL
SELECT false, coalesce($2::bigint, {schema}.now_ms()), r.update_requests, {envelope}, r.value
FROM {schema}.records AS r WHERE r.id = $1 AND NOT EXISTS (SELECT FROM changed)
