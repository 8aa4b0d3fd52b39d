/** The process that asked is gone; another one, which shares its SQLite files, takes the answer and goes on. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { confirm, HITLToolNode, respondAndResume } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const deploy = tool(
  async ({ version }) => {
    const { confirmed } = await confirm({ message: `Deploy ${version}?` });
    if (!confirmed) return "not deployed";
    console.log(`deployed ${version}`);
    return "deployed";
  },
  { name: "deploy", description: "Deploys.", schema: z.object({ version: z.string() }) },
);

function open(folder: string) {
  const backend = new SqliteHITLBackend({ path: join(folder, "holdpoint.db") });
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", scriptedModel([{ name: "deploy", args: { version: "1.4.0" } }]))
    .addNode("tools", new HITLToolNode([deploy], { backend }))
    .addEdge(START, "model")
    .addConditionalEdges("model", callsTools)
    .addEdge("tools", "model")
    .compile({ checkpointer: SqliteSaver.fromConnString(join(folder, "checkpoints.db")) });
  return { backend, graph };
}

// The first process, started below: it asks, and is killed while the question is open.
const [role, given] = process.argv.slice(2);
if (role === "ask" && given) {
  const { graph } = open(given);
  await graph.invoke({ messages: [] }, { configurable: { thread_id: "release" } });
  process.kill(process.pid, "SIGKILL");
}

// The second process: all that it shares with the first one is the folder.
const folder = mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const { signal } = spawnSync(process.execPath, [
  ...process.execArgv,
  fileURLToPath(import.meta.url),
  "ask",
  folder,
]);
console.log(`the process that asked: ${signal}`); // prints: the process that asked: SIGKILL

const { backend, graph } = open(folder);
for (const { hitl_id, data } of (await backend.getByThread("release")).items) {
  console.log(data["message"]); // prints: Deploy 1.4.0?
  const { resume } = await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true } });
  // prints: deployed 1.4.0
  console.log(resume?.status); // prints: resumed
}
await backend.close();
rmSync(folder, { recursive: true });
