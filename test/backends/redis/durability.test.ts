import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RedisHITLBackend } from "../../../src/backends/redis/redis-backend.ts";
import type { RedisDurability } from "../../../src/backends/redis/options.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, type RedisProcess, redisProcess } from "../../support/redis-process.ts";
import { idOf, insertOf, updateOf } from "../../support/store-ops.ts";
import { lossyProxy } from "../../support/lossy-proxy.ts";

const QUICK: RedisDurability = { replicas: 1, timeoutMs: 150 };
const PATIENT: RedisDurability = { replicas: 1, timeoutMs: 4000 };

let primary: RedisProcess;
let replica: RedisProcess;
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  const args = (): string[] => ["--repl-diskless-sync-delay", "0"];
  primary = await redisProcess({ args });
  replica = await redisProcess({ args });
  await Promise.all([primary.start(), replica.start()]);
  await replica.admin.call("REPLICAOF", "127.0.0.1", primary.port);
  const isLinked = async (): Promise<boolean> =>
    (await replica.admin.info("replication")).includes("master_link_status:up");
  await eventually("the replica is linked", isLinked);
  // It is told of writes only from its first word on, up to a second later.
  await primary.admin.set("begin", "1");
  expect(await primary.admin.wait(1, 10_000)).toBe(1);
  await primary.admin.del("begin");
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await Promise.all([primary.stop(), replica.stop()]);
});

function storeOf(durability?: RedisDurability, url = primary.url, prefix = "p"): RedisRecordStore {
  const store = new RedisRecordStore({ url, prefix, ...(durability ? { durability } : {}) });
  opened.push(store);
  return store;
}

function backendOf(durability: RedisDurability): RedisHITLBackend {
  const backend = new RedisHITLBackend({ url: primary.url, prefix: "p", durability });
  opened.push(backend);
  return backend;
}

/** What the replica has, asked without a store: one would refuse it. */
async function onReplica(id: string, prefix = "p"): Promise<boolean> {
  const shard = Number.parseInt(id.slice(id.indexOf("_") + 1).slice(0, 3), 16) % 64;
  return (await replica.admin.hexists(`{${prefix}:${shard}}:records`, id)) === 1;
}

