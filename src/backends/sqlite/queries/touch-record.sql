-- Counts an attempt that found the record there. No new version. Parameters: id.
UPDATE holdpoint_records SET touches = touches + 1 WHERE id = ?
