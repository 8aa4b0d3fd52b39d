/** One process's view of a site: its store, its checkpointer, the agent with all its tools, the effect log. */
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { confirm, HITLSuspend, resumption, step, StoreHITLBackend } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { z } from "zod";
import { type Agent, agentOf, callOf } from "../support/agent.ts";
import { nameOfSaverCall, nameOfStoreCall, type Tripwire, wired } from "./tripwire.ts";

export type ToolName = "charge" | "ship" | "note" | "pay" | "refund";

export interface Site {
  /** Holds the checkpoints, the effect log and, without `redis`, the records. */
  readonly folder: string;
  readonly redis?: { readonly url: string; readonly prefix: string };
  readonly thread: string;
  /** The calls of the one step. */
  readonly calls: readonly ToolName[];
  readonly leaseMs: number;
  /** The service behind the effects refuses an older fencing token than it has seen. */
  readonly fenced?: boolean;
}

export interface World {
  readonly site: Site;
  /** Over the tripwire. */
  readonly backend: StoreHITLBackend;
  readonly agent: Agent;
  /** Beside it, for looking. */
  readonly plain: { readonly backend: StoreHITLBackend; readonly agent: Agent; readonly saver: SqliteSaver };
  close(): Promise<void>;
}

/** The questions that each call asks, in their order. */
export const QUESTIONS: { readonly [name in ToolName]: readonly string[] } = {
  charge: ["charge?", "receipt?"],
  ship: ["ship?", "insure?"],
  note: ["note?"],
  pay: ["pay?"],
  refund: ["refund?"],
};

/** The effects that each call has, in their order. */
export const EFFECTS: { readonly [name in ToolName]: readonly string[] } = {
  charge: ["charge"],
  ship: ["ship", "insure"],
  note: ["note"],
  pay: ["pay"],
  refund: ["refund"],
};

const schema = z.object({ n: z.string() });

const logOf = (site: Site): string => join(site.folder, "effects.log");

/** The names of the thread's effects, as often as each happened; `model` for each turn of the model. */
export function effectsOf(site: Site): string[] {
  if (!existsSync(logOf(site))) return [];
  const lines = readFileSync(logOf(site), "utf8").split("\n").filter(Boolean);
  const entries = lines.map((line) => line.split(" ") as [string, string, string]);
  return entries.filter(([thread]) => thread === site.thread).map(([, name]) => name);
}

/** @throws if the service has seen a newer token than this one */
function note(site: Site, name: string, fence: number): void {
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

async function agree(message: string): Promise<string> {
  const { comment } = await confirm({ message });
  return comment ?? "";
}

function toolsOf(site: Site, wire: Tripwire): StructuredToolInterface[] {
  const effect = (name: string, fence = 0): Promise<void> =>
    wire.around(`effect ${name}`, () => note(site, name, fence));
  const kept = (name: string): Promise<void> => step(name, ({ fence }) => effect(name, fence));
  const asking = (message: string, state: Readonly<Record<string, string>>): HITLSuspend =>
    new HITLSuspend({
      hitl_type: "confirm",
      data: { message },
      resume_mode: "continuation",
      tool_state: state,
    });

  const charge = async (): Promise<string> => {
    const first = await agree("charge?");
    await kept("charge");
    return `charge ${first} ${await agree("receipt?")}`;
  };
  const ship = async (): Promise<string> => {
    const found = resumption();
    if (!found) throw asking("ship?", {});
    const { first } = found.tool_state as { first?: string };
    const { comment } = found.response as { comment: string };
    await effect(first === undefined ? "ship" : "insure");
    if (first === undefined) throw asking("insure?", { first: comment });
    return `ship ${first} ${comment}`;
  };
  const noting = async (): Promise<string> => {
    await kept("note");
    return `note ${await agree("note?")}`;
  };
  const simple = (name: ToolName) => async (): Promise<string> => {
    const first = await agree(`${name}?`);
    await kept(name);
    return `${name} ${first}`;
  };
  const bodies = { charge, ship, note: noting, pay: simple("pay"), refund: simple("refund") };
  return Object.entries(bodies).map(([name, body]) =>
    tool(body, { name, description: `Does ${name}.`, schema }),
  );
}

export function openWorld(site: Site, wire: Tripwire): World {
  mkdirSync(site.folder, { recursive: true });
  const raw = site.redis
    ? new RedisHITLBackend(site.redis)
    : new SqliteHITLBackend({ path: join(site.folder, "records.db") });
  const saver = SqliteSaver.fromConnString(join(site.folder, "checkpoints.db"));
  // Several processes share the file: wait for each other's writes, in short ones.
  saver.db.pragma("busy_timeout = 5000");
  const backend = new StoreHITLBackend(wired(raw.store, wire, nameOfStoreCall));
  const common = { turns: [site.calls.map((name) => callOf(name, name))], leaseMs: site.leaseMs };
  const tools = toolsOf(site, wire);
  const onModel = (): void => note(site, "model", 0);
  const agent = agentOf({
    ...common,
    backend,
    tools,
    onModel,
    checkpointer: wired(saver, wire, nameOfSaverCall),
  });
  const looking = agentOf({ ...common, backend: raw, tools, checkpointer: saver });
  const close = async (): Promise<void> => {
    await raw.close();
    saver.db.close();
  };
  return { site, backend, agent, plain: { backend: raw, agent: looking, saver }, close };
}
