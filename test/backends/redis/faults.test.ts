import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, freePort, type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { idOf, insertOf, type LossyProxy, lossyProxy, read, updateOf } from "./kit.ts";

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
  async function lose(
    text: string,
    act: (store: RedisRecordStore) => Promise<unknown>,
  ): Promise<RedisRecordStore> {
    const store = storeOf(proxy.url, server.prefix());
    await store.now();
    await store.get([idOf(0)]);
    await store.commit([insertOf(idOf("base"), { keys: { session: "s" } }, { event: { type: "created" } })]);
    await store.commit([insertOf(idOf("leased"), {}, { lease: { owner: "first", durationMs: 60_000 } })]);
    await loadScripts(store);
    const before = proxy.lost;
    proxy.loseReplyTo(text);
    await act(store);
    expect(proxy.lost).toBe(before + 1);
    return store;
  }

  /** The reply that is lost has to be that of a script that ran: the first call of one is answered by NOSCRIPT. */
  async function loadScripts(store: RedisRecordStore): Promise<void> {
    await store.commit([insertOf(idOf("warm"))]);
    await store.append(idOf("warm"), { type: "warm" });
    await store.commit([insertOf(idOf("warm due"), { due_at: 1, kind: "warm" })]);
    await store.acquireDue({ kind: "warm", limit: 1, lease: { owner: "warm", durationMs: 60_000 } });
  }

  it("insert: inserted once, with one event", async () => {
    const id = idOf("new");
    const store = await lose("mark-insert", async (store) => {
      const result = await store.commit([
        insertOf(
          id,
          { value: { text: "mark-insert" } },
          { event: { type: "created" }, lease: { owner: "me", durationMs: 1000 } },
        ),
      ]);
      expect(result.results[0]).toMatchObject({
        status: "inserted",
        record: { version: 1, fence: 1, value: { text: "mark-insert" } },
      });
    });
    expect((await store.history(id)).items).toHaveLength(1);
    expect(await read(store, id)).toMatchObject({ version: 1, fence: 1, touches: 0 });
  });

  it("a touching insert counts once", async () => {
    const store = await lose("mark-touch", async (store) => {
      const result = await store.commit([
        insertOf(idOf("base"), { value: { text: "mark-touch" } }, { touch: true }),
      ]);
      expect(result.results[0]).toMatchObject({ status: "exists", record: { touches: 1 } });
    });
    expect(await read(store, idOf("base"))).toMatchObject({ version: 1, touches: 1 });
  });

  it("an unguarded update: one version, one event", async () => {
    const store = await lose("mark-update", async (store) => {
      const result = await store.commit([
        updateOf(idOf("base"), { patch: { status: "mark-update" }, event: { type: "moved" } }),
      ]);
      expect(result).toMatchObject({
        status: "committed",
        results: [{ status: "updated", record: { version: 2, status: "mark-update" } }],
      });
    });
    expect((await store.history(idOf("base"))).items.map(({ type }) => type)).toEqual(["created", "moved"]);
    expect(await read(store, idOf("base"))).toMatchObject({ version: 2 });
  });

  it("taking a lease: one fence, still the winner", async () => {
    const store = await lose("mark-owner", async (store) => {
      const result = await store.commit([
        updateOf(idOf("base"), {
          guard: { lease: "free" },
          patch: { lease: { owner: "mark-owner", durationMs: 60_000 } },
        }),
        updateOf(idOf("leased"), { guard: { lease: "free" }, optional: true, touch: true }),
        insertOf(idOf("sibling")),
      ]);
      expect(result.results.map(({ status }) => status)).toEqual(["updated", "stale", "inserted"]);
    });
    expect(await read(store, idOf("base"))).toMatchObject({
      version: 2,
      fence: 1,
      lease: { owner: "mark-owner" },
    });
    expect(await read(store, idOf("leased"))).toMatchObject({ version: 1, touches: 1 });
  });

  it("append: one event", async () => {
    const store = await lose("mark-append", async (store) => {
      expect(await store.append(idOf("base"), { type: "mark-append" })).toBe(true);
    });
    expect((await store.history(idOf("base"))).items.map(({ seq, type }) => [seq, type])).toEqual([
      [1, "created"],
      [2, "mark-append"],
    ]);
  });

  it("acquireDue: the same records, one fence", async () => {
    const store = storeOf(proxy.url, server.prefix());
    await store.commit([insertOf(idOf("due-1"), { due_at: 1 }), insertOf(idOf("due-2"), { due_at: 2 })]);
    await loadScripts(store);
    const before = proxy.lost;
    proxy.loseReplyTo("mark-due");
    const acquired = await store.acquireDue({
      kind: "thing",
      limit: 1,
      lease: { owner: "mark-due", durationMs: 60_000 },
    });
    expect(proxy.lost).toBe(before + 1);
    expect(acquired.map(({ id, fence }) => [id, fence])).toEqual([[idOf("due-1"), 1]]);
    expect(await read(store, idOf("due-2"))).toMatchObject({ fence: 0, lease: null });
  });

  it("another's touches in between do not make it forget", async () => {
    const store = storeOf(server.url, server.prefix());
    await store.commit([insertOf(idOf("busy"), {}, { lease: { owner: "me", durationMs: 60_000 } })]);
    for (let n = 0; n < 20; n += 1) await store.commit([insertOf(idOf("busy"), {}, { touch: true })]);
    expect(await read(store, idOf("busy"))).toMatchObject({ touches: 20, fence: 1, version: 1 });
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
    const acknowledged: string[] = [];
    let stop = false;
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let n = 0; !stop; n += 1) {
        const id = idOf(`${worker}-${n}`, n % 4096);
        await store.commit([insertOf(id, {}, { event: { type: "created" } })]);
        acknowledged.push(id);
      }
    });
    await eventually("some commits", () => acknowledged.length > 300);
    const killed = durable.kill();
    stop = true;
    await killed;
    await durable.restart();
    await Promise.allSettled(load);
    const found = await store.get(acknowledged);
    expect(found.filter((record) => record === null)).toEqual([]);
    const histories = await Promise.all(acknowledged.slice(-50).map((id) => store.history(id)));
    expect(histories.every(({ items }) => items.length === 1)).toBe(true);
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
