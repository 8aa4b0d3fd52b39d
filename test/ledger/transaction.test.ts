/** A call and its outcome in the caller's own transaction: with its rows, or not at all. */
import { PGlite } from "@electric-sql/pglite";
import { pgliteClient, PostgresHITLBackend } from "holdpoint/backends/postgres";
import { EffectLedger, type EffectHandler, isEffectTimeoutError, type ToolCall } from "holdpoint/ledger";
import { Pool, type PoolClient } from "pg";
import { afterAll, describe, expect, it } from "vitest";
import { gate, until } from "../support/poll.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { errorOf } from "./kit.ts";

const server = await startPostgresServer();
const pool = new Pool({ connectionString: server.url });
const schema = server.schema();
const retention = { sweepEveryMs: 0 };
const backend = new PostgresHITLBackend({ pool, schema, retention });
await pool.query("CREATE TABLE charges (order_id text)");
afterAll(async () => {
  await backend.close();
  await pool.query("DROP TABLE charges");
  await pool.end();
  await server.stop();
});

const ledger = new EffectLedger({ backend });
const callOf = (order: string): ToolCall => ({ workflow_id: order, tool: "charge", args: { order } });
/** The log of what happened: without a unique constraint. */
const chargesOf = async (order: string): Promise<number> =>
  (await pool.query("SELECT 1 FROM charges WHERE order_id = $1", [order])).rows.length;
const isKnown = async (order: string): Promise<boolean> =>
  (await ledger.findByIdemKey(ledger.computeIdemKey(callOf(order)))) !== null;

type Work = (client: PoolClient, tx: ReturnType<typeof backend.withTransaction>) => Promise<unknown>;

