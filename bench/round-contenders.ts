/** What `rounds` compares: a round on each store, with LangGraph alone and with holdpoint. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemorySaver } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { InMemoryHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { bareGraph, bareRound, Effects, ownGraph, ownRound } from "./graphs.ts";
import type { Contender } from "./measure.ts";

const bareOnMemory: Contender = (count) => {
  const effects = new Effects();
  const graph = bareGraph(new MemorySaver(), effects);
  return { run: (index) => bareRound(graph, `t${index}`), end: () => effects.assertOnceEach(count) };
};

const ownOnMemory: Contender = (count) => {
  const effects = new Effects();
  const backend = new InMemoryHITLBackend();
  const graph = ownGraph(new MemorySaver(), backend, effects);
  return { run: (index) => ownRound(graph, backend, `t${index}`), end: () => effects.assertOnceEach(count) };
};

export type Synchronous = "FULL" | "NORMAL";

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

function ownOnRedis({ url, prefix }: RedisPlace): Contender {
  // One connection for all segments, as a service has.
  const backend = new RedisHITLBackend({ url, prefix });
  let segment = 0;
  return async (count) => {
    segment += 1;
    const name = `s${segment}-`;
    const effects = new Effects();
    await backend.get("none");
    const graph = ownGraph(new MemorySaver(), backend, effects);
    return {
      run: (index) => ownRound(graph, backend, `${name}${index}`),
      end: () => effects.assertOnceEach(count),
    };
  };
}

export interface RedisPlace {
  readonly url: string;
  readonly prefix: string;
}

/** Where rounds run; the Redis is there for the bare side too, which has no use of it. */
export type RoundStore =
  | { readonly store: "memory" }
  | { readonly store: "sqlite"; readonly synchronous: Synchronous }
  | ({ readonly store: "redis" } & RedisPlace);

export type SideName = "bare" | "own";

export function roundContender(side: SideName, on: RoundStore): Contender {
  switch (on.store) {
    case "memory":
      return side === "own" ? ownOnMemory : bareOnMemory;
    case "sqlite":
      return side === "own" ? ownOnSqlite(on.synchronous) : bareOnSqlite(on.synchronous);
    case "redis":
      return side === "own" ? ownOnRedis(on) : bareOnMemory;
  }
}
