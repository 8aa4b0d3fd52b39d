import { PGlite } from "@electric-sql/pglite";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  pgliteClient,
  PostgresHITLBackend,
  PostgresRecordStore,
} from "../../../src/backends/postgres/index.ts";
import { eventually } from "../../support/redis-server.ts";
import { type PostgresServer, startPostgresServer } from "../../support/postgres-server.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { blockedPid } from "./kit.ts";

let server: PostgresServer;
let pool: Pool;
const question = { session_id: "s", hitl_type: "confirm", data: { message: "Ship it?" } } as const;

beforeAll(async () => {
  server = await startPostgresServer();
  pool = new Pool({ connectionString: server.url });
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
});

async function world() {
  const schema = server.schema();
  const backend = new PostgresHITLBackend({ pool, schema });
  await backend.list({ session_id: "s" });
  await server.sql(`CREATE TABLE ${schema}.orders (id text PRIMARY KEY)`);
  const client = await pool.connect();
  const orders = async (): Promise<unknown[]> => server.sql(`SELECT id FROM ${schema}.orders`);
  return { schema, backend, client, orders, order: `INSERT INTO ${schema}.orders (id) VALUES ('o1')` };
}

describe("P5: withTransaction", () => {
  it("commit leaves both, the question and the row; nobody sees either before", async () => {
    const { backend, client, orders, order } = await world();
    const tx = backend.withTransaction(client);
    await client.query("BEGIN");
    await client.query(order);
    const { record } = await tx.create(question);
    expect(await tx.get(record.hitl_id)).toMatchObject({ status: "pending" });
    expect(await backend.get(record.hitl_id)).toBeNull();
    await client.query("COMMIT");
    expect(await backend.get(record.hitl_id)).toMatchObject({ status: "pending" });
    expect((await backend.history(record.hitl_id)).items).toHaveLength(1);
    expect(await orders()).toEqual([{ id: "o1" }]);
    client.release();
    await backend.close();
  });

  it("rollback leaves nothing: no question, no answer, no event, no row", async () => {
    const { backend, client, orders, order } = await world();
    const { record: open } = await backend.create(question);
    const tx = backend.withTransaction(client);
    await client.query("BEGIN");
    await client.query(order);
    const { record } = await tx.create({ ...question, key: "other" });
    expect(await tx.respond(open.hitl_id, { confirmed: true })).toMatchObject({ status: "accepted" });
    await client.query("ROLLBACK");
    tx.announce();
    expect(await backend.get(record.hitl_id)).toBeNull();
    expect(await backend.get(open.hitl_id)).toMatchObject({ status: "pending", version: open.version });
    expect((await backend.history(open.hitl_id)).items).toHaveLength(1);
    expect(await orders()).toEqual([]);
    expect(await backend.respond(open.hitl_id, { confirmed: false })).toMatchObject({ status: "accepted" });
    client.release();
    await backend.close();
  });

  it("an answer in a transaction and one outside at once: the first one wins, the other is told (P4)", async () => {
    const { schema, backend, client } = await world();
    const { record } = await backend.create(question);
    const tx = backend.withTransaction(client);
    await client.query("BEGIN");
    expect(await tx.respond(record.hitl_id, { confirmed: true })).toMatchObject({ status: "accepted" });
    const outside = backend.respond(record.hitl_id, { confirmed: false });
    await blockedPid(server, schema);
    await client.query("COMMIT");
    expect(await outside).toMatchObject({
      status: "conflict",
      record: { user_response: { confirmed: true } },
    });
    client.release();
    await backend.close();
  });

  it("a rollback lets the answer from outside win that waited for it", async () => {
    const { schema, backend, client } = await world();
    const { record } = await backend.create(question);
    await client.query("BEGIN");
    await backend.withTransaction(client).respond(record.hitl_id, { confirmed: true });
    const outside = backend.respond(record.hitl_id, { confirmed: false });
    await blockedPid(server, schema);
    await client.query("ROLLBACK");
    expect(await outside).toMatchObject({
      status: "accepted",
      record: { user_response: { confirmed: false } },
    });
    client.release();
    await backend.close();
  });

  it("after announce() whoever waits hears of it at once; without it the poll finds it", async () => {
    const { schema, backend, client } = await world();
    const slow = new PostgresRecordStore({ pool, schema, watchPollMs: 3_600_000 });
    const polling = new PostgresRecordStore({ pool, schema, listen: false, watchPollMs: 20 });
    const store = new PostgresRecordStore({ pool, schema });
    await store.commit([insertOf(idOf(1))]);
    const heard: number[] = [];
    const polled: number[] = [];
    await slow.watch([idOf(1)], ({ version }) => heard.push(version));
    await polling.watch([idOf(1)], ({ version }) => polled.push(version));
    const tx = store.withTransaction(client);
    await client.query("BEGIN");
    await tx.commit([updateOf(idOf(1))]);
    await client.query("COMMIT");
    await eventually("the poll", () => polled.includes(2));
    expect(heard).toEqual([]);
    tx.announce();
    await eventually("the notification", () => heard.includes(2));
    client.release();
    for (const one of [slow, polling, store, backend]) await one.close();
  });

  it("an error says that the transaction is over, and leaves nothing of it", async () => {
    const { backend, client, orders, order } = await world();
    const tx = backend.withTransaction(client);
    await client.query("BEGIN");
    await client.query(order);
    await client.query("SELECT 1/0").catch(() => undefined);
    await expect(tx.create(question)).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringMatching(/roll it back/),
      details: { reason: "25P02" },
    });
    await client.query("ROLLBACK");
    expect(await orders()).toEqual([]);
    client.release();
    await backend.close();
  });

  it("a tenant's view of it is within it too, and several records change together", async () => {
    const { backend, client } = await world();
    const tx = backend.withTransaction(client);
    await client.query("BEGIN");
    const { record } = await tx.forTenant("t2").create(question);
    await tx.store.commit([insertOf(idOf(1)), insertOf(idOf(2))]);
    await client.query("ROLLBACK");
    expect(await backend.forTenant("t2").get(record.hitl_id)).toBeNull();
    expect(await backend.store.get([idOf(1), idOf(2)])).toEqual([null, null]);
    client.release();
    await backend.close();
  });

  it("on PGlite: commit leaves both, rollback nothing", async () => {
    const db = await PGlite.create();
    const backend = new PostgresHITLBackend({ pool: pgliteClient(db) });
    await backend.list({ session_id: "s" });
    await db.exec("CREATE TABLE orders (id text PRIMARY KEY)");
    const run = (end: "commit" | "rollback", id: string) =>
      db.transaction(async (tx) => {
        await tx.query("INSERT INTO orders (id) VALUES ($1)", [id]);
        const { record } = await backend.withTransaction(pgliteClient(tx)).create({ ...question, key: id });
        if (end === "rollback") await tx.rollback();
        return record.hitl_id;
      });
    const kept = (await run("commit", "o1")) as string;
    const gone = (await run("rollback", "o2")) as string;
    expect(await backend.get(kept)).toMatchObject({ status: "pending" });
    expect(await backend.get(gone)).toBeNull();
    expect((await db.query("SELECT id FROM orders")).rows).toEqual([{ id: "o1" }]);
    await backend.close();
    expect((await db.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await db.close();
  });
});

it("reads within the transaction see what it wrote, and a closed view nothing", async () => {
  const { schema, client } = await world();
  const store = new PostgresRecordStore({ pool, schema });
  const tx = store.withTransaction(client);
  await client.query("BEGIN");
  await tx.commit([insertOf(idOf(1), { keys: { session: "s" }, due_at: 1 }, { event: { type: "created" } })]);
  expect(await read(tx, idOf(1))).toMatchObject({ version: 1 });
  const query = { kind: "thing", tenant_id: "default", statuses: ["open"] } as const;
  expect((await tx.page(query)).items).toHaveLength(1);
  expect((await store.page(query)).items).toHaveLength(0);
  expect((await tx.history(idOf(1))).items).toHaveLength(1);
  expect(await tx.append(idOf(1), { type: "note" })).toBe(true);
  expect(
    await tx.acquireDue({ kind: "thing", limit: 5, lease: { owner: "w", durationMs: 10 } }),
  ).toHaveLength(1);
  await tx.close();
  await expect(tx.get([idOf(1)])).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
  await client.query("ROLLBACK");
  expect(await store.get([idOf(1)])).toEqual([null]);
  client.release();
  await store.close();
});
