-- Design of the PostgreSQL store. {schema} stands for the quoted name of the schema that everything is in.
--
-- One row of records is one StoredRecord: the envelope in columns, so that guards and indexes see it.
--
-- Values are json, not jsonb and not text. jsonb sorts keys, rounds numbers and refuses "\u0000"; json keeps the text as
-- it was sent, so a value is read back to the byte (S6). text would too, but json says what it is and can be asked:
-- value->>'hitl_type'. Nothing of the store looks into a value.
--
-- Names (kind, tenant, status, keys, owners, types, reasons) are text in byte order (COLLATE "C"): cheaper to compare,
-- and the order of ids is the one that cursors follow in every database. What text cannot hold is escaped: a backslash
-- is \\, the character zero \0, a lone surrogate \ud800.
--
-- Times are epoch milliseconds. An index entry may have 2704 bytes, which limits kind, tenant, status and one key
-- together; the store refuses more before it writes.
--
-- Columns that are not part of a StoredRecord:
--   slot             the partition in the id, 0 to 4095
--   events           how many history rows the record has: the next seq without asking for the last one, which a
--                    statement that waited for the row would not see
--   insert_request, update_requests, touch_requests
--                    the commits that wrote the row last (S4), newest first: one that is sent again finds itself here.
--                    Touches and appended events are apart, so that a crowd that touches a leased record does not
--                    push out who leased it.
--
-- Every page is one ordered range of one index for each status: (kind, tenant, [key], status) picks the range,
-- (created_at, id) is both its order and the cursor. The indexes by key are partial: a record costs an entry only for
-- the keys that it has. Each ends with slot, so that a page of one slot passes over other records within the index.
-- The status is a column of the indexes and not a condition of them, because the store does not know which statuses a
-- domain has: what is pending is one range all the same.
--
-- fillfactor leaves room for the next version of a row on its page: touches, appended events and leases that keep the
-- indexed columns then write no index entry.

CREATE TABLE {schema}.records (
  id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  tenant_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  version bigint NOT NULL DEFAULT 1,
  due_at bigint,
  lease_expires_at bigint,
  fence bigint NOT NULL DEFAULT 0,
  touches bigint NOT NULL DEFAULT 0,
  events bigint NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  slot smallint NOT NULL,
  lease_owner text COLLATE "C",
  key_session text COLLATE "C",
  key_invocation text COLLATE "C",
  key_thread text COLLATE "C",
  key_checkpoint text COLLATE "C",
  key_callback text COLLATE "C",
  key_assignee text COLLATE "C",
  key_alias text COLLATE "C",
  key_wake text COLLATE "C",
  insert_request text COLLATE "C" NOT NULL,
  update_requests text COLLATE "C" NOT NULL DEFAULT '',
  touch_requests text COLLATE "C" NOT NULL DEFAULT '',
  value json NOT NULL,
  CONSTRAINT records_pkey PRIMARY KEY (id)
) WITH (fillfactor = 85);

-- page() without a key.
CREATE INDEX records_by_tenant ON {schema}.records
  (kind, tenant_id, status, created_at, id, slot);

-- page() by one key.
CREATE INDEX records_by_session ON {schema}.records
  (kind, tenant_id, key_session, status, created_at, id, slot) WHERE key_session IS NOT NULL;
CREATE INDEX records_by_invocation ON {schema}.records
  (kind, tenant_id, key_invocation, status, created_at, id, slot) WHERE key_invocation IS NOT NULL;
CREATE INDEX records_by_thread ON {schema}.records
  (kind, tenant_id, key_thread, status, created_at, id, slot) WHERE key_thread IS NOT NULL;
CREATE INDEX records_by_checkpoint ON {schema}.records
  (kind, tenant_id, key_checkpoint, status, created_at, id, slot) WHERE key_checkpoint IS NOT NULL;
CREATE INDEX records_by_callback ON {schema}.records
  (kind, tenant_id, key_callback, status, created_at, id, slot) WHERE key_callback IS NOT NULL;
CREATE INDEX records_by_assignee ON {schema}.records
  (kind, tenant_id, key_assignee, status, created_at, id, slot) WHERE key_assignee IS NOT NULL;
CREATE INDEX records_by_alias ON {schema}.records
  (kind, tenant_id, key_alias, status, created_at, id, slot) WHERE key_alias IS NOT NULL;
CREATE INDEX records_by_wake ON {schema}.records
  (kind, tenant_id, key_wake, status, created_at, id, slot) WHERE key_wake IS NOT NULL;

