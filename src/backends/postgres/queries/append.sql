-- Adds a history event without a new version. `added`; `known` if there is such a record; `before` if this request has
-- added it before. Known and nothing else: somebody changed the record meanwhile, ask again.
-- Parameters: id, now, request, type, actor, reason, data.
WITH head AS (
  UPDATE {schema}.records AS r SET
    events = r.events + 1,
    touch_requests = left($3 || ',' || r.touch_requests, 80)
  WHERE r.id = $1 AND strpos(r.touch_requests, $3) = 0
  RETURNING r.id, r.events, r.version, r.status
), event AS (
  INSERT INTO {schema}.history (id, seq, at, version, status, type, actor, reason, data)
  SELECT id, events, coalesce($2::bigint, {schema}.now_ms()), version, status, $4, $5::json, $6, $7::json FROM head
)
SELECT EXISTS (SELECT FROM head) AS added, r.id IS NOT NULL AS known, strpos(r.touch_requests, $3) > 0 AS before
FROM (SELECT 1) AS one LEFT JOIN {schema}.records AS r ON r.id = $1
