/** Round trips and commits, counted where they happen: on the wire, in the driver, at the store. */
import { rmSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemorySaver } from "@langchain/langgraph";
import { type HITLBackend, InMemoryHITLBackend, StoreHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { loadDriver } from "../src/backends/sqlite/drivers/load.ts";
import { startRedisServer } from "../test/support/redis-server.ts";
import { countingDriver, countingProxy, countingStore } from "./counting.ts";
import { type BenchGraph, Effects, ownAnswer, ownGraph, quietGraph, suspend } from "./graphs.ts";
import type { Options } from "./options.ts";
import { atMost, exactly, type Report } from "./report.ts";

const ROUNDS = 20;

/** @param answering - the backend of whoever answers */
async function countedRounds(graph: BenchGraph, answering: HITLBackend, name: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    const outcome = await ownAnswer(graph, answering, await suspend(graph, `${name}${round}`));
    if (outcome !== "accepted, resumed") throw new Error(`Round ${round}: ${outcome}`);
  }
}

async function redisTrips(report: Report): Promise<void> {
  const server = await startRedisServer({ own: true });
  const proxy = await countingProxy(server.port);
  const url = `redis://127.0.0.1:${proxy.port}`;
  const options = { url, prefix: server.prefix() };
  const asking = new RedisHITLBackend(options);
  const elsewhere = new RedisHITLBackend(options);
  try {
    const graph = ownGraph(new MemorySaver(), asking, new Effects());
    const other = ownGraph(graph.checkpointer as MemorySaver, elsewhere, new Effects());
    for (const [backend, resuming, name] of [
      [asking, graph, "answered by the process that asked"],
      [elsewhere, other, "answered by another process"],
    ] as const) {
      // The first round connects, reads the store's description and sends the scripts.
      await ownAnswer(resuming, backend, await suspend(graph, `first ${name}`));
      proxy.reset();
      for (let round = 0; round < ROUNDS; round += 1) {
        const asked = await suspend(graph, `${name} ${round}`);
        const outcome = await ownAnswer(resuming, backend, asked);
        if (outcome !== "accepted, resumed") throw new Error(`${name}: ${outcome}`);
      }
      const here = backend === asking;
      report.add({
        name: `Redis round trips of a round, ${name}`,
        value: proxy.turns() / ROUNDS,
        note: here ? "on the wire" : "on the wire; who has not the record reads it first (P5)",
        bound: atMost(here ? 5 : 6),
      });
    }
  } finally {
    await Promise.all([asking.close(), elsewhere.close()]);
    await proxy.close();
    await server.stop();
  }
}

async function sqliteCommits(report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  const { driver, counts } = countingDriver(await loadDriver(undefined));
  const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db"), driver });
  try {
    // Opens the file and makes its tables.
    await backend.get("none");
    const before = { ...counts };
    await countedRounds(ownGraph(new MemorySaver(), backend, new Effects()), backend, "t");
    const commits = counts.committed - before.committed + counts.alone - before.alone;
    report.add({
      name: "SQLite commits of a round",
      value: commits / ROUNDS,
      note: `in the driver; ${counts.rolledBack - before.rolledBack} rolled back`,
      bound: atMost(4),
    });
  } finally {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function storeCalls(report: Report): Promise<void> {
  const { store, counts } = countingStore(new InMemoryHITLBackend().store);
  const backend = new StoreHITLBackend(store);
  await countedRounds(ownGraph(new MemorySaver(), backend, new Effects()), backend, "t");
  const [writes, reads] = [counts.writes.length / ROUNDS, counts.reads.length / ROUNDS];
  const last = counts.writes.slice(-Math.ceil(writes));
  report.add({ name: "store writes of a round", value: writes, note: last.join("; "), details: last });
  report.add({
    name: "store reads of a round",
    value: reads,
    note: counts.reads.slice(-Math.ceil(reads)).join("; "),
  });
}

async function quietStep(report: Report): Promise<void> {
  const { store, counts } = countingStore(new InMemoryHITLBackend().store);
  const effects = new Effects();
  const graph = quietGraph(new MemorySaver(), new StoreHITLBackend(store), effects);
  for (let round = 0; round < ROUNDS; round += 1) {
    const thread_id = `t${round}`;
    const input = { messages: [{ role: "user", content: thread_id }] };
    await graph.invoke(input, { configurable: { thread_id }, durability: "sync" });
  }
  effects.assertOnceEach(ROUNDS);
  report.add({
    name: "store writes of a step in which nobody asks",
    value: counts.writes.length,
    bound: exactly(0),
  });
  report.add({
    name: "store reads of a step in which nobody asks",
    value: counts.reads.length,
    bound: exactly(0),
  });
}

export async function trips(report: Report, _options: Options): Promise<void> {
  report.section("trips", `counted over ${ROUNDS} rounds, one at a time`);
  await redisTrips(report);
  await sqliteCommits(report);
  await storeCalls(report);
  await quietStep(report);
}
