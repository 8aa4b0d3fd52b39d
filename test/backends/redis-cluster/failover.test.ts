import { afterAll, beforeAll, expect, it } from "vitest";
import { RedisHITLBackend } from "../../../src/backends/redis/redis-backend.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually } from "../../support/redis-server.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import { idOf, insertOf, updateOf } from "../../support/store-ops.ts";
import { lostOf, slotsOf, startLoad } from "./load.ts";

const SHARDS = 16;
let cluster: RedisTestCluster;
beforeAll(async () => {
  cluster = await startRedisCluster({ replicas: 1 });
}, 60_000);
afterAll(() => cluster?.stop());

it("P4 P5 a primary dies under load: what replicas had confirmed is there, no answer has two winners, watches go on", async () => {
  const prefix = cluster.prefix();
  const options = {
    cluster: cluster.nodes,
    prefix,
    shards: SHARDS,
    commandTimeoutMs: 20_000,
    durability: { replicas: 1, timeoutMs: 500 },
  };
  const store = new RedisRecordStore(options);
  const backend = new RedisHITLBackend(options);
  const rival = new RedisHITLBackend(options);
  const questions = await Promise.all(
    Array.from({ length: 60 }, (_, n) =>
      backend.create({
        hitl_type: "ask_user",
        data: { message: "?" },
        session_id: `s${n}`,
        thread_id: `t${n}`,
      }),
    ),
  );
  const ids = questions.map(({ record }) => record.hitl_id);
  const waiting = ids.map((id) => rival.waitFor(id, { timeoutMs: 60_000 }));
  const load = startLoad(store, "failover", slotsOf(SHARDS));
  await eventually("some commits", () => load.acknowledged.size > 200);
  const victimsKey = `{${prefix}:0}`;
  const victim = await cluster.ownerOf(victimsKey);
  const killed = victim.end("SIGKILL");
  const outcomes = await Promise.all(
    ids.map((id) =>
      Promise.all([
        backend.respond(id, { answer: "a" }, { idempotency_key: "a" }),
        rival.respond(id, { answer: "b" }, { idempotency_key: "b" }),
      ]),
    ),
  );
  await killed;
  const other = cluster.primaries.find((node) => node !== victim);
  const replaced = async (): Promise<boolean> => (await cluster.ownerOf(victimsKey, other)) !== victim;
  await eventually("a replica has taken over", replaced, 20_000);
  // As a replica: without one nothing could be confirmed.
  await victim.start();
  const before = load.acknowledged.size;
  await eventually("commits go on", () => load.acknowledged.size > before + 200, 30_000);
  await load.stop();
  for (const outcome of outcomes)
    expect(outcome.filter(({ status }) => status === "accepted").length).toBeLessThanOrEqual(1);
  for (const [n, id] of ids.entries()) {
    const record = await backend.get(id);
    const winner = outcomes[n]?.findIndex(({ status }) => status === "accepted") ?? -1;
    if (winner >= 0) expect(record?.user_response).toEqual({ answer: ["a", "b"][winner] });
    // Not confirmed in time: the same request again settles it.
    else await backend.respond(id, { answer: "a" }, { idempotency_key: "a" });
  }
  const answers = await Promise.all(waiting);
  expect(answers.map(({ status }) => status)).toEqual(ids.map(() => "completed"));
  expect(await lostOf(store, load)).toEqual([]);
  expect(new Set(load.errors)).toEqual(
    new Set(load.errors.filter((code) => code === "ERR_HITL_INDETERMINATE")),
  );
  await Promise.all([store, backend, rival].map((each) => each.close()));
}, 90_000);

it("W2: the connection that listens is cut off again and again; each change is told", async () => {
  const store = new RedisRecordStore({
    cluster: cluster.nodes,
    prefix: cluster.prefix(),
    commandTimeoutMs: 20_000,
  });
  const writer = new RedisRecordStore({
    cluster: cluster.nodes,
    prefix: cluster.prefix(),
    commandTimeoutMs: 20_000,
  });
  const id = idOf("heard");
  await store.commit([insertOf(id)]);
  let told = 0;
  const watcher = await store.watch([id], ({ version }) => {
    told = Math.max(told, version);
  });
  const alive = [...cluster.primaries, ...cluster.replicas.flat()];
  const listeners = async (): Promise<typeof alive> => {
    const found: typeof alive = [];
    for (const node of alive.filter(({ admin }) => admin.status === "ready")) {
      const clients = String(await node.admin.call("CLIENT", "LIST"));
      if (clients.includes("name=holdpoint-watch")) found.push(node);
    }
    return found;
  };
  let before: string | undefined;
  for (let version = 2; version < 8; version += 1) {
    await eventually("it listens", async () => (await listeners()).length === 1);
    const [node] = await listeners();
    before ??= node?.url;
    await node?.admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await store.commit([updateOf(id, { patch: { status: `s${version}` } })]);
    await eventually(`version ${version} is told`, () => told === version);
  }
  await watcher.close();
  await store.close();
  await writer.close();
  await eventually("nobody listens", async () => (await listeners()).length === 0);
}, 60_000);
