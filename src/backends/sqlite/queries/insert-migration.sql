-- Parameters: version, name, applied_at.
INSERT INTO holdpoint_migrations (version, name, applied_at) VALUES (?, ?, ?)
