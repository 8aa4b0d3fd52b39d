-- One ordered range of a page, oldest first. page.ts puts names from a closed set in the place of the braces:
-- {columns}: as in get-record, or the position only; {index}: the index by that key; {key}: a condition on the key, or nothing.
-- Parameters: kind, tenant, the key's value if there is one, status, created_at and id of the cursor,
-- lowest and highest slot, limit.
SELECT {columns} FROM holdpoint_records INDEXED BY {index}
WHERE kind = ? AND tenant_id = ? AND {key} status = ? AND (created_at, id) > (?, ?) AND slot BETWEEN ? AND ?
ORDER BY created_at, id LIMIT ?
