-- A page of a record's events, oldest first. Parameters: id, seq of the last event before the page, limit.
SELECT seq, at, version, status, type, actor, reason, data
FROM holdpoint_history WHERE id = ? AND seq > ? ORDER BY seq LIMIT ?
