-- One record. {columns} are those of `RecordRow` in rows.ts. Parameters: id.
SELECT {columns} FROM {schema}.records AS r WHERE r.id = $1
