-- Changes nothing, and takes the one write lock, which a transaction that was begun without IMMEDIATE does not have yet.
UPDATE holdpoint_migrations SET version = version WHERE 0
