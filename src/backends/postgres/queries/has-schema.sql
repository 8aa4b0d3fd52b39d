-- What there is before the first operation: the encoding, whether the schema exists, whether its migrations do.
-- Parameters: the schema's name.
SELECT current_setting('server_encoding'),
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1),
  EXISTS (
    SELECT FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = 'migrations'
  )
