/**
 * What a fresh call and a replay write and read, by hand, with nothing around it: an insert that is leased, an outcome under
 * its fence, a read, and the count of a replay.
 */
import { randomBytes } from "node:crypto";
import BetterSqlite3 from "better-sqlite3";
import type { Redis } from "ioredis";
import type { Pool } from "pg";
import type { StoredRecord } from "holdpoint";
import { fullJson } from "../src/backends/redis/short-json.ts";
import { selecting } from "../src/backends/sqlite/rows.ts";
import { MIGRATIONS, QUERIES } from "../src/backends/sqlite/sql.generated.ts";
import { idsLike, type Template } from "./bare-stores.ts";

export interface BareEffects {
  /** Two writes. */
  fresh(index: number): Promise<unknown>;
  read(index: number): Promise<unknown>;
  /** One write: the insert that finds its record, and counts. */
  count(index: number): Promise<unknown>;
}

/** An effect as it is written first, and at its end. */
export interface Sample {
  readonly begun: StoredRecord;
  readonly ended: StoredRecord;
}

interface Named {
  readonly id: string;
  readonly key: string;
}

/** Other effects than the sample, in the same slot. */
function namesLike({ begun }: Sample, count: number): readonly Named[] {
  return idsLike(begun.id, count).map((id) => ({ id, key: randomBytes(32).toString("hex") }));
}

const keyOf = ({ begun }: Sample): string => String(begun.keys.alias);

export function bareMemoryEffects(sample: Sample, count: number): BareEffects {
  const names = namesLike(sample, count);
  const records = new Map<string, StoredRecord>();
  const put = (record: StoredRecord, id: string): StoredRecord => {
    records.set(id, structuredClone({ ...record, id }));
    return structuredClone(records.get(id)) as StoredRecord;
  };
  const idAt = (index: number): string => (names[index] as Named).id;
  return {
    fresh: async (index) => [put(sample.begun, idAt(index)), put(sample.ended, idAt(index))],
    read: async (index) => structuredClone(records.get(idAt(index))),
    count: async (index) => {
      const found = records.get(idAt(index)) as StoredRecord;
      records.set(found.id, { ...found, touches: found.touches + 1 });
      return structuredClone(found);
    },
  };
}

/** better-sqlite3 with the statements and settings of the store: a transaction for each write. */
export function bareSqliteEffects(
  path: string,
  sample: Sample,
  count: number,
): BareEffects & { close(): void } {
  const database = new BetterSqlite3(path);
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "cache_size = -16000"])
    database.pragma(pragma);
  for (const { sql } of MIGRATIONS) database.exec(sql);
  const [begin, commit] = [database.prepare("BEGIN IMMEDIATE"), database.prepare("COMMIT")];
  const insert = database.prepare(QUERIES.insertRecord);
  const update = database.prepare(QUERIES.updateRecord);
  const event = database.prepare(QUERIES.insertEvent);
  const touch = database.prepare("UPDATE holdpoint_records SET touches = touches + 1 WHERE id = ?");
  const read = database.prepare(selecting(QUERIES.getRecord)).raw();
  const names = namesLike(sample, count);
  const { begun, ended } = sample;
  const slot = Number.parseInt(begun.id.slice(begun.id.indexOf("_") + 1).slice(0, 3), 16);
  const parsed = (id: string): unknown => JSON.parse((read.get(id) as string[])[12] as string);
  const at = (index: number): Named => names[index] as Named;
  const state = (record: StoredRecord, key: string): (string | number | null)[] => {
    const { lease } = record;
    const times = [record.due_at, lease?.owner ?? null, lease?.expires_at ?? null, record.fence, 0];
    const next = lease?.expires_at ?? record.due_at;
    const keys = [record.keys.session ?? null, null, null, null, null, null, key, null];
    return [record.status, record.version, ...times, next, Date.now(), ...keys];
  };
  return {
    fresh: async (index) => {
      const { id, key } = at(index);
      begin.run();
      insert.run(
        id,
        begun.kind,
        begun.tenant_id,
        slot,
        Date.now(),
        ...state(begun, key),
        JSON.stringify(begun.value),
      );
      event.run(id, Date.now(), 1, begun.status, "created", null, null, null, id);
      commit.run();
      const text = JSON.stringify(ended.value);
      begin.run();
      // The guard: the row is read again under the lock.
      parsed(id);
      update.run(...state(ended, key), text, id);
      event.run(id, Date.now(), 2, ended.status, ended.status, null, null, null, id);
      commit.run();
    },
    read: async (index) => parsed(at(index).id),
    count: async (index) => {
      const { id } = at(index);
      begin.run();
      touch.run(id);
      const found = parsed(id);
      commit.run();
      return found;
    },
    close: () => database.close(),
  };
}

