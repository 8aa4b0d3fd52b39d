/**
 * The decorator changes nothing that a caller could see: the whole suite of stores over every store, through two handles.
 * That of backends, over one in memory and one on a disk: a backend sees no more of a store than that suite.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, it } from "vitest";
import { type RecordStore, StoreHITLBackend } from "holdpoint";
import { PostgresRecordStore } from "holdpoint/backends/postgres";
import { RedisRecordStore } from "holdpoint/backends/redis";
import { SqliteRecordStore } from "holdpoint/backends/sqlite";
import {
  type ConformanceContext,
  hitlBackendConformance,
  MemoryRecordData,
  MemoryRecordStore,
  recordStoreConformance,
} from "holdpoint/testing";
import { audited, AuditedStore } from "../../src/audit/index.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisServer } from "../support/redis-server.ts";

const redis = await startRedisServer();
const prefix = redis.prefix();
const postgres = await startPostgresServer();
const schema = postgres.schema();
afterAll(async () => {
  await redis.stop();
  await postgres.stop();
});

const memory = new WeakMap<ConformanceContext, MemoryRecordData>();
const folder = ({ id }: ConformanceContext): string => join(tmpdir(), `holdpoint-audit-${id}`);

interface Bare {
  readonly open: (context: ConformanceContext) => RecordStore;
  readonly durable: boolean;
  readonly destroy?: (context: ConformanceContext) => Promise<void>;
}

const stores: Readonly<Record<string, Bare>> = {
  memory: {
    durable: false,
    open: (context) => {
      const data = memory.get(context) ?? new MemoryRecordData();
      memory.set(context, data);
      return new MemoryRecordStore({ clock: context.clock }, data);
    },
  },
  sqlite: {
    durable: true,
    open: (context) =>
      new SqliteRecordStore({
        path: join(folder(context), "h.db"),
        clock: context.clock,
        watchIntervalMs: 5,
      }),
    destroy: (context) => rm(folder(context), { recursive: true, force: true }),
  },
  redis: {
    durable: true,
    open: ({ id, clock }) => new RedisRecordStore({ url: redis.url, prefix: `${prefix}-${id}`, clock }),
  },
  postgres: {
    durable: true,
    open: ({ id, clock }) =>
      new PostgresRecordStore({
        connectionString: postgres.url,
        schema: `${schema}_${id}`.slice(0, 63),
        clock,
        maxConnections: 4,
      }),
  },
};

for (const [name, { open, durable, destroy }] of Object.entries(stores)) {
  const suite = {
    name: `audited ${name}`,
    capabilities: { durable, shared: durable, fakeClock: true },
    ...(destroy ? { destroy } : {}),
  };
  const store = async (context: ConformanceContext): Promise<RecordStore> =>
    new AuditedStore(open(context), { clock: context.clock });
  const backend = async (context: ConformanceContext): Promise<StoreHITLBackend> =>
    audited(new StoreHITLBackend(open(context), context));
  recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
  if (name === "memory" || name === "sqlite")
    hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
}
