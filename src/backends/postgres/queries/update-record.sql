-- commit() of one update that does not count touches, with its event: one row with null, or with the requests that wrote
-- the record before; the time; and the record as it is now, of an update without the value that it brought. No row:
-- there is none. A record that is not changed is shown as it was when the statement began, so its guard may hold if
-- somebody else changed it meanwhile: ask again.
-- shapes.ts puts texts from a closed set in the place of the braces: only what the update names is in the statement.
-- {set}, {guard}: assignments and conditions. {event}: a second CTE, or nothing. {value}: the value or null.
WITH changed AS (
  UPDATE {schema}.records AS r SET {set}
  WHERE r.id = {id}{guard} AND strpos(r.update_requests, {request}) = 0
  RETURNING {changed}
){event}
SELECT NULL AS requests, r.updated_at, {record}, {value} FROM changed AS r
UNION ALL
SELECT r.update_requests, {now}, {record}, r.value
FROM {schema}.records AS r WHERE r.id = {id} AND NOT EXISTS (SELECT FROM changed)
