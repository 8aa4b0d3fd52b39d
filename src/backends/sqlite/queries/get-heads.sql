-- Where watched records stand. Parameters: a JSON array of ids.
SELECT record.id, record.version, record.status
FROM json_each(?) AS wanted
CROSS JOIN holdpoint_records AS record ON record.id = wanted.value