-- acquireDue(): as long as a lease lasts, its end; else due_at.
CREATE INDEX records_by_due ON {schema}.records
  (kind, (coalesce(lease_expires_at, due_at)), id) WHERE coalesce(lease_expires_at, due_at) IS NOT NULL;

-- purge().
CREATE INDEX records_by_age ON {schema}.records
  (kind, status, updated_at);

-- No foreign key: purge deletes both, and a check for each event would cost a second lookup of its record.
CREATE TABLE {schema}.history (
  id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  version bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  actor json,
  reason text COLLATE "C",
  data json,
  CONSTRAINT history_pkey PRIMARY KEY (id, seq)
);

-- The server's clock, and not that of the transaction: a statement that waited for a row has to see the time after.
CREATE FUNCTION {schema}.now_ms() RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL SAFE
AS $function$
  SELECT floor(date_part('epoch', clock_timestamp()) * 1000)::bigint
$function$;

-- When the present statement began: a bound for a range of an index, which a volatile function cannot be.
CREATE FUNCTION {schema}.statement_ms() RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
  SELECT floor(date_part('epoch', statement_timestamp()) * 1000)::bigint
$function$;

-- One operation of commit_ops, and one item of its JSON. `v`, `actor` and `data` are positions in p_texts. Of the
-- fields of a patch, `mask` says which keys change (bit n: the key n), `due_change` 0 keep, 1 set, 2 add to now, and
-- `lease_change` 0 keep, 1 take, 2 renew, 3 release.
CREATE TYPE {schema}.op AS (
  n int, op text, id text, kind text, tenant_id text, slot smallint, status text,
  must boolean, touch boolean,
  statuses text[], version bigint, fence bigint, touches bigint, free boolean, not_due boolean, is_due boolean,
  due_change int, due bigint, lease_change int, owner text, ms bigint,
  mask int, k0 text, k1 text, k2 text, k3 text, k4 text, k5 text, k6 text, k7 text,
  v int, type text, actor int, reason text, data int
);

-- RecordStore.commit for several operations; a single insert or update is a plain statement (queries/). Texts are apart
-- from the JSON of the operations, since PostgreSQL looks into all of a json that it takes fields from, and refuses
-- "\u0000" and lone surrogates there.
--
-- Returns a row for each operation, in order of n. code: i inserted (the caller knows the record), I inserted by the same
-- commit sent before, u updated (without the value, if the commit brought it), e exists, s stale, m missing, r read,
-- k skipped. The commit was refused if `refused` says so.
--
-- Rows are locked in the order of their ids and inserted in that order, so that two commits do not wait for each other.
-- Each statement here sees what was committed before it began; what is judged is locked, so a refusal shows a record
-- for which its guard does fail.
CREATE FUNCTION {schema}.commit_ops(p_now bigint, p_request text, p_ops json, p_texts text[])
RETURNS TABLE (r_n int, r_code text, r_refused boolean, r_now bigint, r_record json, r_value json)
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  v_ops {schema}.op[];
  o {schema}.op;
  f {schema}.records;
  v_now bigint;
  v_code text;
  v_codes text[];
  v_refused boolean;
  v_replayed boolean;
  v_fresh text[];
  v_again boolean;
  v_events bigint;
  v_version bigint;
  v_status text;
