-- One record. {record} is the envelope, see statements.ts. Parameters: id.
SELECT {record}, r.value FROM {schema}.records AS r WHERE r.id = $1
