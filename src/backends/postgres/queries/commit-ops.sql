-- commit() of anything but a single insert or update. Parameters: now, request, operations, texts.
SELECT * FROM {schema}.commit_ops($1::bigint, $2::text, $3::json, $4::text[]) ORDER BY r_n
