/** A file with a table of the application's, and a backend on it. */
import Database from "better-sqlite3";
import { afterEach } from "vitest";
import { SqliteHITLBackend } from "../../../../src/backends/sqlite/index.ts";
import { temporaryPath } from "./support.ts";

export const question = { session_id: "s", hitl_type: "confirm", data: { message: "Ship it?" } } as const;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

export async function world(options: { busyTimeoutMs?: number; synchronous?: "NORMAL" } = {}) {
  const path = temporaryPath();
  const backend = new SqliteHITLBackend({
    path,
    retention: { sweepEveryMs: 0 },
    watchIntervalMs: 5,
    ...options,
  });
  await backend.get("none");
  const opened: Database.Database[] = [];
  // As better-sqlite3 opens it: a statement that waits for a lock blocks the process for five seconds.
  const open = (): Database.Database => {
    const connection = new Database(path);
    opened.push(connection);
    return connection;
  };
  const reader = open();
  reader.exec("CREATE TABLE orders (id text)");
  ends.push(async () => {
    await backend.close();
    for (const connection of opened) connection.close();
  });
  const orders = (): string[] => reader.prepare<[], string>("SELECT id FROM orders").pluck().all();
  const add = (connection: Database.Database, id: string): void =>
    void connection.prepare("INSERT INTO orders VALUES (?)").run(id);
  return { path, backend, open, opened, orders, add };
}

export const turnOfTheLoop = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
