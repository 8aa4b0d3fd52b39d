/** The effect ledger: a fresh `run` with a handler that does nothing, and a replay, against the bare store. */
import { join } from "node:path";
import type { Redis } from "ioredis";
import { Pool } from "pg";
import { type HITLBackend, InMemoryHITLBackend, type StoredRecord } from "holdpoint";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { EffectLedger, type ToolCall } from "holdpoint/ledger";
import { loadDriver } from "../src/backends/sqlite/drivers/load.ts";
import { startPostgresServer } from "../test/support/postgres-server.ts";
import { startRedisServer } from "../test/support/redis-server.ts";
import {
  type BareEffects,
  bareMemoryEffects,
  barePostgresEffects,
  bareRedisEffects,
  bareSqliteEffects,
  type Sample,
} from "./bare-effects.ts";
import { recordingClient, type Template } from "./bare-stores.ts";
import { countingDriver, countingProxy } from "./counting.ts";
import { compare, type Contender } from "./measure.ts";
import type { Options } from "./options.ts";
import { postgresPlace, redisPlace, sqlitePlace, temporaryFolder } from "./places.ts";
import { atLeast, atMost, type Bound, type Report } from "./report.ts";

const COUNT = 400;
const ROUNDS = 20;

/** What is compared: ours, and the bare side that stands for it. */
const COMPARISONS = [
  { own: "fresh", bare: "fresh", name: "fresh run against the bare writes" },
  { own: "replay", bare: "count", name: "replay against a bare write that counts it" },
  { own: "replay", bare: "read", name: "replay against a bare read" },
] as const;
type Comparison = (typeof COMPARISONS)[number];

interface Bare {
  readonly effects: BareEffects;
  readonly end?: () => void;
}

interface Subject {
  readonly name: string;
  backend(): Promise<{ readonly backend: HITLBackend; readonly end?: () => Promise<void> }>;
  bare(count: number): Promise<Bare>;
  bound(comparison: Comparison, concurrency: number): Bound | undefined;
  readonly close?: () => Promise<void>;
}

let segments = 0;

function callOf(workflow_id: string, index: number): ToolCall {
  return { workflow_id, tool: "charge", args: { index, amount: 1000, currency: "usd" } };
}

const empty = (): string => "ch_1";

function own(subject: Subject, { own: operation }: Comparison): Contender {
  return async (count) => {
    const { backend, end } = await subject.backend();
    const ledger = new EffectLedger({ backend });
    segments += 1;
    const workflow_id = `own${segments}`;
    const run = (index: number): Promise<unknown> => ledger.run(callOf(workflow_id, index), empty);
    if (operation === "replay") for (let index = 0; index < count; index += 1) await run(index);
    return end ? { run, end } : { run };
  };
}

function bare(subject: Subject, { bare: operation }: Comparison): Contender {
  return async (count) => {
    const { effects, end } = await subject.bare(count);
    if (operation !== "fresh") for (let index = 0; index < count; index += 1) await effects.fresh(index);
    const run = effects[operation];
    return end ? { run, end } : { run };
  };
}

/** An effect as the store has it in its handler, and at its end. */
async function sampleOf(backend: HITLBackend): Promise<Sample> {
  segments += 1;
  const ledger = new EffectLedger({ backend });
  const stored = async (id: string): Promise<StoredRecord> =>
    (await backend.store.get([id]))[0] as StoredRecord;
  let begun: StoredRecord | undefined;
  await ledger.run(callOf(`sample${segments}`, 0), async ({ effect }) => {
    begun = await stored(effect.id);
    return empty();
  });
  return { begun: begun as StoredRecord, ended: await stored((begun as StoredRecord).id) };
}

/** Where a wait for the disk, or the server, is the same on both sides. */
const boundOf = ({ bare: side }: Comparison, concurrency: number): Bound | undefined =>
  concurrency > 64 || side === "read" ? undefined : atLeast(0.8);

const memory: Subject = {
  name: "memory",
  backend: async () => ({ backend: new InMemoryHITLBackend() }),
  bare: async (count) => ({ effects: bareMemoryEffects(await sampleOf(new InMemoryHITLBackend()), count) }),
  bound: () => undefined,
};

const sqlite: Subject = {
  name: "SQLite FULL",
  backend: () => sqlitePlace("FULL"),
  bare: async (count) => {
    const { path, remove } = temporaryFolder();
    const sample = await sampleOf(new InMemoryHITLBackend());
    const effects = bareSqliteEffects(join(path, "bare.db"), sample, count);
    const end = (): void => {
      effects.close();
      remove();
    };
    return { effects, end };
  },
  bound: boundOf,
};

