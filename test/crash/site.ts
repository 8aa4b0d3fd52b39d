/** Where a thread lives that outlasts its processes: its stores, its checkpoints, and the log of what the outside saw. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { type HITLRecord, type ResumableGraph, StoreHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import type { ScenarioName } from "./scenarios.ts";
import { nameOfSaverCall, nameOfStoreCall, type Tripwire, wired } from "./tripwire.ts";
import type { ToolName } from "./tools.ts";

export interface Site {
  /** Default `tools`. */
  readonly scenario?: ScenarioName;
  /** Holds the checkpoints, the effect log and, without `redis`, the records. */
  readonly folder: string;
  readonly redis?: { readonly url: string; readonly prefix: string };
  readonly thread: string;
  /** The tool calls of the thread. */
  readonly calls: readonly ToolName[];
  readonly leaseMs: number;
  /** The service behind the effects refuses an older fencing token than it has seen. */
  readonly fenced?: boolean;
}

/** A graph or an agent, as far as it is driven here. */
export interface SubjectGraph extends ResumableGraph {
  getState(config: { configurable: { thread_id: string } }): Promise<{
    readonly values: unknown;
    readonly next: readonly string[];
    readonly tasks: readonly {
      readonly name: string;
      readonly interrupts: readonly { readonly value?: unknown }[];
    }[];
  }>;
}

/** One process's view of a site. */
export interface World<Graph extends SubjectGraph = SubjectGraph> {
  readonly site: Site;
  /** What the thread begins with. */
  readonly input: unknown;
  /** Over the tripwire. */
  readonly backend: StoreHITLBackend;
  readonly agent: Graph;
  /** Beside it, for looking. */
  readonly plain: { readonly backend: StoreHITLBackend; readonly agent: Graph; readonly saver: SqliteSaver };
  close(): Promise<void>;
}

const logOf = (site: Site): string => join(site.folder, "effects.log");

/** The names of the thread's effects, as often as each happened; `model` for each turn of the model. */
export function effectsOf(site: Site): string[] {
  if (!existsSync(logOf(site))) return [];
  const lines = readFileSync(logOf(site), "utf8").split("\n").filter(Boolean);
  const entries = lines.map((line) => line.split(" ") as [string, string, string]);
  return entries.filter(([thread]) => thread === site.thread).map(([, name]) => name);
}

/** @throws if the service has seen a newer token than this one */
export function note(site: Site, name: string, fence: number): void {
  if (site.fenced && fence > 0 && existsSync(logOf(site))) {
    const lines = readFileSync(logOf(site), "utf8").split("\n");
    const newest = Math.max(
      0,
      ...lines.filter((line) => line.startsWith(`${site.thread} `)).map((line) => Number(line.split(" ")[2])),
    );
    if (fence < newest) throw new Error(`The service refuses token ${fence}; it has seen ${newest}.`);
  }
  appendFileSync(logOf(site), `${site.thread} ${name} ${fence}\n`);
}

/** Opens the site's stores, and builds the graph on them twice: over the tripwire, and for looking. */
export function openSite<Graph extends SubjectGraph>(
  site: Site,
  wire: Tripwire,
  input: unknown,
  build: (backend: StoreHITLBackend, checkpointer: BaseCheckpointSaver) => Graph,
): World<Graph> {
  mkdirSync(site.folder, { recursive: true });
  const raw = site.redis
    ? new RedisHITLBackend(site.redis)
    : new SqliteHITLBackend({ path: join(site.folder, "records.db") });
  const saver = SqliteSaver.fromConnString(join(site.folder, "checkpoints.db"));
  // Several processes share the file: wait for each other's writes, in short ones.
  saver.db.pragma("busy_timeout = 5000");
  const backend = new StoreHITLBackend(wired(raw.store, wire, nameOfStoreCall));
  const agent = build(backend, wired(saver, wire, nameOfSaverCall));
  const looking = build(raw, saver);
  const close = async (): Promise<void> => {
    await raw.close();
    saver.db.close();
  };
  return { site, input, backend, agent, plain: { backend: raw, agent: looking, saver }, close };
}

/** All questions of the thread, whatever became of them. */
export async function recordsOf({ plain, site }: World): Promise<readonly HITLRecord[]> {
  return (await plain.backend.list({ thread_id: site.thread, limit: 1000 })).items;
}

export function textOf(record: HITLRecord): string {
  return record.hitl_type === "in_doubt"
    ? `in doubt: ${String(record.tool_call_id)}`
    : String(record.data["message"]);
}
