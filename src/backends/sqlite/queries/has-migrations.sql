-- One row if the table of the applied migrations exists.
SELECT 1 AS present FROM sqlite_schema WHERE type = 'table' AND name = 'holdpoint_migrations'
