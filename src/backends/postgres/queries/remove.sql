-- Parameters: ids, versions, times of creation.
SELECT {schema}.remove_records($1::text[], $2::bigint[], $3::bigint[])