describe("durability: { replicas }", () => {
  it("D1: what was acknowledged is on the replica at that moment", async () => {
    const store = storeOf(PATIENT);
    for (let n = 0; n < 100; n += 1) {
      const id = idOf(n, n * 16);
      await store.commit([insertOf(id, { due_at: 1 }, { event: { type: "created" } })]);
      expect(await onReplica(id)).toBe(true);
    }
    const due = await store.acquireDue({
      kind: "thing",
      limit: 7,
      lease: { owner: "me", durationMs: 60_000 },
    });
    expect(due).toHaveLength(7);
    for (const { id } of due) {
      const packed = await replica.admin.hget(`{p:${Number.parseInt(id.slice(4, 7), 16) % 64}}:records`, id);
      expect(packed).toContain("|me|");
    }
  });

  it("P4 P8: not confirmed in time is indeterminate, and the same request again settles it", async () => {
    const backend = backendOf(QUICK);
    const request = { hitl_type: "ask_user", data: { message: "?" }, session_id: "s", hitl_id: "mine" };
    const asked = await backend.create({ hitl_type: "confirm", data: { message: "?" }, session_id: "s" });
    const second = await backend.create({ hitl_type: "confirm", data: { message: "?" }, session_id: "s" });
    const { hitl_id } = asked.record;
    replica.freeze();
    await expect(backend.create(request)).rejects.toMatchObject({
      code: "ERR_HITL_INDETERMINATE",
      message: expect.stringContaining("0 of 1 replicas"),
    });
    const answer = { confirmed: true };
    const options = { idempotency_key: "k" };
    expect(await backend.respond(hitl_id, answer, options)).toMatchObject({ status: "indeterminate" });
    await expect(backend.cancel(second.record.hitl_id)).rejects.toMatchObject({
      code: "ERR_HITL_INDETERMINATE",
    });
    replica.wake();
    await eventually("the replica answers", async () => (await replica.admin.ping()) === "PONG");
    // Its own id was reserved, and nothing more: that was not confirmed.
    expect(await backend.create(request)).toMatchObject({ status: "created" });
    expect(await backend.create(request)).toMatchObject({ status: "exists" });
    expect(await backend.cancel(second.record.hitl_id)).toMatchObject({ status: "conflict" });
    expect(await backend.respond(hitl_id, answer, options)).toMatchObject({ status: "duplicate" });
    expect(await backend.respond(hitl_id, { confirmed: false })).toMatchObject({ status: "conflict" });
  });

  it("D2: a commit sent again over a new connection is not confirmed by a replica that has nothing of it", async () => {
    const proxy = await lossyProxy(primary.port);
    opened.push(proxy);
    const store = storeOf(QUICK, proxy.url);
    await store.commit([insertOf(idOf("warm"))]);
    replica.freeze();
    proxy.loseReplyTo("mark-lost");
    const commit = store.commit([insertOf(idOf("again"), { value: { text: "mark-lost" } })]);
    await expect(commit).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
    expect(proxy.lost).toBe(1);
    replica.wake();
    expect(await storeOf(PATIENT).commit([insertOf(idOf("again"))])).toMatchObject({
      results: [{ status: "exists", record: { version: 1 } }],
    });
  });

  it("D3: commits that wait together share a WAIT, reads of the store go on between them", async () => {
    const store = storeOf(PATIENT);
    const waits = async (): Promise<number> =>
      Number(/cmdstat_wait:calls=(\d+)/.exec(await primary.admin.info("commandstats"))?.[1] ?? 0);
    await store.commit([insertOf(idOf("warm"))]);
    const before = await waits();
    const ids = Array.from({ length: 1000 }, (_, n) => idOf(n, n));
    await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
    expect((await waits()) - before).toBeLessThanOrEqual(10);
    expect((await store.get(ids)).every((record) => record?.version === 1)).toBe(true);
  });

  it("errors of one commit are its own, also when it shares a pipeline; scripts that were flushed are sent again", async () => {
    const store = storeOf(PATIENT);
    await store.commit([insertOf(idOf("warm"))]);
    await primary.admin.set("{p:1}:records", "mine");
    await primary.admin.script("FLUSH");
    const outcomes = await Promise.allSettled(
      [0, 1, 2].map((slot) => store.commit([insertOf(idOf(slot, slot))])),
    );
    expect(outcomes).toMatchObject([
      { value: { status: "committed" } },
      { reason: { code: "ERR_HITL_STORE", message: expect.stringContaining("prefix") } },
      { value: { status: "committed" } },
    ]);
  });

  it("what was acknowledged is there after the primary died while its replica hung; without durability it is not", async () => {
    const text = "x".repeat(64 * 1024);
    const write = async (store: RedisRecordStore, name: string): Promise<string[]> => {
      const acknowledged: string[] = [];
      await Promise.all(
        Array.from({ length: 600 }, async (_, n) => {
          const id = idOf(`${name}-${n}`, n);
          const done = store.commit([insertOf(id, { value: { text } })]);
          if (
            await done.then(
              () => true,
              () => false,
            )
          )
            acknowledged.push(id);
        }),
      );
      return acknowledged;
    };
    const [waiting, hasty] = [
      storeOf({ replicas: 1, timeoutMs: 1000 }),
      storeOf(undefined, primary.url, "q"),
    ];
    const early = await write(waiting, "early");
    await hasty.commit([insertOf(idOf("warm"))]);
    replica.freeze();
    // More than the sockets between the two hold.
    const late = await write(hasty, "late");
    const lateToo = await write(waiting, "late-too");
    await primary.end("SIGKILL");
    replica.wake();
    await eventually("the replica answers", async () => (await replica.admin.ping()) === "PONG");
    await replica.admin.call("REPLICAOF", "NO", "ONE");
    const promoted = storeOf(undefined, replica.url);
    expect(early.length).toBeGreaterThan(500);
    expect((await promoted.get([...early, ...lateToo])).filter((record) => record === null)).toEqual([]);
    const lost = (await storeOf(undefined, replica.url, "q").get(late)).filter((record) => record === null);
    expect(lost.length).toBeGreaterThan(0);
  }, 60_000);

  it("a server that is alone confirms nothing: the store cannot be opened with a promise that it does not keep", async () => {
    await replica.end("SIGKILL");
    await eventually("it is alone", async () =>
      (await primary.admin.info("replication")).includes("connected_slaves:0"),
    );
    const store = storeOf(QUICK);
    await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
  });

  it("a store that is there is opened and read while no replica confirms", async () => {
    await storeOf(PATIENT).commit([insertOf(idOf(1))]);
    await replica.end("SIGKILL");
    await eventually("it is alone", async () =>
      (await primary.admin.info("replication")).includes("connected_slaves:0"),
    );
    expect(await storeOf(QUICK).get([idOf(1)])).toMatchObject([{ id: idOf(1) }]);
  });
});

describe("durability: { fsync }", () => {
  it("is refused, before anything is written, by a server without WAITAOF or without an append-only file", async () => {
    const version = /redis_version:(\d+)\.(\d+)/.exec(await primary.admin.info("server"));
    const [major, minor] = [Number(version?.[1]), Number(version?.[2])];
    const hasWaitaof = major > 7 || (major === 7 && minor >= 2);
    const store = storeOf({ fsync: true });
    await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringMatching(hasWaitaof ? /appendonly to yes/ : /needs WAITAOF/),
    });
    expect(await primary.admin.keys("*")).toEqual([]);
    await primary.admin.config("SET", "appendonly", "yes");
    const second = storeOf({ fsync: true, replicas: 0 });
    const commit = second.commit([insertOf(idOf(1)), updateOf(idOf(2), { optional: true })]);
    if (hasWaitaof) expect(await commit).toMatchObject({ status: "committed" });
    else await expect(commit).rejects.toMatchObject({ code: "ERR_HITL_STORE" });
  });
});
