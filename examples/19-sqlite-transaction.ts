/**
 * A call whose effect is a row in your own SQLite file: row and outcome are one transaction, which is exactly once. Each
 * transaction has a connection of its own, so that its handler may wait, and nothing else of the process gets into it.
 *
 *   npx tsx examples/19-sqlite-transaction.ts
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import Database from "better-sqlite3";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger } from "holdpoint/ledger";
import { askElsewhere, asksFor } from "./two-processes.ts";

const given = asksFor();
const path = given ? String(given[0]) : join(mkdtempSync(join(tmpdir(), "orders-")), "orders.db");
const backend = new SqliteHITLBackend({ path });
const ledger = new EffectLedger({ backend });
const reader = new Database(path);
// No unique constraint: nothing but the ledger keeps a second row out.
reader.exec("CREATE TABLE IF NOT EXISTS bookings (order_id text, seats int)");

async function book(order_id: string, afterwards: () => void = () => {}): Promise<string> {
  const call = { workflow_id: order_id, tool: "book", args: { seats: 2 } };
  return backend.transaction(
    () => new Database(path),
    (tx, connection) =>
      ledger.run(
        call,
        async () => {
          connection.prepare("INSERT INTO bookings VALUES (?, ?)").run(order_id, 2);
          await wait(5);
          afterwards();
          return "two seats";
        },
        { tx },
      ),
  );
}

const rowsOf = (order_id: string): number =>
  reader.prepare("SELECT 1 FROM bookings WHERE order_id = ?").all(order_id).length;

// The first process: it is killed when the row is written, and before the commit.
if (given) await book("order-1", () => process.kill(process.pid, "SIGKILL"));

console.log(`the process that booked: ${askElsewhere(import.meta.url, path)}`); // prints: the process that booked: SIGKILL
console.log(`rows: ${rowsOf("order-1")}`); // prints: rows: 0

// Whoever comes next, however many they are. What else the process writes waits for the transactions, and is in none.
const question = { session_id: "order-2", hitl_type: "confirm", data: { message: "Another card?" } };
const declined = (): never => {
  throw new Error("the card was declined");
};
const [asked, reason, ...all] = await Promise.all([
  backend.create(question),
  book("order-2", declined).catch((error: Error) => error.message),
  book("order-1"),
  book("order-1"),
  book("order-1"),
]);
console.log(all.join(", ")); // prints: two seats, two seats, two seats
console.log(`rows: ${rowsOf("order-1")}`); // prints: rows: 1
console.log(`${reason}, rows: ${rowsOf("order-2")}`); // prints: the card was declined, rows: 0
console.log((await backend.get(asked.record.hitl_id))?.status); // prints: pending

reader.close();
await backend.close();
rmSync(join(path, ".."), { recursive: true });
