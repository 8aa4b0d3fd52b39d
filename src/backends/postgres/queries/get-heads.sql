-- Where watched records stand. Parameters: ids.
SELECT r.id, r.version, r.status
FROM unnest($1::text[]) AS wanted(id)
CROSS JOIN LATERAL (SELECT t.id, t.version, t.status FROM {schema}.records AS t WHERE t.id = wanted.id OFFSET 0) AS r
