/**
 * The same in a Redis Cluster. Each session's records lie together on one of its nodes; lists go over all of them.
 *
 *   for port in 7000 7001 7002; do
 *     redis-server --port $port --cluster-enabled yes --cluster-config-file nodes-$port.conf \
 *       --appendonly yes --appenddirname aof-$port --daemonize yes
 *   done
 *   redis-cli --cluster create 127.0.0.1:7000 127.0.0.1:7001 127.0.0.1:7002 --cluster-yes
 *   REDIS_CLUSTER=127.0.0.1:7000,127.0.0.1:7001 npx tsx examples/12-redis-cluster.ts
 *
 * With a replica for each node add durability: { replicas: 1 } to the backend: an answer then counts as accepted once a
 * replica has it, and is there when that replica takes over.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { respondAndResume } from "holdpoint";
import { RedisHITLBackend } from "holdpoint/backends/redis";
import { askElsewhere, asksFor, releaseGraph } from "./two-processes.ts";

const nodes = (process.env["REDIS_CLUSTER"] ?? "127.0.0.1:7000").split(",").map((address) => {
  const [host = "", port] = address.split(":");
  return { host, port: Number(port) };
});

function open(folder: string) {
  const backend = new RedisHITLBackend({ cluster: nodes, prefix: "example" });
  const checkpointer = SqliteSaver.fromConnString(join(folder, "checkpoints.db"));
  return { backend, graph: releaseGraph(backend, checkpointer) };
}

// The process that asks: two threads, whose records lie in two places.
const asks = asksFor();
if (asks) {
  const [folder = "", ...threads] = asks;
  const { graph } = open(folder);
  for (const thread_id of threads) await graph.invoke({ messages: [] }, { configurable: { thread_id } });
  process.kill(process.pid, "SIGKILL");
}

// The process that answers.
const folder = mkdtempSync(join(tmpdir(), "holdpoint-example-"));
const threads = ["europe", "asia"].map((name) => `${name}-${Date.now()}`);
console.log(`the process that asked: ${askElsewhere(import.meta.url, folder, ...threads)}`); // prints: the process that asked: SIGKILL

const { backend, graph } = open(folder);
const { items } = await backend.list({ status: "pending", order: "newest", limit: 10 });
const open_questions = items.filter(({ thread_id }) => threads.includes(thread_id ?? ""));
console.log(`${open_questions.length} questions`); // prints: 2 questions
for (const { hitl_id } of open_questions) {
  const response = { confirmed: true };
  const { status, resume } = await respondAndResume(graph, { backend, hitl_id, response });
  // prints: deployed 1.4.0
  console.log(`${status}, ${resume?.status}`); // prints: accepted, resumed
  // prints: deployed 1.4.0
  // prints: accepted, resumed
}
await backend.close();
rmSync(folder, { recursive: true });
