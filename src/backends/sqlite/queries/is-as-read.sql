-- Whether a record is still as it was read. Parameters: id, version, created_at.
SELECT 1 FROM holdpoint_records WHERE id = ? AND version = ? AND created_at = ?