/** As an application does it: commits, or rolls back whatever was thrown. */
async function transaction(work: Work, end: "COMMIT" | "ROLLBACK" = "COMMIT"): Promise<unknown> {
  const client = await pool.connect();
  const tx = backend.withTransaction(client);
  try {
    await client.query("BEGIN");
    const result = await work(client, tx);
    await client.query(end);
    tx.announce();
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const inserting =
  (client: PoolClient, order: string): EffectHandler<string> =>
  async () => {
    await client.query("INSERT INTO charges VALUES ($1)", [order]);
    return `charged ${order}`;
  };

const charge =
  (order: string): Work =>
  (client, tx) =>
    ledger.run(callOf(order), inserting(client, order), { tx });

describe("a run in the caller's own transaction", () => {
  it("P6 its rows and the outcome are there together, for every later caller", async () => {
    expect(await transaction(charge("o1"))).toBe("charged o1");
    expect(await ledger.run(callOf("o1"), () => "again")).toBe("charged o1");
    expect(await transaction(charge("o1"))).toBe("charged o1");
    expect(await chargesOf("o1")).toBe(1);
  });

  it("P6 or not at all: after a rollback the call is fresh", async () => {
    await transaction(charge("o2"), "ROLLBACK");
    expect([await isKnown("o2"), await chargesOf("o2")]).toEqual([false, 0]);
    expect(await transaction(charge("o2"))).toBe("charged o2");
    expect(await chargesOf("o2")).toBe(1);
  });

  it("P6 a handler's own error comes through, and nothing of it is kept once it is rolled back", async () => {
    const declined = new Error("declined");
    const failing: readonly (readonly [string, (client: PoolClient) => Promise<unknown>, RegExp])[] = [
      ["o3", () => Promise.reject(declined), /^declined$/],
      // PostgreSQL does nothing more in this transaction: nobody can write an outcome.
      ["o4", (client) => client.query("SELECT 1 / 0"), /division by zero/],
      ["o5", async () => new Date(0), /the result of charge/],
    ];
    for (const [order, act, message] of failing) {
      const error = await errorOf(() =>
        transaction((client, tx) =>
          ledger.run(
            callOf(order),
            async (context) => {
              await inserting(client, order)(context);
              return act(client);
            },
            { tx, retry: { attempts: 3, initialDelayMs: 0 } },
          ),
        ),
      );
      expect(error.message).toMatch(message);
      expect([await isKnown(order), await chargesOf(order)]).toEqual([false, 0]);
    }
  });

  it("P6 who commits what has failed nevertheless has a call in doubt, not a second run", async () => {
    await transaction(async (client, tx) => {
      await errorOf(() =>
        ledger.run(
          callOf("o6"),
          async (context) => {
            await inserting(client, "o6")(context);
            throw new Error("after the row");
          },
          { tx, leaseMs: 10 },
        ),
      );
    });
    expect(await chargesOf("o6")).toBe(1);
    await until("the end of its lease", async () => {
      const { items } = await ledger.list({ workflow_id: "o6", status: ["processing", "in_doubt"] });
      return items[0]?.status === "in_doubt";
    });
    const error = await errorOf(() => transaction(charge("o6")));
    expect(error).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", field: "tx" });
    expect(await chargesOf("o6")).toBe(1);
  });

  it("P9 of two transactions at once one has the effect; the other waits for its end, and gets its result", async () => {
    for (const end of ["COMMIT", "ROLLBACK"] as const) {
      const order = `both-${end}`;
      const inside = gate();
      const began = gate();
      const first = transaction(
        (client, tx) =>
          ledger.run(
            callOf(order),
            async (context) => {
              began.open();
              await inside.passed;
              return inserting(client, order)(context);
            },
            { tx },
          ),
        end,
      );
      await began.passed;
      const second = transaction(charge(order));
      const blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
      await until("the second to wait", async () => (await pool.query(blocked)).rows.length > 0);
      inside.open();
      expect(await Promise.all([first, second])).toEqual([`charged ${order}`, `charged ${order}`]);
      expect(await chargesOf(order)).toBe(1);
    }
  });

  it("P8 never asks or waits within it: a human decides before, and then it runs with what he approved", async () => {
    const needs = { requires_approval: true } as const;
    const asking: Work = (client, tx) => ledger.run(callOf("o7"), inserting(client, "o7"), { ...needs, tx });
    expect(await errorOf(() => transaction(asking))).toMatchObject({ field: "tx" });
    expect(await isKnown("o7")).toBe(false);
    const { effect } = await ledger.begin(callOf("o7"), needs);
    const waits = await errorOf(() => transaction(asking));
    expect(waits).toMatchObject({ timeout_ms: 0, hitl_id: effect.approval?.hitl_id });
    await ledger.approve(effect);
    expect(await transaction(asking)).toBe("charged o7");
    expect(await chargesOf("o7")).toBe(1);
  });

  it("P9 leaves a call alone that another worker is at", async () => {
    const { effect } = await ledger.begin(callOf("o8"));
    const error = await errorOf(() => transaction(charge("o8")));
    expect(isEffectTimeoutError(error) && error.timeout_ms).toBe(0);
    expect(await ledger.commit(effect, { status: "succeeded", result: "by hand" })).toBe(true);
    expect(await transaction(charge("o8"))).toBe("by hand");
    expect(await chargesOf("o8")).toBe(0);
  });

  it("P3 refuses what is no transaction, before anything is written", async () => {
    for (const tx of [backend, null, {}, "tx"]) {
      const error = await errorOf(() => ledger.run(callOf("o9"), () => "ran", { tx: tx as never }));
      expect(error).toMatchObject({ code: "ERR_HITL_INVALID_INPUT", field: "tx" });
    }
    expect(await isKnown("o9")).toBe(false);
  });

  it("a view of a transaction sweeps nothing: its client is somebody else's by then", async () => {
    let scheduled = 0;
    const schedule = (): (() => void) => {
      scheduled += 1;
      return () => undefined;
    };
    const sweeping = new PostgresHITLBackend({ pool, schema, retention: { schedule } });
    const request = { session_id: "s", hitl_type: "confirm", data: { message: "Go?" } };
    const client = await pool.connect();
    await client.query("BEGIN");
    await sweeping.withTransaction(client).create(request);
    expect(scheduled).toBe(0);
    await client.query("ROLLBACK");
    client.release();
    await sweeping.create(request);
    expect(scheduled).toBe(1);
    await sweeping.close();
  });

  it("P6 the same on PGlite", async () => {
    const database = await PGlite.create();
    const own = new PostgresHITLBackend({ pool: pgliteClient(database), retention });
    const lite = new EffectLedger({ backend: own });
    await database.exec("CREATE TABLE charges (order_id text)");
    await own.get("none");
    const count = async (): Promise<number> => (await database.query("SELECT 1 FROM charges")).rows.length;
    const run = (isLost: boolean): Promise<unknown> =>
      database.transaction(async (client) => {
        const tx = own.withTransaction(pgliteClient(client));
        const result = await lite.run(
          callOf("p1"),
          async () => void (await client.query("INSERT INTO charges VALUES ('p1')")),
          { tx },
        );
        if (isLost) await client.rollback();
        return result;
      });
    await run(true);
    expect(await count()).toBe(0);
    await run(false);
    await run(false);
    expect(await count()).toBe(1);
    await own.close();
    await database.close();
  });
});
