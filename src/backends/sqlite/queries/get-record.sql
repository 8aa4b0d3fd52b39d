-- One record. Parameters: id.
SELECT * FROM holdpoint_records WHERE id = ?