/** The very calls that the store sends, taken down once and sent again with other ids. */
export function bareRedisEffects(
  client: Redis,
  sample: Sample,
  templates: Readonly<Record<"insert" | "outcome" | "read", Template>>,
  count: number,
): BareEffects {
  const names = namesLike(sample, count);
  const own = randomBytes(6).toString("base64url");
  const key = keyOf(sample);
  let requests = 0;
  const send = ({ method, args }: Template, index: number, writes: boolean): Promise<unknown> => {
    const name = names[index] as Named;
    const filled = args.map((arg) =>
      typeof arg === "string" ? arg.replaceAll(sample.begun.id, name.id).replaceAll(key, name.key) : arg,
    );
    // The script takes a second call of one request for a repetition: sha, number of keys, keys, now, request.
    if (writes) filled[2 + Number(filled[1]) + 1] = own + (requests += 1).toString(36);
    return method === "call"
      ? client.call(...(filled as [string, ...string[]]))
      : client.evalsha(...(filled as [string, number, ...string[]]));
  };
  return {
    fresh: async (index) => {
      await send(templates.insert, index, true);
      return send(templates.outcome, index, true);
    },
    read: async (index) => {
      const [packed] = (await send(templates.read, index, false)) as [string];
      return JSON.parse(fullJson(packed.split("\n", 2)[1] ?? "null")) as unknown;
    },
    count: (index) => send(templates.insert, index, true),
  };
}

/** node-postgres with statements written by hand, prepared, on the tables of a store. */
export function barePostgresEffects(pool: Pool, schema: string, sample: Sample, count: number): BareEffects {
  const names = namesLike(sample, count);
  const { begun, ended } = sample;
  const slot = Number.parseInt(begun.id.slice(begun.id.indexOf("_") + 1).slice(0, 3), 16);
  const [before, after] = [JSON.stringify(begun.value), JSON.stringify(ended.value)];
  const ask = async (name: string, text: string, values: unknown[]): Promise<unknown[][]> => {
    const { rows } = await pool.query({ name: `bare_effect_${name}`, text, values, rowMode: "array" });
    return rows as unknown[][];
  };
  const insert = `WITH fresh AS (
      INSERT INTO ${schema}.records
        (id, kind, tenant_id, status, events, created_at, updated_at, slot, key_session, key_alias, insert_request,
         lease_owner, lease_expires_at, fence, value)
      VALUES ($1, $2, $3, 'processing', 1, $4, $4, $5, $6, $7, $8, $9, $10, 1, $11)
      ON CONFLICT (id) DO NOTHING RETURNING created_at
    ), event AS (
      INSERT INTO ${schema}.history (id, seq, at, version, status, type)
      SELECT $1, 1, $4, 1, 'processing', 'created' FROM fresh
    )
    SELECT created_at FROM fresh`;
  const update = `WITH changed AS (
      UPDATE ${schema}.records
      SET status = 'succeeded', version = version + 1, events = events + 1, updated_at = $3, due_at = $4,
        lease_owner = NULL, lease_expires_at = NULL, value = $2
      WHERE id = $1 AND status = 'processing' AND fence = 1 AND lease_expires_at > $3 RETURNING version
    ), event AS (
      INSERT INTO ${schema}.history (id, seq, at, version, status, type)
      SELECT $1, 2, $3, version, 'succeeded', 'succeeded' FROM changed
    )
    SELECT version FROM changed`;
  const columns = `id, kind, tenant_id, status, version, due_at, lease_owner, lease_expires_at, fence, touches,
    created_at, updated_at, key_session, key_alias, value`;
  return {
    fresh: async (index) => {
      const { id, key } = names[index] as Named;
      const now = Date.now();
      const owner = begun.lease?.owner;
      await ask("insert", insert, [
        id,
        begun.kind,
        begun.tenant_id,
        now,
        slot,
        begun.keys.session,
        key,
        `bare${index}`,
        owner,
        now + 60_000,
        before,
      ]);
      return ask("update", update, [id, after, Date.now(), ended.due_at]);
    },
    read: (index) =>
      ask("read", `SELECT ${columns} FROM ${schema}.records WHERE id = $1`, [(names[index] as Named).id]),
    count: (index) =>
      ask(
        "count",
        `UPDATE ${schema}.records SET touches = touches + 1, touch_requests = $2 WHERE id = $1 RETURNING ${columns}`,
        [(names[index] as Named).id, `bare${index}`],
      ),
  };
}
