-- The table of the applied migrations; the only one that is made without a migration.
CREATE TABLE IF NOT EXISTS holdpoint_migrations (
  version INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at INTEGER NOT NULL
)
