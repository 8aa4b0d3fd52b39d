import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { ChangeHint } from "../../../src/backends/record-store.ts";
import { PostgresHITLBackend, PostgresRecordStore } from "../../../src/backends/postgres/index.ts";
import { gate } from "../../support/poll.ts";
import { eventually } from "../../support/redis-server.ts";
import { type PostgresServer, startPostgresServer } from "../../support/postgres-server.ts";
import { idOf, insertOf, updateOf } from "../../support/store-ops.ts";

/** So seldom that what is heard in time was not found by the poll. */
const NEVER_MS = 3_600_000;

let server: PostgresServer;
const opened: { close(): Promise<void> }[] = [];

function storeOf(schema: string, options: { listen?: boolean; watchPollMs?: number; url?: string } = {}) {
  const { url = server.url, ...rest } = options;
  const store = new PostgresRecordStore({ connectionString: url, maxConnections: 4, schema, ...rest });
  opened.push(store);
  return store;
}

async function listeners(schema: string): Promise<number[]> {
  const rows = await server.sql(
    "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND query LIKE $1",
    [`%${schema}%`],
  );
  return rows.map(({ pid }) => Number(pid));
}

beforeAll(async () => {
  server = await startPostgresServer({ own: true });
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(() => server?.stop());

describe("S5: hints", () => {
  it("come by notification, over one connection however many watch", async () => {
    const schema = server.schema();
    const [watching, changing] = [storeOf(schema, { watchPollMs: NEVER_MS }), storeOf(schema)];
    const ids = Array.from({ length: 300 }, (_, n) => idOf(n, n));
    await Promise.all(ids.map((id) => changing.commit([insertOf(id)])));
    const heard = new Map<string, number>();
    const watchers = await Promise.all(
      ids.map((id) => watching.watch([id], (hint) => heard.set(hint.id, hint.version))),
    );
    expect(await listeners(schema)).toHaveLength(1);
    await Promise.all(
      ids.map((id) => changing.commit([updateOf(id, { patch: { status: "a\u0000\n\\b" } })])),
    );
    await eventually("300 hints", () => heard.size === 300);
    expect(new Set(heard.values())).toEqual(new Set([2]));
    await Promise.all(watchers.map((watcher) => watcher.close()));
  });

  it("tell the status as it is, whatever is in it", async () => {
    const schema = server.schema();
    const [watching, changing] = [storeOf(schema, { watchPollMs: NEVER_MS }), storeOf(schema)];
    await changing.commit([insertOf(idOf(1))]);
    const hints: ChangeHint[] = [];
    await watching.watch([idOf(1)], (hint) => hints.push(hint));
    for (const status of ["a b", "a\nb", "a\u0000", "\\", "\ud800", '"', "x".repeat(2000)])
      await changing.commit([updateOf(idOf(1), { patch: { status } })]);
    await eventually("the last one", () => hints.at(-1)?.version === 8);
    expect(hints.at(-1)?.status).toBe("x".repeat(2000));
  });

  it("what else is sent on the channel is no hint, and does no harm", async () => {
    const schema = server.schema();
    const store = storeOf(schema, { watchPollMs: NEVER_MS });
    await store.commit([insertOf(idOf(1))]);
    const hints: ChangeHint[] = [];
    await store.watch([idOf(1)], (hint) => hints.push(hint));
    const noise = [
      "",
      "{}",
      '__proto__ 9 "x"',
      `${idOf(1)} x "y"`,
      `${idOf(1)} 9`,
      `${idOf(1)} 9 {"a":1}`,
      "*",
      "\n\n",
    ];
    for (const payload of noise) await server.sql("SELECT pg_notify($1, $2)", [schema, payload]);
    await storeOf(schema).commit([updateOf(idOf(1))]);
    await eventually("the real one", () => hints.some(({ version }) => version === 2));
    // The insert's own hint may still be on its way, and "*" has everything read.
    const real = [1, 2].map((version) => ({ id: idOf(1), version, status: "open" }));
    for (const hint of hints) expect(real).toContainEqual(hint);
  });

  it("are found by the poll when nobody sends them, and without LISTEN", async () => {
    const schema = server.schema();
    const polling = storeOf(schema, { listen: false, watchPollMs: 20 });
    const listening = storeOf(schema, { watchPollMs: 20 });
    await polling.commit([insertOf(idOf(1)), insertOf(idOf(2))]);
    const heard: Record<string, ChangeHint[]> = { polling: [], listening: [] };
    const ids = [idOf(1), idOf(2), idOf(3)];
    await polling.watch(ids, (hint) => heard["polling"]?.push(hint));
    await listening.watch(ids, (hint) => heard["listening"]?.push(hint));
    expect(await listeners(schema)).toHaveLength(1);
    // As a writer that ends before it could tell.
    await server.sql(`UPDATE ${schema}.records SET version = 2 WHERE id = $1`, [idOf(1)]);
    await server.sql(`DELETE FROM ${schema}.records WHERE id = $1`, [idOf(2)]);
    for (const hints of Object.values(heard)) {
      await eventually("both", () => hints.length === 2);
      expect(hints.toSorted((a, b) => b.version - a.version)).toEqual([
        { id: idOf(1), version: 2, status: "open" },
        { id: idOf(2), version: 0, status: "" },
      ]);
    }
  });

  it("cost nothing while nobody watches", async () => {
    const schema = server.schema();
    const store = storeOf(schema, { watchPollMs: 5 });
    await store.commit([insertOf(idOf(1))]);
    const watcher = await store.watch([idOf(1)], () => undefined);
    await watcher.close();
    const heads = async (): Promise<number> => {
      const [row] = await server.sql(
        "SELECT coalesce(sum(idx_scan), 0)::int AS n FROM pg_stat_user_indexes WHERE schemaname = $1 AND indexrelname = 'records_pkey'",
        [schema],
      );
      return Number(row?.["n"]);
    };
    // The statistics of a connection are there when it has been idle for a second, or has ended.
    await store.close();
    const before = await heads();
    const again = storeOf(schema, { watchPollMs: 5 });
    await again.now();
    for (let n = 0; n < 20; n += 1) await again.now();
    await again.close();
    expect(await heads()).toBe(before);
  });
});

describe("W1: a watch is in force when it resolves", () => {
  /** A pool whose next connection is lent when the gate opens. */
  async function slowOnce(schema: string, commandTimeoutMs = 5000) {
    const pool = new Pool({ connectionString: server.url, max: 4 });
    const way = gate();
    const asked = gate();
    let armed = false;
    const store = new PostgresRecordStore({
      schema,
      listen: false,
      watchPollMs: 5,
      commandTimeoutMs,
      pool: {
        connect: async () => {
          if (armed) {
            armed = false;
            asked.open();
            await way.passed;
          }
          return pool.connect();
        },
      },
    });
    opened.push(store, { close: () => pool.end() });
    await store.now();
    const hold = (): Promise<void> => {
      armed = true;
      return asked.passed;
    };
    return { store, hold, release: way.open };
  }

  it("also one that joins another that is not: what changes afterwards is heard", async () => {
    const schema = server.schema();
    const { store, hold, release } = await slowOnce(schema);
    const changing = storeOf(schema);
    await changing.commit([insertOf(idOf(1))]);
    const held = hold();
    const first = store.watch([idOf(1)], () => undefined);
    await held;
    const heard: number[] = [];
    await store.watch([idOf(1)], ({ version }) => heard.push(version));
    await changing.commit([updateOf(idOf(1), { patch: { status: "done" } })]);
    release();
    await first;
    await eventually("the change", () => heard.includes(2));
  });

  it("also one that joins another that fails", async () => {
    const schema = server.schema();
    const changing = storeOf(schema);
    await changing.commit([insertOf(idOf(1))]);
    const { store, hold, release } = await slowOnce(schema, 500);
    const held = hold();
    const failing = expect(store.watch([idOf(1)], () => undefined)).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
    });
    await held;
    const heard: number[] = [];
    await store.watch([idOf(1)], ({ version }) => heard.push(version));
    await failing;
    release();
    await changing.commit([updateOf(idOf(1), { patch: { status: "done" } })]);
    await eventually("the change", () => heard.includes(2));
  });
});

