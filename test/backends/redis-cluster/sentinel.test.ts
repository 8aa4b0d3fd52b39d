import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, it } from "vitest";
import { RedisHITLBackend } from "../../../src/backends/redis/redis-backend.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually } from "../../support/redis-process.ts";
import { type RedisSentinelSetup, startRedisSentinel } from "../../support/redis-sentinel.ts";
import { idOf, insertOf } from "../../support/store-ops.ts";
import { lostOf, slotsOf, startLoad } from "./load.ts";

let setup: RedisSentinelSetup;
beforeEach(async () => {
  setup = await startRedisSentinel();
}, 60_000);
afterEach(() => setup?.stop());

const PATIENT = { commandTimeoutMs: 20_000 };

it("P4 P5 the primary dies under load: the next one has all that was confirmed, work and waits go on there", async () => {
  const { sentinels, name } = setup;
  const options = {
    sentinels,
    name,
    prefix: setup.prefix(),
    ...PATIENT,
    durability: { replicas: 1, timeoutMs: 500 },
  };
  const store = new RedisRecordStore(options);
  const backend = new RedisHITLBackend(options);
  // As a user makes it, who has a client already.
  const client = new Redis({ sentinels, name, sentinelRetryStrategy: () => 50 });
  client.on("error", () => undefined);
  const rival = new RedisHITLBackend({ ...PATIENT, client, prefix: options.prefix });
  const ask = { hitl_type: "confirm", data: { message: "?" }, session_id: "s", thread_id: "t" };
  const question = (await backend.create(ask)).record;
  const waiting = rival.waitFor(question.hitl_id, { timeoutMs: 60_000 });
  const load = startLoad(store, "sentinel", slotsOf(16));
  await eventually("some commits", () => load.acknowledged.size > 200);
  const old = await setup.primary();
  await old.end("SIGKILL");
  const before = load.acknowledged.size;
  await eventually("another one is the primary", async () => (await setup.primary()) !== old, 20_000);
  await eventually("commits go on", () => load.acknowledged.size > before + 200, 20_000);
  const outcomes = await Promise.all([
    backend.respond(question.hitl_id, { confirmed: true }),
    rival.respond(question.hitl_id, { confirmed: false }),
  ]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["accepted", "conflict"]);
  expect((await waiting).user_response).toEqual(
    outcomes.find(({ status }) => status === "accepted")?.record?.user_response,
  );
  await load.stop();
  expect(await lostOf(store, load)).toEqual([]);
  expect(load.errors.filter((code) => code !== "ERR_HITL_INDETERMINATE")).toEqual([]);
  await Promise.all([store, backend, rival].map((each) => each.close()));
  expect(client.status).toBe("ready");
  client.disconnect();
}, 90_000);

it("a planned failover: the old primary has become a replica, and no commit is told so", async () => {
  const { sentinels, name } = setup;
  const store = new RedisRecordStore({ sentinels, name, prefix: setup.prefix(), ...PATIENT });
  const load = startLoad(store, "planned", slotsOf(4));
  await eventually("some commits", () => load.acknowledged.size > 100);
  const old = await setup.primary();
  const [sentinel] = sentinels as [(typeof sentinels)[0]];
  const asked = new Redis(sentinel);
  await asked.call("SENTINEL", "FAILOVER", name);
  await eventually("another one is the primary", async () => (await setup.primary()) !== old, 20_000);
  const isReplica = async (): Promise<boolean> =>
    (await old.admin.info("replication")).includes("role:slave");
  await eventually("the old one is a replica", isReplica, 20_000);
  const before = load.acknowledged.size;
  await eventually("commits go on", () => load.acknowledged.size > before + 100, 20_000);
  await load.stop();
  expect(load.errors).toEqual([]);
  expect(await store.commit([insertOf(idOf("after"))])).toMatchObject({ status: "committed" });
  asked.disconnect();
  await store.close();
}, 90_000);

it("the primary hangs, and closes no connection: calls that were on their way reach the next one", async () => {
  const { sentinels, name } = setup;
  const store = new RedisRecordStore({ sentinels, name, prefix: setup.prefix(), commandTimeoutMs: 10_000 });
  const load = startLoad(store, "hung", slotsOf(4));
  await eventually("some commits", () => load.acknowledged.size > 100);
  const old = await setup.primary();
  old.freeze();
  const before = load.acknowledged.size;
  await eventually("another one is the primary", async () => (await setup.primary()) !== old, 20_000);
  await eventually("commits go on", () => load.acknowledged.size > before + 100, 20_000);
  await load.stop();
  expect(load.errors).toEqual([]);
  await store.close();
}, 90_000);
