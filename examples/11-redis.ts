/**
 * Records in Redis, shared by two processes: one asks and is killed, the other one takes the answer and goes on.
 *
 *   redis-server --port 6379 --appendonly yes --appendfsync always
 *   REDIS_URL=redis://127.0.0.1:6379 npx tsx examples/11-redis.ts
 *
 * The checkpoints lie in a SQLite file. Where Redis has the modules JSON and Search (as Redis 8 does), RedisSaver of
 * @langchain/langgraph-checkpoint-redis takes its place, and the two processes may run on two machines.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { respondAndResume } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { askElsewhere, asksFor, releaseGraph } from "./two-processes.ts";

const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379";

function open(folder: string) {
  const backend = new RedisHITLBackend({ url, prefix: "example" });
  const checkpointer = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
  return { backend, graph: releaseGraph(backend, checkpointer) };
}

// The process that asks: it is killed while the question is open.
const asks = asksFor();
if (asks) {
  const [folder = "", thread_id] = asks;
  await open(folder).graph.invoke({ messages: [] }, { configurable: { thread_id } });
  process.kill(process.pid, "SIGKILL");
}

// The process that answers.
const folder = mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const thread_id = `release-${Date.now()}`;
console.log(`the process that asked: ${askElsewhere(import.meta.url, folder, thread_id)}`); // prints: the process that asked: SIGKILL

const { backend, graph } = open(folder);
const { items } = await backend.getPendingBySession(thread_id);
for (const { hitl_id, data } of items) {
  console.log(data["message"]); // prints: Deploy 1.4.0?
  const answer = { backend, hitl_id, response: { confirmed: true } };
  const { resume } = await respondAndResume(graph, answer);
  // prints: deployed 1.4.0
  console.log(resume?.status); // prints: resumed
  console.log((await respondAndResume(graph, answer)).status); // prints: duplicate
}
await backend.close();
rmSync(folder, { recursive: true });