describe("W2: after a lost connection", () => {
  it("each watched record is told of, and what changed meanwhile is heard", async () => {
    const schema = server.schema();
    const [watching, changing] = [storeOf(schema, { watchPollMs: NEVER_MS }), storeOf(schema)];
    await changing.commit([insertOf(idOf(1)), insertOf(idOf(2))]);
    const hints: ChangeHint[] = [];
    await watching.watch([idOf(1), idOf(2), idOf(3)], (hint) => hints.push(hint));
    const [pid] = await listeners(schema);
    await server.sql("SELECT pg_terminate_backend($1::int)", [pid]);
    // Without a notification: only the read after the reconnect can find it.
    await server.sql(`UPDATE ${schema}.records SET version = 7 WHERE id = $1`, [idOf(1)]);
    await eventually("all three", () => new Set(hints.map(({ id }) => id)).size === 3);
    await eventually("the change", () => hints.some(({ id, version }) => id === idOf(1) && version === 7));
    // The new connection listens.
    await changing.commit([updateOf(idOf(2), { patch: { status: "done" } })]);
    await eventually("the next change", () => hints.some(({ status }) => status === "done"));
  });

  it("P1: whoever waits for an answer gets it, although the server was away", async () => {
    const own = await startPostgresServer({ own: true, fsync: true });
    const backend = new PostgresHITLBackend({ connectionString: own.url, commandTimeoutMs: 20_000 });
    const other = new PostgresHITLBackend({ connectionString: own.url, commandTimeoutMs: 20_000 });
    try {
      const { record } = await backend.create({
        session_id: "s",
        hitl_type: "confirm",
        data: { message: "Deploy?" },
      });
      const waiting = Promise.all(Array.from({ length: 20 }, () => backend.waitFor(record.hitl_id)));
      await eventually("somebody listens", async () => {
        const rows = await own.sql("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
        return rows.length === 1;
      });
      await own.kill();
      await own.restart();
      expect(await other.respond(record.hitl_id, { confirmed: true })).toMatchObject({ status: "accepted" });
      expect((await waiting).map(({ status }) => status)).toEqual(
        Array.from({ length: 20 }, () => "completed"),
      );
    } finally {
      await Promise.all([backend.close(), other.close()]);
      await own.stop();
    }
  });
});

it("a NOTIFY never is within the transaction that writes: commits send none, and many commits few", async () => {
  const schema = server.schema();
  const store = storeOf(schema);
  await store.commit([insertOf(idOf("first"))]);
  const sent: string[] = [];
  const watching = storeOf(schema, { watchPollMs: NEVER_MS });
  const ids = Array.from({ length: 400 }, (_, n) => idOf(`many-${n}`, n));
  let heard = 0;
  await watching.watch(ids, ({ id }) => {
    heard += 1;
    sent.push(id);
  });
  const [functions] = await server.sql(
    "SELECT count(*)::int AS n FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE nspname = $1 AND prosrc ILIKE '%notify%'",
    [schema],
  );
  expect(functions).toEqual({ n: 0 });
  await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
  await eventually("all", () => heard === 400);
  expect(new Set(sent).size).toBe(400);
});
