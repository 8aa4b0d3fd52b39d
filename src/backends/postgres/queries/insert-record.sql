-- commit() of one insert, with its event: one row with the time of the insert, or with the record that was there and the
-- commit that inserted it. No row: somebody inserted it after this statement began, ask again.
-- shapes.ts puts texts from a closed set in the place of the braces: only what the insert brings is in the statement,
-- since each column and each parameter costs time on both sides. {id}: the parameter with the id. {names}, {values}: columns
-- and their expressions, with {now} for the time. {event}: a second CTE, or nothing.
WITH fresh AS (
  INSERT INTO {schema}.records ({names})
  SELECT {values} FROM (SELECT {now} AS now) AS t
  ON CONFLICT (id) DO NOTHING
  RETURNING created_at
){event}
SELECT created_at, NULL, NULL::json, NULL::json FROM fresh
UNION ALL
SELECT NULL, r.insert_request, {record}, r.value
FROM {schema}.records AS r WHERE r.id = {id} AND NOT EXISTS (SELECT FROM fresh)
