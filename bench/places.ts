/** Where the stores of a benchmark are: folders and servers of its own, gone at the end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { startPostgresServer } from "../test/support/postgres-server.ts";
import { startRedisServer } from "../test/support/redis-server.ts";

export interface Folder {
  readonly path: string;
  remove(): void;
}

export function temporaryFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A backend on a file of its own, with its schema made. */
export async function sqlitePlace(synchronous: "FULL" | "NORMAL") {
  const { path, remove } = temporaryFolder();
  const backend = new SqliteHITLBackend({ path: join(path, "holdpoint.db"), synchronous });
  await backend.get("none");
  const end = async (): Promise<void> => {
    await backend.close();
    remove();
  };
  return { backend, end };
}

/** A server, a backend on it, and a client beside it. */
export async function redisPlace() {
  const server = await startRedisServer();
  const prefix = server.prefix();
  const client = new Redis(server.url);
  const backend = new RedisHITLBackend({ url: server.url, prefix });
  await backend.get("none");
  const close = async (): Promise<void> => {
    await backend.close();
    client.disconnect();
    await server.stop();
  };
  return { backend, client, prefix, close };
}

/** A server that waits for its disk, and a backend on it. */
export async function postgresPlace() {
  const server = await startPostgresServer({ own: true, fsync: true });
  const pool = new Pool({ connectionString: server.url });
  const schema = server.schema();
  const backend = new PostgresHITLBackend({ pool, schema });
  const close = async (): Promise<void> => {
    await backend.close();
    await pool.end();
    await server.stop();
  };
  return { backend, pool, schema, close };
}
