-- Records that may be handed out, longest due first. {columns} as in get-record. Parameters: kind, now, limit.
SELECT {columns} FROM holdpoint_records INDEXED BY holdpoint_records_by_due
WHERE kind = ? AND next_at <= ? ORDER BY next_at, id LIMIT ?
