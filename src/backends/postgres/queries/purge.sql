-- Parameters: kind, statuses, updated before, limit.
SELECT r_purged, r_more FROM {schema}.purge_records($1, $2::text[], $3::bigint, $4::int)
