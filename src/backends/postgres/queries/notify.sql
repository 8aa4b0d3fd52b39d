-- Tells other processes of changes that are committed. Parameters: channel, payloads.
SELECT count(pg_notify($1, payload)) FROM unnest($2::text[]) AS payload
