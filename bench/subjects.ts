/** The stores as the benchmark sees them: how one is opened, and what it is asked about itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import type { StoreHITLBackend } from "holdpoint";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { startPostgresServer } from "../test/support/postgres-server.ts";
import { startRedisServer } from "../test/support/redis-server.ts";

/** One store with data of its own. */
export interface Subject {
  readonly name: string;
  /** Another handle, with connections of its own. */
  open(): StoreHITLBackend;
  /** Bytes that the store's data takes in the server's memory or in its tables. */
  bytes?(): Promise<number>;
  /** Connections that clients have open. */
  connections?(): Promise<number>;
  /** After many writes: what a server does by itself in time. */
  settle?(): Promise<void>;
  stop(): Promise<void>;
}

export async function sqliteSubject(): Promise<Subject> {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  const opened: SqliteHITLBackend[] = [];
  return {
    name: "SQLite",
    open: () => {
      const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
      opened.push(backend);
      return backend;
    },
    stop: async () => {
      await Promise.all(opened.map((backend) => backend.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const memoryOf = (info: string): number => Number(/used_memory:(\d+)/.exec(info)?.[1]);

export async function redisSubject(): Promise<Subject> {
  const server = await startRedisServer({ own: true });
  const prefix = "bench";
  const admin = new Redis(server.url);
  const opened: RedisHITLBackend[] = [];
  return {
    name: "Redis",
    open: () => {
      const backend = new RedisHITLBackend({ url: server.url, prefix });
      opened.push(backend);
      return backend;
    },
    bytes: async () => memoryOf(await admin.info("memory")),
    connections: async () => {
      const list = String(await admin.client("LIST"));
      return list.trim().split("\n").length - 1;
    },
    stop: async () => {
      await Promise.all(opened.map((backend) => backend.close()));
      admin.disconnect();
      await server.stop();
    },
  };
}

export async function postgresSubject(): Promise<Subject> {
  const server = await startPostgresServer({ own: true });
  const schema = server.schema();
  const opened: PostgresHITLBackend[] = [];
  const number = async (sql: string): Promise<number> => Number((await server.sql(sql))[0]?.["n"]);
  return {
    name: "PostgreSQL",
    open: () => {
      const backend = new PostgresHITLBackend({ connectionString: server.url, schema });
      opened.push(backend);
      return backend;
    },
    bytes: () =>
      number(
        `SELECT sum(pg_total_relation_size(c.oid)) AS n FROM pg_class AS c
         WHERE relnamespace = '${schema}'::regnamespace AND relkind = 'r'`,
      ),
    connections: () =>
      number("SELECT count(*) AS n FROM pg_stat_activity WHERE backend_type = 'client backend'"),
    settle: async () => void (await server.sql(`VACUUM ANALYZE ${schema}.records, ${schema}.history`)),
    stop: async () => {
      await Promise.all(opened.map((backend) => backend.close()));
      await server.stop();
    },
  };
}

const SUBJECTS = { sqlite: sqliteSubject, redis: redisSubject, postgres: postgresSubject } as const;
export type SubjectName = keyof typeof SUBJECTS;
export const SUBJECT_NAMES = Object.keys(SUBJECTS) as SubjectName[];

/** How to make each store that was asked for. */
export function subjects({
  stores,
}: {
  readonly stores: readonly SubjectName[];
}): (() => Promise<Subject>)[] {
  return stores.map((name) => SUBJECTS[name]);
}
