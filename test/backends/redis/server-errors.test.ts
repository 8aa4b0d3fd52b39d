/** What a real server refuses or cannot do: each a clear error, and nothing is half written. */
import { rmSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, type RedisProcess, redisProcess } from "../../support/redis-process.ts";
import { idOf, insertOf, updateOf } from "../../support/store-ops.ts";

const opened: { close(): Promise<void> }[] = [];
const started: RedisProcess[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await Promise.all(started.splice(0).map((each) => each.stop()));
});

async function server(...args: string[]): Promise<RedisProcess> {
  const made = await redisProcess({ args: () => args });
  started.push(made);
  await made.start();
  return made;
}

function storeOf(
  url: string,
  more: { commandTimeoutMs?: number; allowEviction?: boolean } = {},
): RedisRecordStore {
  const store = new RedisRecordStore({ url, prefix: "p", ...more });
  opened.push(store);
  return store;
}

const refused = (message: RegExp): object => ({
  code: "ERR_HITL_STORE",
  message: expect.stringMatching(message),
});
const KEYS = { session: "s" };
const first = insertOf(idOf("first"), { keys: KEYS }, { event: { type: "created" } });
const second = insertOf(idOf("second"), { keys: KEYS, due_at: 1 }, { event: { type: "created" } });
const change = updateOf(idOf("first"), { patch: { status: "done" }, event: { type: "done" } });

/** A store with one record, and what has to hold of it after everything that was refused. */
async function begun(url: string): Promise<{ store: RedisRecordStore; unchanged: () => Promise<void> }> {
  const store = storeOf(url);
  await store.commit([first]);
  return {
    store,
    unchanged: async () => {
      expect(await store.get([idOf("first"), idOf("second")])).toMatchObject([
        { version: 1, status: "open" },
        null,
      ]);
      const query = { kind: "thing", tenant_id: "default", statuses: ["open", "done"] };
      for (const key of [undefined, { name: "session", value: "s" } as const]) {
        const { items } = await store.page({ ...query, ...(key ? { key } : {}) });
        expect(items.map(({ id }) => id)).toEqual([idOf("first")]);
      }
      expect((await store.history(idOf("first"))).items).toHaveLength(1);
      const { looked_at: _, shards_done: __, shards: ___, ...found } = await store.repair();
      expect(Object.values(found).every((count) => count === 0)).toBe(true);
    },
  };
}

