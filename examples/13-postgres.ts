/**
 * Records and checkpoints in one PostgreSQL database, with LangGraph's own PostgresSaver: nothing else is shared by the
 * process that asks and the one that answers. The question is asked for an order that is written in the same transaction.
 *
 *   createdb orders
 *   DATABASE_URL=postgres:///orders npx tsx examples/13-postgres.ts
 */
import { PostgresSaver } from "@langchain/langgraph-checkpoint-postgres";
import { respondAndResume } from "holdpoint";
import { PostgresHITLBackend } from "holdpoint/backends/postgres";
import { Pool } from "pg";
import { askElsewhere, asksFor, releaseGraph } from "./two-processes.ts";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"] ?? "postgres:///orders" });
const backend = new PostgresHITLBackend({ pool });
const checkpointer = new PostgresSaver(pool);
await checkpointer.setup();
const graph = releaseGraph(backend, checkpointer);

// The process that asks: it is killed while the question is open.
const asks = asksFor();
if (asks) {
  await graph.invoke({ messages: [] }, { configurable: { thread_id: asks[0] } });
  process.kill(process.pid, "SIGKILL");
}

// The process that answers.
const thread_id = `release-${Date.now()}`;
console.log(`the process that asked: ${askElsewhere(import.meta.url, thread_id)}`); // prints: the process that asked: SIGKILL
for (const { hitl_id, data } of (await backend.getPendingBySession(thread_id)).items) {
  console.log(data["message"]); // prints: Deploy 1.4.0?
  const { resume } = await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true } });
  // prints: deployed 1.4.0
  console.log(resume?.status); // prints: resumed
}

// A question that is asked together with the application's own rows, or not at all.
const client = await pool.connect();
const ours = backend.withTransaction(client);
await client.query("BEGIN");
await client.query("CREATE TEMPORARY TABLE orders (id text PRIMARY KEY)");
await client.query("INSERT INTO orders VALUES ('o-1')");
const question = { hitl_type: "confirm", session_id: thread_id, data: { message: "Ship o-1?" } };
await ours.create(question);
await client.query("ROLLBACK");
client.release();
console.log((await backend.getPendingBySession(thread_id)).items.length); // prints: 0
await backend.close();
await pool.end();
