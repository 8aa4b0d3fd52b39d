-- Records that may be handed out, longest due first. Parameters: kind, now, limit.
SELECT * FROM holdpoint_records INDEXED BY holdpoint_records_by_due
WHERE kind = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?
