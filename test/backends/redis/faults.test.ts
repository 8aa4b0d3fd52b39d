import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, freePort, type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { lostReplies } from "../lost-replies.ts";
import { assertNothingLost } from "../nothing-lost.ts";
import { slotsOf, startLoad } from "../redis-cluster/load.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { type LossyProxy, lossyProxy } from "../../support/lossy-proxy.ts";

let server: RedisServer;
let proxy: LossyProxy;
let admin: Redis;
const opened: { close(): Promise<void> }[] = [];

function storeOf(url: string, prefix: string, commandTimeoutMs = 5000): RedisRecordStore {
  const store = new RedisRecordStore({ url, prefix, commandTimeoutMs });
  opened.push(store);
  return store;
}

beforeAll(async () => {
  server = await startRedisServer({ own: true });
  proxy = await lossyProxy(server.port);
  admin = new Redis(server.url);
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  admin?.disconnect();
  await proxy?.close();
  await server?.stop();
});

describe("S4: a commit whose reply is lost is sent again and has one effect", () => {
  lostReplies({
    proxy: () => proxy,
    open: () => {
      const prefix = server.prefix();
      return { lossy: storeOf(proxy.url, prefix), other: storeOf(server.url, prefix) };
    },
    // The reply that is lost has to be that of a script that ran: the first call of one is answered by NOSCRIPT.
    warmUp: async (store) => {
      await store.commit([insertOf(idOf("warm"), { due_at: 1, kind: "warm" })]);
      await store.append(idOf("warm"), { type: "warm" });
      await store.acquireDue({ kind: "warm", limit: 1, lease: { owner: "warm", durationMs: 60_000 } });
    },
  });
});

describe("errors say whether it was done", () => {
  it("nobody listens: ERR_HITL_STORE, nothing was sent", async () => {
    const store = storeOf(`redis://127.0.0.1:${await freePort()}`, "x", 200);
    await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringContaining("Nothing was sent"),
    });
  });

  it("no answer: a write is ERR_HITL_INDETERMINATE, a read ERR_HITL_STORE", async () => {
    const store = storeOf(server.url, server.prefix(), 300);
    await store.commit([insertOf(idOf(1))]);
    await admin.call("CLIENT", "PAUSE", "700", "ALL");
    const outcomes = await Promise.allSettled([store.commit([insertOf(idOf(2))]), store.get([idOf(1)])]);
    expect(outcomes).toMatchObject([
      { reason: { code: "ERR_HITL_INDETERMINATE" } },
      { reason: { code: "ERR_HITL_STORE" } },
    ]);
    await admin.ping();
  });

  it("a server that hangs without closing connections: the next call comes to one that was made anew", async () => {
    const hung = await startRedisServer({ own: true });
    const store = storeOf(hung.url, "holdpoint", 300);
    await store.commit([insertOf(idOf(1))]);
    const watched = new Redis(hung.url);
    const ids = async (): Promise<string[]> =>
      [...String(await watched.call("CLIENT", "LIST")).matchAll(/id=(\d+) .*name=holdpoint /g)].map(
        ([, id = ""]) => id,
      );
    const [before] = await ids();
    hung.freeze();
    await expect(store.commit([insertOf(idOf(2))])).rejects.toMatchObject({ code: "ERR_HITL_INDETERMINATE" });
    hung.wake();
    await eventually("it answers", () =>
      store.get([idOf(1)]).then(
        ([record]) => record?.version === 1,
        () => false,
      ),
    );
    expect(await ids()).not.toContain(before);
    watched.disconnect();
    await hung.stop();
  });

  it("READONLY and OOM: ERR_HITL_STORE with what to do, and nothing was written", async () => {
    const store = storeOf(server.url, server.prefix());
    await store.commit([insertOf(idOf(1))]);
    await admin.call("REPLICAOF", "127.0.0.1", String(await freePort()));
    await expect(store.commit([insertOf(idOf(2))])).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringMatching(/Nothing was written.*primary/),
    });
    await admin.call("REPLICAOF", "NO", "ONE");
    await admin.config("SET", "maxmemory", "1");
    try {
      for (const operation of [
        insertOf(idOf(2)),
        updateOf(idOf(1), { patch: { value: { more: true } }, event: { type: "x" } }),
      ]) {
        await expect(store.commit([operation])).rejects.toMatchObject({
          code: "ERR_HITL_STORE",
          message: expect.stringMatching(/Nothing was written.*maxmemory/),
        });
      }
      // A change of status removes index entries first. From then on the server lets the script finish.
      await expect(
        store.commit([updateOf(idOf(1), { patch: { status: "done" }, event: { type: "x" } })]),
      ).resolves.toMatchObject({ status: "committed" });
    } finally {
      await admin.config("SET", "maxmemory", "0");
    }
    expect(await store.get([idOf(1), idOf(2)])).toMatchObject([{ version: 2, status: "done" }, null]);
    expect((await store.history(idOf(1))).items).toHaveLength(1);
  });

  it("WRONGTYPE: ERR_HITL_STORE that names the prefix", async () => {
    const prefix = server.prefix();
    const store = storeOf(server.url, prefix);
    await store.get([idOf(1)]);
    await admin.set(`{${prefix}:${0x123 % 64}}:records`, "mine");
    await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({
      code: "ERR_HITL_STORE",
      message: expect.stringContaining("prefix"),
    });
  });

  it("after close: ERR_HITL_CLOSED; the user's own client stays open", async () => {
    const client = new Redis(server.url);
    const store = new RedisRecordStore({ client, prefix: server.prefix() });
    await store.commit([insertOf(idOf(1))]);
    const inFlight = store.commit([insertOf(idOf(2))]);
    await store.close();
    await store.close();
    await expect(inFlight).resolves.toMatchObject({ status: "committed" });
    await expect(store.get([idOf(1)])).rejects.toMatchObject({ code: "ERR_HITL_CLOSED" });
    await expect(client.ping()).resolves.toBe("PONG");
    client.disconnect();
  });
});

