/**
 * A call whose effect is in your own database: its rows and its outcome are one transaction of PostgreSQL, which is exactly
 * once. A process that dies in the middle leaves nothing, and there is nothing to be in doubt about.
 *
 *   createdb orders
 *   DATABASE_URL=postgres:///orders npx tsx examples/16-postgres-transaction.ts
 */
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { EffectLedger } from "holdpoint/ledger";
import { Pool } from "pg";
import { askElsewhere, asksFor } from "./two-processes.ts";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"] ?? "postgres:///orders" });
const backend = new PostgresHITLBackend({ pool });
const ledger = new EffectLedger({ backend });
// No unique constraint: nothing but the ledger keeps a second row out.
await pool.query("CREATE TABLE IF NOT EXISTS bookings (order_id text, seats int)");
// Makes the tables of the ledger, which is not for a transaction of yours.
await backend.get("none");

async function book(order_id: string, afterwards: () => void = () => {}): Promise<string> {
  const client = await pool.connect();
  const tx = backend.withTransaction(client);
  try {
    await client.query("BEGIN");
    const call = { workflow_id: order_id, tool: "book", args: { seats: 2 } };
    const result = await ledger.run(
      call,
      async () => {
        await client.query("INSERT INTO bookings VALUES ($1, $2)", [order_id, 2]);
        afterwards();
        return "two seats";
      },
      { tx },
    );
    await client.query("COMMIT");
    tx.announce();
    return result;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function rowsOf(order_id: string): Promise<number> {
  return (await pool.query("SELECT 1 FROM bookings WHERE order_id = $1", [order_id])).rows.length;
}

// The first process: it is killed when the row is written, and before the commit.
const given = asksFor();
if (given) await book(String(given[0]), () => process.kill(process.pid, "SIGKILL"));

const order_id = `order-${Date.now()}`;
console.log(`the process that booked: ${askElsewhere(import.meta.url, order_id)}`); // prints: the process that booked: SIGKILL
console.log(`rows: ${await rowsOf(order_id)}`); // prints: rows: 0

// Whoever comes next, however many they are.
const all = await Promise.all([book(order_id), book(order_id), book(order_id)]);
console.log(all.join(", ")); // prints: two seats, two seats, two seats
console.log(`rows: ${await rowsOf(order_id)}`); // prints: rows: 1
await backend.close();
await pool.end();