BEGIN
  SELECT array_agg(x ORDER BY x.id, x.n) INTO v_ops
  FROM json_populate_recordset(NULL::{schema}.op, p_ops) AS x;

  LOOP
    FOREACH o IN ARRAY v_ops LOOP
      IF o.op <> 'r' THEN
        PERFORM 1 FROM {schema}.records AS t WHERE t.id = o.id FOR UPDATE;
      END IF;
    END LOOP;
    v_now := coalesce(p_now, {schema}.now_ms());

    v_codes := array_fill('r'::text, ARRAY[array_length(v_ops, 1)]);
    v_refused := false;
    v_replayed := false;
    FOREACH o IN ARRAY v_ops LOOP
      CONTINUE WHEN o.op = 'r';
      SELECT t.* INTO f FROM {schema}.records AS t WHERE t.id = o.id FOR UPDATE;
      IF f.id IS NULL THEN
        v_code := CASE WHEN o.op = 'i' THEN 'i' ELSE 'm' END;
      ELSIF o.op = 'i' THEN
        v_code := CASE WHEN f.insert_request = p_request THEN 'I' ELSE 'e' END;
        v_replayed := v_replayed OR v_code = 'I' OR strpos(f.touch_requests, p_request) > 0;
      ELSIF strpos(f.update_requests, p_request) > 0 THEN
        v_code := 'U';
        v_replayed := true;
      ELSIF (o.statuses IS NULL OR f.status = ANY (o.statuses))
        AND (o.version IS NULL OR f.version = o.version)
        AND (o.touches IS NULL OR f.touches = o.touches)
        AND (o.fence IS NULL OR (f.fence = o.fence AND f.lease_expires_at IS NOT NULL AND f.lease_expires_at > v_now))
        AND (o.free IS NOT TRUE OR f.lease_expires_at IS NULL OR f.lease_expires_at <= v_now)
        AND (o.not_due IS NOT TRUE OR f.due_at IS NULL OR f.due_at > v_now)
        AND (o.is_due IS NOT TRUE OR (f.due_at IS NOT NULL AND f.due_at <= v_now))
      THEN
        v_code := 'u';
      ELSE
        v_code := 's';
        v_replayed := v_replayed OR strpos(f.touch_requests, p_request) > 0;
      END IF;
      v_codes[o.n] := v_code;
      v_refused := v_refused OR (o.must AND v_code IN ('e', 's', 'm'));
    END LOOP;

    EXIT WHEN v_replayed OR v_refused;

    v_fresh := '{}';
    v_again := false;
    FOREACH o IN ARRAY v_ops LOOP
      CONTINUE WHEN v_codes[o.n] <> 'i';
      INSERT INTO {schema}.records (
        id, kind, tenant_id, status, version, due_at, lease_expires_at, fence, touches, events, created_at, updated_at,
        slot, lease_owner, key_session, key_invocation, key_thread, key_checkpoint, key_callback, key_assignee,
        key_alias, key_wake, insert_request, update_requests, touch_requests, value
      ) VALUES (
        o.id, o.kind, o.tenant_id, o.status, 1, o.due, v_now + o.ms, CASE WHEN o.ms IS NULL THEN 0 ELSE 1 END, 0,
        CASE WHEN o.type IS NULL THEN 0 ELSE 1 END, v_now, v_now,
        o.slot, o.owner, o.k0, o.k1, o.k2, o.k3, o.k4, o.k5,
        o.k6, o.k7, p_request, '', '', p_texts[o.v]::json
      ) ON CONFLICT (id) DO NOTHING;
      v_again := NOT FOUND;
      EXIT WHEN v_again;
      v_fresh := v_fresh || o.id;
    END LOOP;
    EXIT WHEN NOT v_again;
    -- Somebody else inserted one of them in this moment: nobody has seen the others yet, and everything is judged anew.
    DELETE FROM {schema}.records AS t WHERE t.id = ANY (v_fresh);
  END LOOP;

  IF v_replayed THEN
    v_refused := false;
    FOREACH o IN ARRAY v_ops LOOP
      v_codes[o.n] := CASE v_codes[o.n] WHEN 'u' THEN 's' WHEN 'i' THEN 'e' ELSE v_codes[o.n] END;
    END LOOP;
  ELSIF NOT v_refused THEN
    FOREACH o IN ARRAY v_ops LOOP
      v_code := v_codes[o.n];
      IF v_code = 'u' THEN
        UPDATE {schema}.records AS t SET
          status = coalesce(o.status, t.status),
          version = t.version + 1,
          due_at = CASE o.due_change WHEN 1 THEN o.due WHEN 2 THEN v_now + o.due ELSE t.due_at END,
          lease_owner = CASE o.lease_change WHEN 1 THEN o.owner WHEN 3 THEN NULL ELSE t.lease_owner END,
          lease_expires_at = CASE o.lease_change
            WHEN 1 THEN v_now + o.ms
            WHEN 2 THEN CASE WHEN t.lease_expires_at IS NULL THEN NULL ELSE v_now + o.ms END
            WHEN 3 THEN NULL
            ELSE t.lease_expires_at END,
          fence = CASE WHEN o.lease_change = 1 THEN t.fence + 1 ELSE t.fence END,
          events = CASE WHEN o.type IS NULL THEN t.events ELSE t.events + 1 END,
          updated_at = v_now,
          key_session = CASE WHEN o.mask & 1 = 0 THEN t.key_session ELSE o.k0 END,
          key_invocation = CASE WHEN o.mask & 2 = 0 THEN t.key_invocation ELSE o.k1 END,
          key_thread = CASE WHEN o.mask & 4 = 0 THEN t.key_thread ELSE o.k2 END,
          key_checkpoint = CASE WHEN o.mask & 8 = 0 THEN t.key_checkpoint ELSE o.k3 END,
          key_callback = CASE WHEN o.mask & 16 = 0 THEN t.key_callback ELSE o.k4 END,
          key_assignee = CASE WHEN o.mask & 32 = 0 THEN t.key_assignee ELSE o.k5 END,
          key_alias = CASE WHEN o.mask & 64 = 0 THEN t.key_alias ELSE o.k6 END,
          key_wake = CASE WHEN o.mask & 128 = 0 THEN t.key_wake ELSE o.k7 END,
          update_requests = left(p_request || ',' || t.update_requests, 60),
          value = CASE WHEN o.v IS NULL THEN t.value ELSE p_texts[o.v]::json END
        WHERE t.id = o.id
        RETURNING t.events, t.version, t.status INTO v_events, v_version, v_status;
      ELSIF v_code = 'i' THEN
        v_events := 1;
        v_version := 1;
        v_status := o.status;
      ELSIF o.touch AND v_code IN ('e', 's') THEN
        UPDATE {schema}.records AS t SET
          touches = t.touches + 1,
          touch_requests = left(p_request || ',' || t.touch_requests, 80)
        WHERE t.id = o.id;
      END IF;
      IF o.type IS NOT NULL AND v_code IN ('i', 'u') THEN
        INSERT INTO {schema}.history (id, seq, at, version, status, type, actor, reason, data)
        VALUES (o.id, v_events, v_now, v_version, v_status, o.type, p_texts[o.actor]::json, o.reason,
          p_texts[o.data]::json);
      END IF;
    END LOOP;
  END IF;

  -- One statement: records that only are read are as they were at one moment.
  RETURN QUERY
  SELECT x.n,
    CASE WHEN v_refused AND v_codes[x.n] IN ('i', 'u') THEN 'k' ELSE v_codes[x.n] END,
    v_refused, v_now, t.record,
    CASE WHEN v_codes[x.n] = 'u' AND NOT v_refused AND x.v IS NOT NULL THEN NULL ELSE t.value END
  FROM unnest(v_ops) AS x
  LEFT JOIN LATERAL (
    SELECT json_build_array(r.id, r.kind, r.tenant_id, r.status, r.version, r.due_at, r.lease_owner,
        r.lease_expires_at, r.fence, r.touches, r.created_at, r.updated_at, r.key_session, r.key_invocation,
        r.key_thread, r.key_checkpoint, r.key_callback, r.key_assignee, r.key_alias, r.key_wake) AS record,
      r.value
    FROM {schema}.records AS r WHERE r.id = x.id OFFSET 0
  ) AS t ON v_codes[x.n] <> 'i' OR v_refused;
