-- Parameters: id.
DELETE FROM holdpoint_records WHERE id = ?
