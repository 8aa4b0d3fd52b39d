/** The same answer given to two workers at once: in how many threads did the effect happen more than once? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { type HITLBackend, StoreHITLBackend } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { MemoryRecordData, MemoryRecordStore } from "../src/backends/memory/memory-store.ts";
import { bareAnswer, bareGraph, Effects, ownAnswer, ownGraph, suspend } from "./graphs.ts";
import type { Options } from "./options.ts";
import { exactly, type Report } from "./report.ts";
import { openSaver } from "./rounds.ts";

const THREADS = 100;

/** A worker has a saver and a backend of its own on the data that all workers share. */
export interface Workers {
  readonly savers: readonly [BaseCheckpointSaver, BaseCheckpointSaver];
  readonly backends: readonly [HITLBackend, HITLBackend];
  close(): Promise<void>;
}

function inMemory(): Workers {
  // A MemorySaver cannot be opened twice; the workers share it.
  const saver = new MemorySaver();
  const data = new MemoryRecordData();
  const backend = (): HITLBackend => new StoreHITLBackend(new MemoryRecordStore({}, data));
  return { savers: [saver, saver], backends: [backend(), backend()], close: async () => {} };
}

function inFiles(): Workers {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  const savers = [1, 2].map(() => openSaver(join(folder, "checkpoints.db"), "NORMAL"));
  const backends = [1, 2].map(
    () => new SqliteHITLBackend({ path: join(folder, "holdpoint.db"), synchronous: "NORMAL" }),
  );
  return {
    savers: savers as unknown as Workers["savers"],
    backends: backends as unknown as Workers["backends"],
    close: async () => {
      for (const saver of savers) saver.db.close();
      for (const backend of backends) await backend.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** By the saver that they share. */
export const WORKERS: readonly (readonly [saver: string, open: () => Workers])[] = [
  ["MemorySaver", inMemory],
  ["SqliteSaver", inFiles],
];

/** A worker may well fail when it comes second; what counts is what the tool has done. */
async function bothAtOnce(first: Promise<unknown>, second: Promise<unknown>): Promise<void> {
  await Promise.allSettled([first, second]);
}

export async function stock({ savers }: Workers, threads = THREADS): Promise<Effects> {
  const effects = new Effects();
  const [one, two] = savers.map((saver) => bareGraph(saver, effects)) as [
    ReturnType<typeof bareGraph>,
    ReturnType<typeof bareGraph>,
  ];
  for (let thread = 0; thread < threads; thread += 1) {
    const name = `stock${thread}`;
    await suspend(one, name);
    await bothAtOnce(bareAnswer(one, name), bareAnswer(two, name));
  }
  return effects;
}

export async function own({ savers, backends }: Workers, threads = THREADS): Promise<Effects> {
  const effects = new Effects();
  const one = ownGraph(savers[0], backends[0], effects);
  const two = ownGraph(savers[1], backends[1], effects);
  for (let thread = 0; thread < threads; thread += 1) {
    const asked = await suspend(one, `own${thread}`);
    await bothAtOnce(ownAnswer(one, backends[0], asked), ownAnswer(two, backends[1], asked));
  }
  return effects;
}

export async function doubleAnswers(report: Report, _options: Options): Promise<void> {
  report.section(
    "double",
    `one answer, two workers at once, ${THREADS} threads: threads whose effect ran twice`,
  );
  for (const [name, open] of WORKERS) {
    const workers = open();
    try {
      const stockEffects = await stock(workers);
      report.add({
        name: `stock LangGraph, ${name}`,
        value: stockEffects.moreThanOnce,
        unit: `of ${THREADS}`,
      });
      const effects = await own(workers);
      report.add({
        name: `holdpoint, ${name}`,
        value: effects.moreThanOnce,
        unit: `of ${THREADS}`,
        bound: exactly(0),
      });
      report.add({
        name: `holdpoint, ${name}: once`,
        value: effects.with(1),
        unit: `of ${THREADS}`,
        bound: exactly(THREADS),
      });
    } finally {
      await workers.close();
    }
  }
}
