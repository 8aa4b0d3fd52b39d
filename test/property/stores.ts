import { PGlite } from "@electric-sql/pglite";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cluster } from "ioredis";
import { Pool } from "pg";
import { afterAll } from "vitest";
import { MemoryRecordStore } from "../../src/backends/memory/memory-store.ts";
import { pgliteClient, PostgresRecordStore } from "../../src/backends/postgres/index.ts";
import type { RecordStore } from "../../src/backends/record-store.ts";
import { RedisRecordStore } from "../../src/backends/redis/redis-store.ts";
import { SqliteRecordStore } from "../../src/backends/sqlite/sqlite-store.ts";
import type { Clock } from "../../src/core/clock.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisServer } from "../support/redis-server.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** A store with data of its own, or with what `empty` has left of those before it. */
  open(clock: Clock): RecordStore;
  /** After the last store was closed: the next one finds nothing. */
  empty(): Promise<void>;
}

/** Where each store that is opened has data of its own. */
const empty = (): Promise<void> => Promise.resolve();

/** How many runs a property gets; more in a nightly job: HOLDPOINT_FC_RUNS=2000. */
export function runs(usual: number): number {
  const given = Number(process.env["HOLDPOINT_FC_RUNS"] ?? usual);
  if (!Number.isInteger(given) || given < 1)
    throw new Error("HOLDPOINT_FC_RUNS has to be a whole number of runs.");
  return given;
}

function deleteAll(schema: string): string {
  return `DELETE FROM "${schema}".records; DELETE FROM "${schema}".history;`;
}

/** Every store but the model, each `open` with data of its own. */
export async function realStores(): Promise<readonly StoreUnderTest[]> {
  const server = await startRedisServer();
  const prefix = server.prefix();
  const cluster = await startRedisCluster();
  // One for all runs: each would connect to three nodes.
  const client = new Cluster(cluster.nodes);
  const postgres = await startPostgresServer();
  // One schema for all runs: to make one takes longer than a run, and its functions would be compiled anew.
  const schema = postgres.schema();
  // The model does what is sent together one after the other; over several connections that is a race.
  const pool = new Pool({ connectionString: postgres.url, max: 1 });
  const pglite = await PGlite.create();
  const folder = await mkdtemp(join(tmpdir(), "holdpoint-property-"));
  afterAll(async () => {
    await server.stop();
    client.disconnect();
    await cluster.stop();
    await pool.end();
    await postgres.stop();
    await pglite.close();
    await rm(folder, { recursive: true, force: true });
  });
  let opened = 0;
  return [
    {
      name: "sqlite",
      open: (clock) =>
        new SqliteRecordStore({ path: join(folder, `${(opened += 1)}.db`), clock, synchronous: "NORMAL" }),
      empty,
    },
    {
      name: "redis",
      open: (clock) =>
        new RedisRecordStore({ url: server.url, prefix: `${prefix}-${(opened += 1)}`, clock, shards: 4 }),
      empty,
    },
    {
      name: "redis cluster",
      open: (clock) =>
        new RedisRecordStore({ client, prefix: `${prefix}-${(opened += 1)}`, clock, shards: 4 }),
      empty,
    },
    {
      name: "postgres",
      open: (clock) => new PostgresRecordStore({ pool, schema, clock }),
      empty: async () => void (await pool.query(deleteAll(schema))),
    },
    {
      name: "pglite",
      open: (clock) => new PostgresRecordStore({ pool: pgliteClient(pglite), schema, clock }),
      empty: async () => void (await pglite.exec(deleteAll(schema))),
    },
  ];
}

export const memoryStore: StoreUnderTest = {
  name: "memory",
  open: (clock) => new MemoryRecordStore({ clock }),
  empty,
};