END
$function$;

-- RecordStore.purge. Two statements and not one: the second one sees the events that were added until the records were
-- locked, and none is left behind.
CREATE FUNCTION {schema}.purge_records(p_kind text, p_statuses text[], p_before bigint, p_limit int)
RETURNS TABLE (r_purged int, r_more boolean)
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  v_ids text[];
BEGIN
  SELECT array_agg(t.id) INTO v_ids FROM (
    SELECT records.id FROM {schema}.records
    WHERE records.kind = p_kind AND records.status = ANY (p_statuses) AND records.updated_at < p_before
    LIMIT p_limit + 1
    FOR UPDATE SKIP LOCKED
  ) AS t;
  r_more := coalesce(array_length(v_ids, 1), 0) > p_limit;
  v_ids := v_ids[1:p_limit];
  r_purged := coalesce(array_length(v_ids, 1), 0);
  DELETE FROM {schema}.records AS t WHERE t.id = ANY (v_ids);
  DELETE FROM {schema}.history AS t WHERE t.id = ANY (v_ids);
  RETURN NEXT;
END
$function$;

-- RecordStore.remove: of records that are still as they were read. The ids are in order, so that two calls do not wait
-- for each other. A record that somebody is changing is waited for, and judged by what it is then.
CREATE FUNCTION {schema}.remove_records(p_ids text[], p_versions bigint[], p_created bigint[])
RETURNS int
LANGUAGE plpgsql VOLATILE
AS $function$
DECLARE
  v_gone text[] := '{}';
BEGIN
  FOR n IN 1 .. coalesce(array_length(p_ids, 1), 0) LOOP
    DELETE FROM {schema}.records AS t
    WHERE t.id = p_ids[n] AND t.version = p_versions[n] AND t.created_at = p_created[n];
    IF FOUND THEN
      v_gone := v_gone || p_ids[n];
    END IF;
  END LOOP;
  DELETE FROM {schema}.history AS t WHERE t.id = ANY (v_gone);
  RETURN coalesce(array_length(v_gone, 1), 0);
END
$function$;
