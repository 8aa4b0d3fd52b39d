/** One suspend → answer → resume round per thread, against LangGraph's own `interrupt` and `Command({ resume })`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemorySaver } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { InMemoryHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { startRedisServer } from "../test/support/redis-server.ts";
import { bareGraph, bareRound, Effects, ownGraph, ownRound, suspend } from "./graphs.ts";
import { compare, type Contender, LONG_WARM_UP, type Plan } from "./measure.ts";
import type { Options } from "./options.ts";
import { atLeast, type Report } from "./report.ts";

function bareOnMemory(shown?: object): Contender {
  return (count) => {
    const effects = new Effects();
    const graph = bareGraph(new MemorySaver(), effects, shown);
    return { run: (index) => bareRound(graph, `t${index}`), end: () => effects.assertOnceEach(count) };
  };
}

const ownOnMemory: Contender = (count) => {
  const effects = new Effects();
  const backend = new InMemoryHITLBackend();
  const graph = ownGraph(new MemorySaver(), backend, effects);
  return { run: (index) => ownRound(graph, backend, `t${index}`), end: () => effects.assertOnceEach(count) };
};

function planFor(options: Options, concurrency: number): Plan {
  const count = Math.max(100, 4 * concurrency);
  return { concurrency, count, pairs: Math.max(4, Math.round(options.rounds / count)) };
}

/** Lets the engine compile both sides, many rounds at once, which is the quickest. */
async function warmUp(base: Contender, own: Contender, options: Options): Promise<void> {
  if (!options.quick)
    await compare(base, own, { concurrency: 16, count: 100, pairs: 1, warmUp: LONG_WARM_UP });
}

async function onMemory(report: Report, options: Options): Promise<void> {
  const bare = bareOnMemory();
  await warmUp(bare, ownOnMemory, options);
  for (const concurrency of options.concurrency ?? [1, 4, 16]) {
    const result = await compare(bare, ownOnMemory, planFor(options, concurrency));
    report.compared(`MemorySaver + memory, ${concurrency} at once`, result, atLeast(0.9));
  }
  // What is shown for other people's user interfaces goes through LangGraph's serializer, value by value.
  const graph = ownGraph(new MemorySaver(), new InMemoryHITLBackend(), new Effects());
  const showing = bareOnMemory((await suspend(graph, "shown")).value);
  await warmUp(showing, ownOnMemory, options);
  for (const concurrency of options.concurrency ?? [1, 4, 16]) {
    const result = await compare(showing, ownOnMemory, planFor(options, concurrency));
    report.compared(`the same, against an interrupt that shows as much, ${concurrency} at once`, result);
  }
}

type Synchronous = "FULL" | "NORMAL";

/** The saver at the same durability as the backend: its default would wait for fewer writes to reach the disk. */
export function openSaver(path: string, synchronous: Synchronous): SqliteSaver {
  const saver = SqliteSaver.fromConnString(path);
  saver.db.pragma("journal_mode = WAL");
  saver.db.pragma(`synchronous = ${synchronous}`);
  return saver;
}

function temporaryFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  return {
    path: (name) => join(folder, name),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function bareOnSqlite(synchronous: Synchronous): Contender {
  return (count) => {
    const { path, remove } = temporaryFolder();
    const effects = new Effects();
    const saver = openSaver(path("checkpoints.db"), synchronous);
    const graph = bareGraph(saver, effects);
    return {
      run: (index) => bareRound(graph, `t${index}`),
      end: () => {
        effects.assertOnceEach(count);
        saver.db.close();
        remove();
      },
    };
  };
}

function ownOnSqlite(synchronous: Synchronous): Contender {
  return async (count) => {
    const { path, remove } = temporaryFolder();
    const effects = new Effects();
    const saver = openSaver(path("checkpoints.db"), synchronous);
    const backend = new SqliteHITLBackend({ path: path("holdpoint.db"), synchronous });
    // Opens the file and makes its tables, which is no part of a round.
    await backend.get("none");
    const graph = ownGraph(saver, backend, effects);
    return {
      run: (index) => ownRound(graph, backend, `t${index}`),
      end: async () => {
        effects.assertOnceEach(count);
        await backend.close();
        saver.db.close();
        remove();
      },
    };
  };
}

async function onSqlite(report: Report, options: Options): Promise<void> {
  await warmUp(bareOnSqlite("NORMAL"), ownOnSqlite("NORMAL"), options);
  for (const synchronous of ["FULL", "NORMAL"] as const) {
    for (const concurrency of options.concurrency ?? [1, 4, 16]) {
      const plan = planFor(options, concurrency);
      const result = await compare(bareOnSqlite(synchronous), ownOnSqlite(synchronous), plan);
      const bound = synchronous === "FULL" ? atLeast(0.7) : undefined;
      report.compared(`SqliteSaver + SQLite, ${synchronous}, ${concurrency} at once`, result, bound);
    }
  }
}

const REDIS_BOUNDS: Readonly<Record<number, number>> = { 1: 0.6, 16: 0.7, 64: 0.8 };

async function onRedis(report: Report, options: Options): Promise<void> {
  const server = await startRedisServer();
  const backend = new RedisHITLBackend({ url: server.url, prefix: server.prefix() });
  await backend.get("none");
  let segment = 0;
  const own: Contender = (count) => {
    segment += 1;
    const name = `s${segment}-`;
    const effects = new Effects();
    const graph = ownGraph(new MemorySaver(), backend, effects);
    return {
      run: (index) => ownRound(graph, backend, `${name}${index}`),
      end: () => effects.assertOnceEach(count),
    };
  };
  try {
    const bare = bareOnMemory();
    await warmUp(bare, own, options);
    for (const concurrency of options.concurrency ?? [1, 16, 64]) {
      const result = await compare(bare, own, planFor(options, concurrency));
      const bound = REDIS_BOUNDS[concurrency];
      report.compared(
        `MemorySaver + Redis, ${concurrency} at once`,
        result,
        bound === undefined ? undefined : atLeast(bound),
      );
    }
  } finally {
    await backend.close();
    await server.stop();
  }
}

export async function rounds(report: Report, options: Options): Promise<void> {
  report.section("rounds", "suspend → answer → resume, as a ratio to LangGraph's own interrupt and Command");
  await onMemory(report, options);
  await onSqlite(report, options);
  await onRedis(report, options);
}
