/**
 * One answer, given to two workers at once: in how many threads did the effect happen twice? LangGraph and holdpoint
 * as the benchmark measures them, and OpenAI Agents if somebody has installed it.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { own, stock, WORKERS } from "../bench/double.ts";
import type { Effects } from "../bench/graphs.ts";
import type { TwoWorkers } from "./two-workers-table.ts";
import { VERSIONS } from "./versions.ts";

const PEER = fileURLToPath(new URL("two-workers/openai-agents.mjs", import.meta.url));
const INSTALLED = new URL("two-workers/node_modules/@openai/agents", import.meta.url);

/** Undefined if it is not installed. */
function openAIAgents(): TwoWorkers | undefined {
  if (!existsSync(INSTALLED)) return undefined;
  const printed = execFileSync(process.execPath, [PEER], { encoding: "utf8" });
  const { name, version, ...counts } = JSON.parse(printed) as TwoWorkers & { readonly version: string };
  return { ...counts, name: `${name} ${version}, RunState` };
}

const countsOf = (effects: Effects, threads: number): Omit<TwoWorkers, "name"> => ({
  threads,
  twice: effects.moreThanOnce,
  once: effects.with(1),
});

/** @param threads - of LangGraph and of holdpoint, one after the other */
export async function twoWorkers(threads = 100): Promise<TwoWorkers[]> {
  const rows: TwoWorkers[] = [];
  for (const [saver, open] of WORKERS) {
    const workers = open();
    try {
      const bare = countsOf(await stock(workers, threads), threads);
      const ours = countsOf(await own(workers, threads), threads);
      rows.push({ ...bare, name: `LangGraph ${VERSIONS.langgraph}, ${saver}` });
      rows.push({ ...ours, name: `holdpoint, ${saver}` });
    } finally {
      await workers.close();
    }
  }
  const peer = openAIAgents();
  return peer ? [...rows, peer] : rows;
}
