/**
 * One answer, given to two workers at once: in how many threads did the effect happen twice? LangGraph and holdpoint
 * as the benchmark measures them, and OpenAI Agents if somebody has installed it.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { own, stock, THREADS, WORKERS } from "../bench/double.ts";
import type { Effects } from "../bench/graphs.ts";
import { VERSIONS } from "./versions.ts";

export interface TwoWorkers {
  readonly name: string;
  readonly threads: number;
  /** Threads whose effect happened more than once, and exactly once. */
  readonly twice: number;
  readonly once: number;
}

const PEER = fileURLToPath(new URL("two-workers/openai-agents.mjs", import.meta.url));
const INSTALLED = new URL("two-workers/node_modules/@openai/agents", import.meta.url);

/** Undefined if it is not installed. */
function openAIAgents(): TwoWorkers | undefined {
  if (!existsSync(INSTALLED)) return undefined;
  const printed = execFileSync(process.execPath, [PEER], { encoding: "utf8" });
  const { name, version, ...counts } = JSON.parse(printed) as TwoWorkers & { readonly version: string };
  return { ...counts, name: `${name} ${version}, RunState` };
}

const countsOf = (effects: Effects): Omit<TwoWorkers, "name"> => ({
  threads: THREADS,
  twice: effects.moreThanOnce,
  once: effects.with(1),
});

export async function twoWorkers(): Promise<TwoWorkers[]> {
  const rows: TwoWorkers[] = [];
  for (const [saver, open] of WORKERS) {
    const workers = open();
    try {
      const bare = countsOf(await stock(workers));
      const ours = countsOf(await own(workers));
      rows.push({ ...bare, name: `LangGraph ${VERSIONS.langgraph}, ${saver}` });
      rows.push({ ...ours, name: `holdpoint, ${saver}` });
    } finally {
      await workers.close();
    }
  }
  const peer = openAIAgents();
  return peer ? [...rows, peer] : rows;
}

const isOurs = ({ name }: TwoWorkers): boolean => name.startsWith("holdpoint");

/** Ours has to be once in every thread; that the others are not is what the table is for. */
export const isAsExpected = (row: TwoWorkers): boolean =>
  isOurs(row) ? row.twice === 0 && row.once === row.threads : row.twice > 0;

export const TWO_WORKERS_HEAD: readonly string[] = [
  "one answer to two workers at once",
  "twice",
  "once",
  "threads",
];

export const twoWorkersRow = ({ name, twice, once, threads }: TwoWorkers): string[] => [
  name,
  String(twice),
  String(once),
  String(threads),
];
