/** A call and its outcome in the caller's own transaction. */
import { Pool } from "pg";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { afterAll, describe, expect, it } from "vitest";
import { EffectLedger, type ToolCall } from "../../src/ledger/index.ts";
import { startPostgresServer } from "../support/postgres-server.ts";

const server = await startPostgresServer();
const pool = new Pool({ connectionString: server.url });
const backend = new PostgresHITLBackend({
  pool,
  schema: server.schema(),
  retention: { sweepEveryMs: 0 },
});
await pool.query("CREATE TABLE charges (order_id text)");
afterAll(async () => {
  await backend.close();
  await pool.query("DROP TABLE charges");
  await pool.end();
  await server.stop();
});

const ledger = new EffectLedger({ backend });
const callOf = (order: string): ToolCall => ({ workflow_id: order, tool: "charge", args: { order } });

async function charge(order: string, end: "COMMIT" | "ROLLBACK"): Promise<unknown> {
  const client = await pool.connect();
  const tx = backend.withTransaction(client);
  try {
    await client.query("BEGIN");
    const result = await new EffectLedger({ backend: tx }).run(callOf(order), async () => {
      await client.query("INSERT INTO charges VALUES ($1)", [order]);
      return `charged ${order}`;
    });
    await client.query(end);
    tx.announce();
    return result;
  } finally {
    client.release();
  }
}

const chargesOf = async (order: string): Promise<number> =>
  (await pool.query("SELECT 1 FROM charges WHERE order_id = $1", [order])).rows.length;

describe("a ledger in a transaction of the caller's", () => {
  it("P6 what the handler wrote and what the ledger wrote are there together", async () => {
    expect(await charge("o1", "COMMIT")).toBe("charged o1");
    expect(await ledger.run(callOf("o1"), () => "again")).toBe("charged o1");
    expect(await charge("o1", "COMMIT")).toBe("charged o1");
    expect(await chargesOf("o1")).toBe(1);
  });

  it("P6 or not at all: after a rollback the call is fresh", async () => {
    await charge("o2", "ROLLBACK");
    expect(await ledger.findByIdemKey(ledger.computeIdemKey(callOf("o2")))).toBeNull();
    expect(await chargesOf("o2")).toBe(0);
    expect(await charge("o2", "COMMIT")).toBe("charged o2");
    expect(await chargesOf("o2")).toBe(1);
  });
});