describe("a server that may throw records away", () => {
  it("is refused when the store is opened, before anything is written, unless that is accepted", async () => {
    const { url, admin } = await server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
    await expect(storeOf(url).commit([first])).rejects.toMatchObject({
      ...refused(/not opened.*allkeys-lru.*noeviction.*allowEviction/),
      details: { maxmemory_policy: "allkeys-lru" },
    });
    expect(await admin.keys("*")).toEqual([]);
    const later = storeOf(url);
    await expect(later.get([idOf(1)])).rejects.toMatchObject(refused(/allkeys-lru/));
    await admin.config("SET", "maxmemory-policy", "noeviction");
    expect(await later.commit([first])).toMatchObject({ status: "committed" });
    await admin.config("SET", "maxmemory-policy", "allkeys-lfu");
    expect(await storeOf(url, { allowEviction: true }).commit([second])).toMatchObject({
      status: "committed",
    });
  });

  it("is taken if it cannot come to that: without maxmemory, or if only keys with a time to live go", async () => {
    const { url, admin } = await server("--maxmemory-policy", "allkeys-random");
    expect(await storeOf(url).commit([first])).toMatchObject({ status: "committed" });
    await admin.config("SET", "maxmemory", "100mb");
    await admin.config("SET", "maxmemory-policy", "volatile-ttl");
    expect(await storeOf(url).commit([second])).toMatchObject({ status: "committed" });
  });

  it("is not known where INFO is forbidden, and the store opens", async () => {
    const { url, admin } = await server("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
    await admin.call("ACL", "SETUSER", "app", "on", ">pass", "~*", "&*", "+@all", "-info");
    const store = storeOf(url.replace("redis://", "redis://app:pass@"));
    expect(await store.commit([first])).toMatchObject({ status: "committed" });
  });
});

it("a replica is refused, also one that takes writes of its own", async () => {
  const primary = await server();
  const replica = await server();
  await replica.admin.call("REPLICAOF", "127.0.0.1", primary.port);
  await expect(storeOf(replica.url).commit([first])).rejects.toMatchObject(refused(/replica.*primary/));
  await replica.admin.config("SET", "replica-read-only", "no");
  await expect(storeOf(replica.url).commit([first])).rejects.toMatchObject(refused(/replica.*primary/));
});

it("no password, a wrong one, a user without the right: said at once, and what to do", async () => {
  const { url, port } = await server();
  const admin = started[0]?.admin as RedisProcess["admin"];
  await admin.call("ACL", "SETUSER", "weak", "on", ">pass", "~*", "&*", "+@all", "-@scripting");
  await expect(storeOf(`redis://weak:pass@127.0.0.1:${port}`).commit([first])).rejects.toMatchObject(
    refused(/Nothing was written.*scripts/),
  );
  await admin.config("SET", "requirepass", "secret");
  const begin = performance.now();
  await expect(storeOf(url).commit([first])).rejects.toMatchObject(refused(/Nothing was sent.*password/));
  await expect(storeOf(`redis://:wrong@127.0.0.1:${port}`).commit([first])).rejects.toMatchObject(
    refused(/Nothing was sent.*password/),
  );
  expect(performance.now() - begin).toBeLessThan(4000);
  await admin.auth("secret");
  expect(await storeOf(`redis://:secret@127.0.0.1:${port}`).commit([first])).toMatchObject({
    status: "committed",
  });
});

it("MISCONF: a server that cannot save to its disk", async () => {
  const { url, admin, folder } = await server();
  const { store, unchanged } = await begun(url);
  await admin.config("SET", "save", "3600 1000000");
  rmSync(folder, { recursive: true });
  await admin.bgsave();
  await eventually("it has noticed", async () =>
    (await admin.info("persistence")).includes("rdb_last_bgsave_status:err"),
  );
  for (const operation of [second, change])
    await expect(store.commit([operation])).rejects.toMatchObject(refused(/Nothing was written.*disk/));
  await admin.config("SET", "stop-writes-on-bgsave-error", "no");
  await unchanged();
});

it("NOREPLICAS: fewer replicas than the server wants", async () => {
  const { url, admin } = await server();
  const { store, unchanged } = await begun(url);
  await admin.config("SET", "min-replicas-to-write", "1");
  for (const operation of [second, change])
    await expect(store.commit([operation])).rejects.toMatchObject(
      refused(/Nothing was written.*min-replicas/),
    );
  await admin.config("SET", "min-replicas-to-write", "0");
  await unchanged();
});

it("OOM: a server that is full", async () => {
  const { url, admin } = await server();
  const { store, unchanged } = await begun(url);
  await admin.config("SET", "maxmemory", "1");
  await expect(store.commit([second])).rejects.toMatchObject(refused(/Nothing was written.*maxmemory/));
  await admin.config("SET", "maxmemory", "0");
  await unchanged();
});

it("LOADING: waited for; if it takes longer than a command may, said so, and nothing was written", async () => {
  const { url, admin } = await server("--enable-debug-command", "yes");
  const { unchanged } = await begun(url);
  const hasty = storeOf(url, { commandTimeoutMs: 1000 });
  await hasty.get([idOf("first")]);
  const patient = storeOf(url, { commandTimeoutMs: 20_000 });
  await patient.get([idOf("first")]);
  const filler = admin.pipeline();
  for (let n = 0; n < 2000; n += 1) filler.set(`filler:${n}`, "x".repeat(100));
  await filler.exec();
  await admin.config("SET", "key-load-delay", "1500");
  await admin.config("SET", "loading-process-events-interval-bytes", "1024");
  const reloading = admin.call("DEBUG", "RELOAD");
  const observer = admin.duplicate({ enableReadyCheck: false });
  await eventually("it is loading", async () => (await observer.info("persistence")).includes("loading:1"));
  const waiting = patient.get([idOf("first")]);
  waiting.catch(() => undefined);
  await expect(hasty.commit([second])).rejects.toMatchObject(refused(/Nothing was (written|sent).*load/));
  await expect(storeOf(url, { commandTimeoutMs: 250 }).commit([second])).rejects.toMatchObject(
    refused(/Nothing was (written|sent).*load/),
  );
  expect(await observer.info("persistence")).toContain("loading:1");
  expect(await waiting).toMatchObject([{ version: 1 }]);
  await reloading;
  observer.disconnect();
  await unchanged();
}, 20_000);

it("BUSY: another's long script is waited for, and nothing is done twice", async () => {
  const { url, admin } = await server("--lua-time-limit", "50");
  const { store } = await begun(url);
  const other = admin.duplicate();
  const endless = other.eval("while true do end", 0).catch((error: Error) => error.message);
  const isBusy = async (): Promise<boolean> =>
    (await admin.ping().catch((error: Error) => error.message)).startsWith("BUSY");
  await eventually("the script runs", isBusy);
  const commit = store.commit([second]);
  await expect(storeOf(url, { commandTimeoutMs: 200 }).commit([change])).rejects.toMatchObject(
    refused(/Nothing was (written|sent)/),
  );
  await admin.script("KILL");
  expect(await endless).toMatch(/killed/i);
  other.disconnect();
  expect(await commit).toMatchObject({ results: [{ status: "inserted" }] });
  expect(await store.get([idOf("first")])).toMatchObject([{ version: 1 }]);
}, 20_000);
