-- Several records. The OFFSET keeps the lookups by id apart, whatever the planner thinks of the size of the table.
-- Parameters: ids.
SELECT {record}, r.value
FROM unnest($1::text[]) AS wanted(id)
CROSS JOIN LATERAL (SELECT * FROM {schema}.records AS t WHERE t.id = wanted.id OFFSET 0) AS r
