-- As page-oldest, newest first.
SELECT {columns} FROM holdpoint_records INDEXED BY {index}
WHERE kind = ? AND tenant_id = ? AND {key} status = ? AND (created_at, id) < (?, ?) AND slot BETWEEN ? AND ?
ORDER BY created_at DESC, id DESC LIMIT ?
