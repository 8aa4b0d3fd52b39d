-- Parameters: id.
DELETE FROM holdpoint_history WHERE id = ?
