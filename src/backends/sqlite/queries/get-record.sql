-- One record. {columns} are those of `RecordRow` in rows.ts. Parameters: id.
SELECT {columns} FROM holdpoint_records WHERE id = ?
