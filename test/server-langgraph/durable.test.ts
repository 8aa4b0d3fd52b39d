/** Threads of servers that come and go, over files; and of two servers over one store. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { resumeThread } from "holdpoint";
import { SqliteHITLBackend } from "holdpoint/backends/sqlite";
import { afterAll, expect, test } from "vitest";
import { until } from "../support/poll.ts";
import { calling, type Effects, holdOf, type Kit, kitOf, lastText, refunding } from "./kit.ts";

const folder = mkdtempSync(join(tmpdir(), "holdpoint-server-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A server as a process would begin it, on the same files as the others of this name. */
function served(name: string, effects: Effects, options: Parameters<typeof kitOf>[0] = {}): Kit {
  const checkpointer = SqliteSaver.fromConnString(join(folder, `${name}-graph.db`));
  return kitOf({
    backend: new SqliteHITLBackend({ path: join(folder, `${name}.db`) }),
    checkpointer,
    effects,
    ...options,
  });
}

test("a thread, its question and its runs are there after a restart, and the answer runs once", async () => {
  const effects: Effects = new Map();
  const before = served("restart", effects);
  const { thread_id } = await before.client.threads.create({ graphId: "agent", metadata: { team: "ops" } });
  await before.client.runs.wait(thread_id, "agent", { input: refunding("A-1") });
  await before.server.close();
  await before.backend.close();

  const after = served("restart", effects);
  const [thread] = await after.client.threads.search({
    status: "interrupted",
    metadata: { graph_id: "agent", team: "ops" },
  });
  expect(thread).toMatchObject({ thread_id, status: "interrupted" });
  expect(await after.client.runs.list(thread_id)).toHaveLength(1);
  const result = await after.client.runs.wait(thread_id, "agent", {
    command: { resume: { decisions: [{ type: "approve" }] } },
  });
  expect(lastText(result)).toBe("refunded");
  expect(effects.get("A-1")).toBe(1);
  await after.backend.close();
});

test("a run whose server died is lost: the thread says so when the lease ends, and an empty run goes on", async () => {
  const effects: Effects = new Map();
  const hold = holdOf();
  const dying = served("lost", effects, { hold, leaseMs: 60 });
  const { thread_id } = await dying.client.threads.create();
  const run = await dying.client.runs.create(thread_id, "agent", { input: calling("hold", {}) });
  await hold.begun.passed;
  // Nothing of it can write any more, as after a kill.
  await dying.backend.close();

  const after = served("lost", effects, { hold, leaseMs: 60 });
  await until(
    "the end of the lease",
    async () => (await after.client.threads.get(thread_id)).status !== "busy",
  );
  expect(await after.client.threads.get(thread_id)).toMatchObject({
    status: "error",
    error: { error: "RunLost" },
  });
  expect((await after.client.runs.get(thread_id, run.run_id)).status).toBe("error");
  expect((await after.client.threads.search({ status: "error" })).map((thread) => thread.thread_id)).toEqual([
    thread_id,
  ]);
  hold.end.open();
  expect(lastText(await after.client.runs.wait(thread_id, "agent", { input: null }))).toBe("held");
  expect((await after.client.threads.get(thread_id)).status).toBe("idle");
  await after.backend.close();
});

test("an answer that was given elsewhere, and a worker that resumes, are seen in lists", async () => {
  const { client, backend, graph, effects } = served("worker", new Map());
  const { thread_id } = await client.threads.create({ graphId: "agent" });
  await client.runs.wait(thread_id, "agent", { input: refunding("A-2") });
  const [question] = (await backend.list({ status: "pending" })).items;
  await backend.respond(question?.hitl_id as string, { confirmed: true });
  await resumeThread(graph, { thread_id, backend });
  expect(await client.threads.search({ status: "interrupted" })).toEqual([]);
  expect((await client.threads.search({ status: "idle" })).map((thread) => thread.thread_id)).toEqual([
    thread_id,
  ]);
  expect(effects.get("A-2")).toBe(1);
  await backend.close();
});

test("two servers over one store: one of two answers at once runs, and its effect happens once (P9)", async () => {
  const effects: Effects = new Map();
  const servers = [served("two", effects), served("two", effects)] as const;
  const { thread_id } = await servers[0].client.threads.create();
  await servers[0].client.runs.wait(thread_id, "agent", { input: refunding("A-3") });
  const resume = { decisions: [{ type: "approve" }] };
  const answers = servers.map(({ client }) => client.runs.wait(thread_id, "agent", { command: { resume } }));
  const outcomes = await Promise.allSettled(answers);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  expect(
    String((outcomes.find(({ status }) => status === "rejected") as PromiseRejectedResult).reason),
  ).toMatch(/409/);
  expect(effects.get("A-3")).toBe(1);
  await Promise.all(servers.map(({ backend }) => backend.close()));
});

test("a run is waited for, and cancelled, by a server that does not have it", async () => {
  const hold = holdOf();
  const effects: Effects = new Map();
  const [holder, other] = [
    served("remote", effects, { hold, leaseMs: 300 }),
    served("remote", effects, { leaseMs: 300 }),
  ];
  const { thread_id } = await holder.client.threads.create();
  const run = await holder.client.runs.create(thread_id, "agent", { input: calling("hold", {}) });
  await hold.begun.passed;
  await expect(other.client.runs.wait(thread_id, "agent", { input: null })).rejects.toThrow(/409/);
  await other.client.runs.cancel(thread_id, run.run_id, true);
  expect((await holder.client.runs.get(thread_id, run.run_id)).status).toBe("interrupted");
  hold.end.open();
  await Promise.all([holder, other].map(({ backend }) => backend.close()));
});
