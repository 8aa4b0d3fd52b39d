import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  PostgresRecordStore,
  type PostgresRecordStoreOptions,
} from "../../../src/backends/postgres/index.ts";
import { eventually, freePort } from "../../support/redis-server.ts";
import { type PostgresServer, startPostgresServer } from "../../support/postgres-server.ts";
import { lostReplies } from "../lost-replies.ts";
import { assertNothingLost } from "../nothing-lost.ts";
import { slotsOf, startLoad } from "../redis-cluster/load.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { WAYS, blockedPid, proxyOf, type PostgresProxy } from "./kit.ts";

let server: PostgresServer;
let proxy: PostgresProxy;
const opened: { close(): Promise<void> }[] = [];

function storeOf(options: Partial<PostgresRecordStoreOptions> = {}): PostgresRecordStore {
  const store = new PostgresRecordStore({
    ...(options.pool ? {} : { connectionString: server.url, maxConnections: 4 }),
    schema: server.schema(),
    ...options,
  } as PostgresRecordStoreOptions);
  opened.push(store);
  return store;
}

beforeAll(async () => {
  server = await startPostgresServer({ own: true });
  proxy = await proxyOf(server);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});

describe.each(WAYS)("S4: a commit whose reply is lost is sent again and has one effect, $way", ({ as }) => {
  lostReplies({
    proxy: () => proxy,
    open: () => {
      const schema = server.schema();
      return {
        lossy: as(storeOf({ schema, connectionString: proxy.url, maxConnections: 1 })),
        other: as(storeOf({ schema })),
      };
    },
  });
});

