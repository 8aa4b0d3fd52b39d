/** Real stores, each with two handles, and effects that are counted outside of the ledger. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { PGlite } from "@electric-sql/pglite";
import { pgliteClient, PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { EffectLedger, type EffectLedgerOptions, type ToolCall } from "../../src/ledger/index.ts";
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisServer } from "../support/redis-server.ts";

export interface World {
  readonly name: string;
  readonly clock: FakeClock;
  /** Two handles on one store, as two processes have them. */
  readonly backends: readonly [HITLBackend, HITLBackend];
  close(): Promise<void>;
}

export type StoreName = "memory" | "sqlite" | "redis" | "cluster" | "postgres" | "pglite";

const sweepless = { retention: { sweepEveryMs: 0 } };

export async function openWorld(name: StoreName): Promise<World> {
  const clock = new FakeClock();
  const world = (open: () => HITLBackend, after: () => Promise<void> = async () => undefined): World => {
    const backends = [open(), open()] as const;
    const close = async (): Promise<void> => {
      for (const backend of backends) await backend.close();
      await after();
    };
    return { name, clock, backends, close };
  };
  switch (name) {
    case "memory": {
      const data = new MemoryRecordData();
      return world(
        () => new StoreHITLBackend(new MemoryRecordStore({ clock }, data), { clock, ...sweepless }),
      );
    }
    case "sqlite": {
      const folder = await mkdtemp(join(tmpdir(), "holdpoint-ledger-"));
      const path = join(folder, "h.db");
      return world(
        () =>
          new SqliteHITLBackend({
            path,
            clock,
            watchIntervalMs: 5,
            synchronous: "NORMAL",
            ...sweepless,
          }),
        () => rm(folder, { recursive: true, force: true }),
      );
    }
    case "redis": {
      const server = await startRedisServer();
      const options = { url: server.url, prefix: server.prefix(), clock, shards: 4, ...sweepless };
      return world(
        () => new RedisHITLBackend(options),
        () => server.stop(),
      );
    }
    case "cluster": {
      const cluster = await startRedisCluster();
      const options = {
        cluster: cluster.nodes,
        prefix: cluster.prefix(),
        clock,
        shards: 16,
        ...sweepless,
      };
      return world(
        () => new RedisHITLBackend(options),
        () => cluster.stop(),
      );
    }
    case "pglite": {
      const database = await PGlite.create();
      const pool = pgliteClient(database);
      return world(
        () => new PostgresHITLBackend({ pool, schema: "ledger", clock, ...sweepless }),
        () => database.close(),
      );
    }
    case "postgres": {
      const server = await startPostgresServer();
      const schema = server.schema();
      const options = { connectionString: server.url, schema, clock, maxConnections: 4, ...sweepless };
      return world(
        () => new PostgresHITLBackend(options),
        () => server.stop(),
      );
    }
  }
}

/** What a suite gets: a store that others use as well, and names that only its test has. */
export interface Suite {
  world(): World;
  /** A ledger of the first process; its waiters look often. */
  ledger(options?: EffectLedgerOptions): EffectLedger;
  /** One of another process. */
  other(options?: EffectLedgerOptions): EffectLedger;
  call(more?: Partial<ToolCall>): ToolCall;
}

export const QUICK = { waitTimeoutMs: 10_000, initialIntervalMs: 2, maxIntervalMs: 40 };

let calls = 0;

export function suiteOf(world: () => World): Suite {
  const make = (index: 0 | 1, options: EffectLedgerOptions = {}): EffectLedger =>
    new EffectLedger({
      backend: world().backends[index],
      ...options,
      defaults: { concurrency: QUICK, ...options.defaults },
    });
  return {
    world,
    ledger: (options) => make(0, options),
    other: (options) => make(1, options),
    call: (more = {}) => ({
      workflow_id: `order-${(calls += 1)}`,
      tool: "stripe.charge",
      args: { amount: 1000, currency: "usd" },
      ...more,
    }),
  };
}

/** How often something happened, and with what; the ledger knows nothing of it. */
export class EffectLog<T = string> {
  readonly entries: T[] = [];

  add(entry: T): T {
    this.entries.push(entry);
    return entry;
  }

  get count(): number {
    return this.entries.length;
  }
}

export async function errorOf(run: () => Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await run();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error("It did not fail.");
}

export async function typesOf(ledger: EffectLedger, call: ToolCall): Promise<string[]> {
  return (await ledger.history(call, { limit: 1000 })).items.map(({ type }) => type);
}

export function times<T>(count: number, run: (n: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => run(n)));
}
