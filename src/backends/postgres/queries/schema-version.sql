-- The newest applied migration; 0 if there is none.
SELECT coalesce(max(version), 0) FROM {schema}.migrations