describe("errors say whether it was done", () => {
  it("nobody listens: ERR_HITL_STORE, nothing was sent", async () => {
    const url = `postgres://postgres@127.0.0.1:${await freePort()}/postgres`;
    const store = storeOf({ connectionString: url, commandTimeoutMs: 200 });
    await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringMatching(/Nothing listens there/),
      details: { reason: "ECONNREFUSED" },
    });
  });

  it("no such database, no such user: ERR_HITL_STORE at once, with what to check", async () => {
    for (const [change, reason] of [
      [(url: URL) => (url.pathname = "/nowhere"), "3D000"],
      [(url: URL) => (url.username = "nobody_known"), "28000"],
    ] as const) {
      const url = new URL(server.url);
      change(url);
      const begun = performance.now();
      await expect(storeOf({ connectionString: url.href }).now()).rejects.toMatchObject({
        code: "ERR_HITL_STORE",
        details: { reason },
      });
      expect(performance.now() - begun).toBeLessThan(4000);
    }
  });

  it("no answer: a write is ERR_HITL_INDETERMINATE, a read ERR_HITL_STORE; the write is there or not, once", async () => {
    const schema = server.schema();
    const store = storeOf({ schema, commandTimeoutMs: 300 });
    await store.commit([insertOf(idOf(1))]);
    const pool = new Pool({ connectionString: server.url });
    const holder = await pool.connect();
    await holder.query(`BEGIN; LOCK TABLE ${schema}.records IN ACCESS EXCLUSIVE MODE`);
    const outcomes = await Promise.allSettled([store.commit([insertOf(idOf(2))]), store.get([idOf(1)])]);
    expect(outcomes).toMatchObject([
      { reason: { code: "ERR_HITL_INDETERMINATE" } },
      { reason: { code: "ERR_HITL_STORE" } },
    ]);
    await holder.query("ROLLBACK");
    holder.release();
    await pool.end();
    const patient = storeOf({ schema });
    const { results } = await patient.commit([insertOf(idOf(2))]);
    expect(["inserted", "exists"]).toContain(results[0]?.status);
    expect(await read(patient, idOf(2))).toMatchObject({ version: 1 });
  });

  it("read-only, statement timeout: ERR_HITL_STORE with what to do, and nothing was written", async () => {
    const schema = server.schema();
    await storeOf({ schema }).commit([insertOf(idOf(1))]);
    for (const [setting, reason, advice] of [
      ["default_transaction_read_only=on", "25006", /primary/],
      ["statement_timeout=1", "57014", /statement_timeout/],
    ] as const) {
      const url = `${server.url}?options=-c%20${setting.replace("=", "%3D")}`;
      const store = storeOf({ schema, connectionString: url });
      const big = { text: "x".repeat(30_000_000) };
      await expect(
        store.commit([insertOf(idOf(2), { value: reason === "57014" ? big : {} })]),
      ).rejects.toMatchObject({
        code: "ERR_HITL_STORE",
        message: expect.stringMatching(advice),
        details: { reason },
      });
      expect(await storeOf({ schema }).get([idOf(2)])).toEqual([null]);
    }
  });

  it("too many connections: waits for one until the deadline", async () => {
    const small = await startPostgresServer({
      own: true,
      settings: { max_connections: 8, superuser_reserved_connections: 0 },
    });
    const hogs = new Pool({ connectionString: small.url, max: 8 });
    hogs.on("error", () => undefined);
    const taken = await Promise.all(Array.from({ length: 8 }, () => hogs.connect()));
    try {
      await expect(
        storeOf({ connectionString: small.url, commandTimeoutMs: 300 }).now(),
      ).rejects.toMatchObject({
        code: "ERR_HITL_STORE",
        message: expect.stringMatching(/max_connections/),
        details: { reason: "53300" },
      });
      const store = storeOf({ connectionString: small.url, maxConnections: 1 });
      const waiting = store.now();
      taken.pop()?.release(true);
      expect(await waiting).toBeGreaterThan(0);
    } finally {
      for (const client of taken) client.release(true);
      await hogs.end();
      await small.stop();
    }
  });

  it("a connection that the server ends in the middle of a commit: sent again, done once", async () => {
    const schema = server.schema();
    const store = storeOf({ schema });
    await store.commit([insertOf(idOf(1))]);
    const pool = new Pool({ connectionString: server.url });
    const holder = await pool.connect();
    await holder.query(`BEGIN; SELECT 1 FROM ${schema}.records FOR UPDATE`);
    const blocked = store.commit([updateOf(idOf(1), { event: { type: "moved" } })]);
    const first = await blockedPid(server, schema);
    await server.sql("SELECT pg_terminate_backend($1)", [first]);
    await blockedPid(server, schema, first);
    await holder.query("COMMIT");
    holder.release();
    await pool.end();
    expect(await blocked).toMatchObject({ status: "committed", results: [{ record: { version: 2 } }] });
    expect((await store.history(idOf(1))).items).toHaveLength(1);
  });

  it("names that no index can hold: ERR_HITL_TOO_LARGE before anything is sent; the longest that fit are kept", async () => {
    const store = storeOf();
    // No text that compresses: its length is its size.
    const text = (length: number): string =>
      Array.from({ length }, (_, n) => String.fromCharCode(0x4e00 + ((n * 7919) % 20_000))).join("");
    const fitting = { tenant_id: text(425), keys: { session: text(425) } };
    await store.commit([insertOf(idOf(1), fitting)]);
    const { tenant_id, keys } = fitting;
    const query = {
      kind: "thing",
      tenant_id,
      statuses: ["open"],
      key: { name: "session", value: keys.session },
    } as const;
    expect((await store.page(query)).items).toHaveLength(1);
    await expect(
      store.commit([insertOf(idOf(2), { tenant_id: text(425), keys: { session: text(500) } })]),
    ).rejects.toMatchObject({ code: "ERR_HITL_TOO_LARGE" });
    // An update does not say the tenant: the server refuses it.
    await expect(
      store.commit([updateOf(idOf(1), { patch: { keys: { session: text(800) } } })]),
    ).rejects.toMatchObject({ code: "ERR_HITL_STORE", details: { reason: "54000" } });
    expect(await read(store, idOf(1))).toMatchObject({ version: 1 });
  });

  it("times that no column can hold are refused before anything is sent", async () => {
    const store = storeOf();
    for (const due_at of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, -1e300]) {
      await expect(store.commit([insertOf(idOf(1), { due_at })])).rejects.toMatchObject({
        code: "ERR_HITL_INVALID_INPUT",
      });
    }
  });

  it("after close: ERR_HITL_CLOSED; the user's own pool stays open", async () => {
    const pool = new Pool({ connectionString: server.url });
    const store = storeOf({ pool });
    await store.commit([insertOf(idOf(1))]);
    const inFlight = store.commit([insertOf(idOf(2))]);
    await store.close();
    await store.close();
    await expect(inFlight).resolves.toMatchObject({ status: "committed" });
    await expect(store.get([idOf(1)])).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });

  it("options that cannot be are ERR_HITL_INVALID_INPUT", () => {
    const connectionString = server.url;
    for (const options of [
      {},
      { connectionString, pool: new Pool() },
      { connectionString, commandTimeoutMs: 0 },
      { connectionString, watchPollMs: Number.NaN },
      { connectionString, maxConnections: 0 },
    ]) {
      expect(() => new PostgresRecordStore(options as PostgresRecordStoreOptions)).toThrowError(
        expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
      );
    }
  });
});

it("prepared statements that do not last, as behind a pooler: the store does without them, and loses nothing", async () => {
  const pool = new Pool({ connectionString: server.url, max: 1 });
  const store = storeOf({ pool });
  await store.commit([insertOf(idOf(1))]);
  // What a pooler does that hands the connection to somebody else.
  await pool.query("DEALLOCATE ALL");
  const { results } = await store.commit([insertOf(idOf(2))]);
  expect(results[0]?.status).toBe("inserted");
  await pool.query("DEALLOCATE ALL");
  expect(await store.get([idOf(1), idOf(2)])).toMatchObject([{ version: 1 }, { version: 1 }]);
  await store.close();
  await pool.end();
});

it("what was acknowledged outlives a crash of the server, and calls wait for its return", async () => {
  const durable = await startPostgresServer({ own: true, fsync: true });
  try {
    const store = storeOf({ connectionString: durable.url, commandTimeoutMs: 20_000, maxConnections: 8 });
    const load = startLoad(store, "crash", slotsOf(64));
    await eventually("some commits", () => load.acknowledged.size > 200);
    await durable.kill();
    const before = load.acknowledged.size;
    await durable.restart();
    await eventually("more commits", () => load.acknowledged.size > before + 50);
    await load.stop();
    expect(load.errors).toEqual([]);
    await assertNothingLost(store, load);
  } finally {
    await durable.stop();
  }
});
