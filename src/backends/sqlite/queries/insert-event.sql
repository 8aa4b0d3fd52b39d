-- Adds an event at the end of a record's history.
-- Parameters: id, at, version, status, type, actor, reason, data, id.
INSERT INTO holdpoint_history (id, seq, at, version, status, type, actor, reason, data)
SELECT ?, coalesce(max(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ? FROM holdpoint_history WHERE id = ?
