/** node-postgres with statements written by hand, prepared, on the tables of the store: one for each write, its event within. */
import type { Pool } from "pg";
import type { StoredRecord } from "holdpoint";
import { type BareStore, idsLike } from "./bare-stores.ts";

/** @param schema - of a store, so that both sides keep the same indexes */
export function barePostgres(pool: Pool, schema: string, like: StoredRecord, count: number): BareStore {
  const ids = idsLike(like.id, count);
  const slot = Number.parseInt(like.id.slice(like.id.indexOf("_") + 1).slice(0, 3), 16);
  const value = JSON.stringify(like.value);
  const { session, thread } = like.keys;
  const ask = async (name: string, text: string, values: unknown[]): Promise<unknown[][]> => {
    const { rows } = await pool.query({ name: `bare_${name}`, text, values, rowMode: "array" });
    return rows as unknown[][];
  };
  const insert = `WITH fresh AS (
      INSERT INTO ${schema}.records
        (id, kind, tenant_id, status, events, created_at, updated_at, slot, key_session, key_thread, insert_request, value)
      VALUES ($1, $2, $3, 'pending', 1, $4, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (id) DO NOTHING RETURNING created_at
    ), event AS (
      INSERT INTO ${schema}.history (id, seq, at, version, status, type)
      SELECT $1, 1, $4, 1, 'pending', 'created' FROM fresh
    )
    SELECT created_at FROM fresh`;
  const update = `WITH changed AS (
      UPDATE ${schema}.records
      SET status = 'completed', version = version + 1, events = events + 1, updated_at = $3, key_wake = $4, value = $2
      WHERE id = $1 AND status = 'pending' AND version = 1 RETURNING version
    ), event AS (
      INSERT INTO ${schema}.history (id, seq, at, version, status, type)
      SELECT $1, 2, $3, version, 'completed', 'answered' FROM changed
    )
    SELECT version FROM changed`;
  const cancel = update
    .replace("'completed', version", "'cancelled', version")
    .replace("'completed', 'answered'", "'cancelled', 'cancelled'");
  const read = `SELECT id, kind, tenant_id, status, version, due_at, lease_owner, lease_expires_at, fence, touches,
      created_at, updated_at, key_session, key_thread, value FROM ${schema}.records`;
  const parsed = (row: unknown[] | undefined): object => row?.at(-1) as object;
  const get = async (id: string): Promise<object> =>
    parsed((await ask("get", `${read} WHERE id = $1`, [id]))[0]);
  const guarded = (name: string, text: string) => async (index: number) => {
    const id = ids[index] as string;
    const next = { ...(await get(id)), user_response: { confirmed: true } };
    return ask(name, text, [id, JSON.stringify(next), Date.now(), thread]);
  };
  return {
    create: (index) =>
      ask("insert", insert, [
        ids[index],
        like.kind,
        like.tenant_id,
        Date.now(),
        slot,
        session,
        thread,
        `bare${index}`,
        value,
      ]),
    respond: guarded("update", update),
    cancel: guarded("cancel", cancel),
    get: (index) => get(ids[index] as string),
    page: async () =>
      (
        await ask(
          "page",
          `${read} WHERE kind = $1 AND tenant_id = $2 AND key_session = $3 AND status = 'pending'
            ORDER BY created_at, id LIMIT 51`,
          [like.kind, like.tenant_id, session],
        )
      ).map(parsed),
  };
}