/** What the store sends for one call, taken down while it does it. */
async function redisTemplates(
  client: Redis,
  prefix: string,
): Promise<{ sample: Sample; templates: Parameters<typeof bareRedisEffects>[2] }> {
  const recorder = recordingClient(client);
  const backend = new RedisHITLBackend({ client: recorder.client as never, prefix });
  const sampled = async (): Promise<Sample> => sampleOf(backend);
  // The first one sends the scripts themselves.
  await sampled();
  recorder.calls.length = 0;
  const sample = await sampled();
  const [insert, , outcome] = recorder.calls as [Template, Template, Template];
  recorder.calls.length = 0;
  await backend.store.get([sample.begun.id]);
  const [read] = recorder.calls as [Template];
  return { sample, templates: { insert, outcome, read } };
}

async function redis(): Promise<Subject> {
  const { backend, client, prefix, close } = await redisPlace();
  return {
    name: "Redis",
    backend: async () => ({ backend }),
    bare: async (count) => {
      const { sample, templates } = await redisTemplates(client, prefix);
      return { effects: bareRedisEffects(client, sample, templates, count) };
    },
    bound: (comparison, concurrency) =>
      comparison.bare === "read" && concurrency === 1 ? atLeast(0.9) : boundOf(comparison, concurrency),
    close,
  };
}

async function postgres(): Promise<Subject> {
  const { backend, pool, schema, close } = await postgresPlace();
  const sample = await sampleOf(backend);
  return {
    name: "PostgreSQL",
    backend: async () => ({ backend }),
    bare: async (count) => ({ effects: barePostgresEffects(pool, schema, sample, count) }),
    bound: boundOf,
    close,
  };
}

/** Counted per call: fresh ones, and replays of them. */
async function counted(
  report: Report,
  what: string,
  backend: HITLBackend,
  counter: () => number,
): Promise<void> {
  const ledger = new EffectLedger({ backend });
  await ledger.run(callOf("first", 0), empty);
  await ledger.run(callOf("first", 0), empty);
  for (const [name, bound] of [
    ["a fresh run", 2],
    ["a replay", 1],
  ] as const) {
    const before = counter();
    for (let index = 0; index < ROUNDS; index += 1) await ledger.run(callOf("counted", index), empty);
    const value = (counter() - before) / ROUNDS;
    report.add({ name: `${what} of ${name}`, value, bound: atMost(bound) });
  }
}

async function roundTrips(report: Report, { stores }: Options): Promise<void> {
  if (stores.includes("sqlite")) {
    const { path, remove } = temporaryFolder();
    const { driver, counts } = countingDriver(await loadDriver(undefined));
    const backend = new SqliteHITLBackend({ path: join(path, "holdpoint.db"), driver });
    try {
      await counted(report, "SQLite commits", backend, () => counts.committed + counts.alone);
    } finally {
      await backend.close();
      remove();
    }
  }
  if (stores.includes("redis")) {
    const server = await startRedisServer({ own: true });
    const proxy = await countingProxy(server.port);
    const url = `redis://127.0.0.1:${proxy.port}`;
    const backend = new RedisHITLBackend({ url, prefix: server.prefix() });
    try {
      await counted(report, "Redis round trips", backend, () => proxy.turns());
    } finally {
      await backend.close();
      await proxy.close();
      await server.stop();
    }
  }
  if (stores.includes("postgres")) {
    const server = await startPostgresServer({ own: true });
    const pool = new Pool({ connectionString: server.url });
    let statements = 0;
    // What a run sends goes over a connection of its own; hints to other processes leave later, and many at once.
    pool.on("connect", (client) => {
      const send = client.query.bind(client) as (...args: unknown[]) => unknown;
      client.query = ((...args: unknown[]) => {
        const [{ text = "" } = {}] = args as [{ text?: string }?];
        if (!text.includes("pg_notify")) statements += 1;
        return send(...args);
      }) as typeof client.query;
    });
    const backend = new PostgresHITLBackend({ pool, schema: server.schema() });
    try {
      await counted(report, "PostgreSQL statements", backend, () => statements);
    } finally {
      await backend.close();
      await pool.end();
      await server.stop();
    }
  }
}

export async function effectLedger(report: Report, options: Options): Promise<void> {
  report.section("ledger", "calls behind the ledger, as a ratio to the bare store; round trips counted");
  const { stores } = options;
  await roundTrips(report, options);
  const servers = await Promise.all([
    ...(stores.includes("redis") ? [redis()] : []),
    ...(stores.includes("postgres") ? [postgres()] : []),
  ]);
  try {
    for (const subject of [memory, ...(stores.includes("sqlite") ? [sqlite] : []), ...servers]) {
      for (const comparison of COMPARISONS) {
        for (const concurrency of options.concurrency ?? [1, 16, 64, 256]) {
          const plan = { concurrency, count: COUNT, pairs: options.quick ? 4 : 12 };
          const result = await compare(bare(subject, comparison), own(subject, comparison), plan);
          const name = `${subject.name} ${comparison.name}, ${concurrency} at once`;
          report.compared(name, result, subject.bound(comparison, concurrency));
        }
      }
    }
  } finally {
    for (const { close } of servers) await close?.();
  }
}
