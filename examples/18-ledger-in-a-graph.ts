/** A charge of an agent that survives kill -9 between the effect and the checkpoint: the next process asks the service. */
import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { HITLToolNode } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const [role, given] = process.argv.slice(2);
const folder = given ?? mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const log = join(folder, "payments.log");
appendFileSync(log, "");

/** The payment service: it can be asked what was charged for an order. */
const charges = (): string[] => readFileSync(log, "utf8").split("\n").filter(Boolean);
const find = (order: string): string | undefined =>
  charges().includes(order) ? `ch_${charges().indexOf(order) + 1}` : undefined;

const charge = tool(
  ({ order }) => {
    appendFileSync(log, `${order}\n`);
    if (role === "charge") process.kill(process.pid, "SIGKILL");
    return `charged: ${find(order)}`;
  },
  { name: "charge", description: "Charges an order.", schema: z.object({ order: z.string() }) },
);

const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
const ledger = {
  for: "charge",
  // So long nobody hears of a dead worker: a minute by default.
  leaseMs: 500,
  inDoubt: {
    verify({ args_canonical }: { args_canonical: string }) {
      const id = find((JSON.parse(args_canonical) as { order: string }).order);
      if (id === undefined) return { status: "not_run" } as const;
      return { status: "succeeded", result: `charged, as the service says: ${id}` } as const;
    },
  },
};
const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "charge", args: { order: "order-123" } }]))
  .addNode("tools", new HITLToolNode([charge], { backend, ledger }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: SqliteSaver.fromConnString(join(folder, "checkpoints.db")) });
const thread = { configurable: { thread_id: "order-123" }, durability: "sync" } as const;

// The first process, started below: it charges, and is gone before anything of that could be saved.
if (role === "charge") await graph.invoke({ messages: [] }, thread);

// The second one goes on where the thread stands.
const again = [...process.execArgv, fileURLToPath(import.meta.url), "charge", folder];
const { signal } = spawnSync(process.execPath, again);
console.log(`the process that charged: ${signal}`); // prints: the process that charged: SIGKILL

const { messages } = await graph.invoke(null, thread);
console.log(messages.at(-2)?.text); // prints: charged, as the service says: ch_1
const { holdpoint } = (messages.at(-2)?.response_metadata ?? {}) as { holdpoint?: { replayed: boolean } };
console.log(`replayed: ${holdpoint?.replayed}`); // prints: replayed: true
console.log(`charges: ${charges().length}`); // prints: charges: 1
await backend.close();
rmSync(folder, { recursive: true });
