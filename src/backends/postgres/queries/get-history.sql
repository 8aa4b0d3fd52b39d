-- A page of a record's events, oldest first. Parameters: id, seq of the last event before the page, limit.
SELECT seq, at, version, status, type, actor, reason, data
FROM {schema}.history WHERE id = $1 AND seq > $2::bigint ORDER BY seq LIMIT $3::bigint