it("SCRIPT FLUSH during 200 concurrent commits: none is rejected, each is done once", async () => {
  const store = storeOf(server.url, server.prefix());
  await store.get([idOf(1)]);
  const ids = Array.from({ length: 200 }, (_, n) => idOf(`flush-${n}`, n));
  const flushes = Array.from({ length: 20 }, () => admin.script("FLUSH"));
  await Promise.all([
    ...ids.map((id) => store.commit([insertOf(id, {}, { event: { type: "created" } })])),
    ...flushes,
    ...Array.from({ length: 20 }, () =>
      store.page({ kind: "thing", tenant_id: "default", statuses: ["open"] }),
    ),
  ]);
  await admin.script("FLUSH");
  expect(
    (await store.page({ kind: "thing", tenant_id: "default", statuses: ["open"], limit: 1000 })).items,
  ).toHaveLength(200);
});

it("what was acknowledged with appendfsync always outlives SIGKILL", async () => {
  const durable = await startRedisServer({ own: true, appendonly: true, appendfsync: "always" });
  try {
    const store = storeOf(durable.url, "holdpoint", 2000);
    const load = startLoad(store, "crash", slotsOf(64));
    await eventually("some commits", () => load.acknowledged.size > 300);
    await durable.kill();
    const before = load.acknowledged.size;
    await durable.restart();
    await eventually("more commits", () => load.acknowledged.size > before + 50);
    await load.stop();
    await assertNothingLost(store, load);
  } finally {
    await durable.stop();
  }
});

describe("many calls at once", () => {
  async function readsOf(act: () => Promise<unknown>): Promise<number> {
    const count = async (): Promise<number> =>
      Number(/total_reads_processed:([0-9]+)/.exec(await admin.info("stats"))?.[1]);
    const before = await count();
    await act();
    // Its own question is one.
    return (await count()) - before - 1;
  }

  it("leave together: the server reads them in a few pieces, and each gets its own answer", async () => {
    const store = storeOf(server.url, server.prefix());
    await store.commit([insertOf(idOf(0))]);
    const ids = Array.from({ length: 64 }, (_, n) => idOf(`together-${n}`));
    const commits = (): Promise<unknown> => Promise.all(ids.map((id) => store.commit([insertOf(id)])));
    expect(await readsOf(commits)).toBeLessThan(10);
    const gets = Promise.all(ids.map(async (id) => (await read(store, id)).id));
    expect(await gets).toEqual(ids);
  });

  it("one after the other each leaves at once", async () => {
    const store = storeOf(server.url, server.prefix());
    await store.get([idOf(0)]);
    const one = async (): Promise<void> => {
      for (let n = 0; n < 10; n += 1) await store.get([idOf(n)]);
    };
    expect(await readsOf(one)).toBe(10);
  });
});
