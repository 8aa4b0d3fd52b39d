-- A page: one ordered range of one index for each status, merged by their positions, which are in the index; only the
-- page's own rows are read. page.ts puts texts from a closed set in the place of the braces: {key}: a condition on the
-- key, or nothing; {compare} > or <; {direction} ASC or DESC.
-- Parameters: kind, tenant, statuses, created_at and id of the cursor, lowest and highest slot, limit, the key's value
-- if there is one.
SELECT {record}, r.value
FROM (
  SELECT position.id, position.created_at
  FROM unnest($3::text[]) AS wanted(status)
  CROSS JOIN LATERAL (
    SELECT t.id, t.created_at FROM {schema}.records AS t
    WHERE t.kind = $1 AND t.tenant_id = $2 {key} AND t.status = wanted.status
      AND (t.created_at, t.id) {compare} ($4::bigint, $5::text) AND t.slot BETWEEN $6::smallint AND $7::smallint
    ORDER BY t.created_at {direction}, t.id {direction} LIMIT $8::bigint
  ) AS position
  ORDER BY position.created_at {direction}, position.id {direction} LIMIT $8::bigint
) AS page
CROSS JOIN LATERAL (SELECT * FROM {schema}.records AS t WHERE t.id = page.id OFFSET 0) AS r
ORDER BY page.created_at {direction}, page.id {direction}
