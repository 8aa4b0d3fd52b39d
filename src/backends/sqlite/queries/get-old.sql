-- Records of one status that were last updated before a time, oldest first. Parameters: kind, status, time, limit.
SELECT id FROM holdpoint_records INDEXED BY holdpoint_records_by_age
WHERE kind = ? AND status = ? AND updated_at < ? ORDER BY updated_at LIMIT ?
