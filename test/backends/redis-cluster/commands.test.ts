import { Cluster } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { KEY_NAMES } from "../../../src/backends/record-store.ts";
import type { Argument, RedisCluster } from "../../../src/backends/redis/client.ts";
import { hashSlot } from "../../../src/backends/redis/hash-slot.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { SCRIPTS } from "../../../src/backends/redis/scripts.generated.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import { eventually } from "../../support/redis-process.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { clusterSlot } from "../redis/cluster-slot.ts";

let cluster: RedisTestCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster?.stop());

/** The client, with a note of each script that goes through it. */
function recording(inner: Cluster): { client: RedisCluster; shas: Set<string> } {
  const shas = new Set<string>();
  const client = new Proxy(inner, {
    get: (target, name) => {
      if (name === "evalsha") {
        return (sha1: string, ...rest: [number, ...Argument[]]) => {
          shas.add(sha1);
          return target.evalsha(sha1, ...rest);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { client, shas };
}

const query = { kind: "thing", tenant_id: "default", statuses: ["open", "done"] };

async function connections(): Promise<string[]> {
  const lists = await Promise.all(cluster.primaries.map(({ admin }) => admin.call("CLIENT", "LIST")));
  return lists.flatMap((list) => String(list).split("\n")).filter((line) => /name=\S/.test(line));
}

it("every script runs in a Cluster, with keys of one slot only; the user's own client stays open", async () => {
  const own = new Cluster(cluster.nodes);
  const { client, shas } = recording(own);
  const store = new RedisRecordStore({ client, prefix: cluster.prefix() });
  const ids = Array.from({ length: 100 }, (_, n) => idOf(n, n * 40));
  const keys = Object.fromEntries(KEY_NAMES.map((name) => [name, `${name} {x}`]));
  await Promise.all(
    ids.map((id, n) => store.commit([insertOf(id, { keys, due_at: n }, { event: { type: "created" } })])),
  );
  await Promise.all(ids.map((id) => store.commit([updateOf(id, { patch: { status: "done" } })])));
  await Promise.all(ids.map((id) => store.append(id, { type: "noted" })));
  expect((await store.get(ids)).map((record) => record?.id)).toEqual(ids);
  for (const name of KEY_NAMES) {
    const key = { name, value: `${name} {x}` };
    expect((await store.page({ ...query, key, limit: 1000 })).items).toHaveLength(100);
  }
  const due = await store.acquireDue({ kind: "thing", limit: 30, lease: { owner: "o", durationMs: 60_000 } });
  expect(due.map(({ id }) => id)).toEqual(ids.slice(0, 30));
  expect((await store.history(ids[0] as string)).items.map(({ type }) => type)).toEqual(["created", "noted"]);
  await store.repair();
  const [first] = await store.get(ids.slice(-1));
  expect(first && (await store.remove([first]))).toBe(1);
  const purge = { kind: "thing", statuses: ["done"], updatedBefore: 2 ** 50, limit: 1000 };
  expect(await store.purge(purge)).toEqual({ purged: 99, more: false });
  expect([...shas].sort()).toEqual(
    Object.values(SCRIPTS)
      .map(({ sha1 }) => sha1)
      .filter((sha1) => sha1 !== SCRIPTS.mend.sha1)
      .sort(),
  );
  await store.close();
  expect(own.status).toBe("ready");
  own.disconnect();
});

it("a list over all shards is one write to each node, and so are commits of one turn", async () => {
  const store = new RedisRecordStore({ cluster: cluster.nodes, prefix: cluster.prefix() });
  const reads = async (): Promise<number[]> =>
    Promise.all(
      cluster.primaries.map(async ({ admin }) =>
        Number(/total_reads_processed:([0-9]+)/.exec(await admin.info("stats"))?.[1]),
      ),
    );
  const ids = Array.from({ length: 128 }, (_, n) => idOf(n, n * 32));
  await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
  for (const act of [
    () => store.page({ ...query, limit: 128 }),
    () => store.get(ids),
    () => Promise.all(ids.map((id) => store.commit([updateOf(id)]))),
  ]) {
    // The nodes talk to each other too, over links that are not counted here.
    const before = await reads();
    await act();
    const after = await reads();
    // One is the question itself. A large write may come in a few pieces.
    for (const [n, count] of after.entries())
      expect(count - (before[n] as number) - 1).toBeLessThanOrEqual(4);
  }
  await store.close();
});

it("one connection listens, however many watch; one commands each node; none is left after close", async () => {
  await eventually("no connection", async () => (await connections()).length === 0);
  const store = new RedisRecordStore({ cluster: cluster.nodes, prefix: cluster.prefix() });
  const seen = new Set<string>();
  const ids = Array.from({ length: 200 }, (_, n) => idOf(`many-${n}`, n * 16));
  const watchers = await Promise.all(ids.map((id) => store.watch([id], (hint) => seen.add(hint.id))));
  await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
  await eventually("all are told", () => seen.size === ids.length);
  const names = async (name: string): Promise<number> =>
    (await connections()).filter((line) => line.includes(`name=${name} `)).length;
  expect(await names("holdpoint-watch")).toBe(1);
  expect(await names("holdpoint")).toBe(3);
  await Promise.all(watchers.map((watcher) => watcher.close()));
  await store.close();
  await eventually("no connection", async () => (await connections()).length === 0);
});

it("each node learns a script when it first needs it; 200 SCRIPT FLUSH under load: none is rejected", async () => {
  const store = new RedisRecordStore({ cluster: cluster.nodes, prefix: cluster.prefix() });
  const ids = Array.from({ length: 2000 }, (_, n) => idOf(`flush-${n}`, n * 2));
  let flushed = 0;
  const flushing = (async (): Promise<void> => {
    for (; flushed < 200; flushed += 1)
      await Promise.all(cluster.primaries.map(({ admin }) => admin.script("FLUSH")));
  })();
  const work = async (worker: number): Promise<void> => {
    for (let n = worker; n < ids.length || flushed < 200; n += 16) {
      const id = ids[n % ids.length] as string;
      await store.commit([insertOf(id, {}, { event: { type: "created" } })]);
      if (n % 50 === 0) await store.page({ ...query, limit: 10 });
    }
  };
  await Promise.all([flushing, ...Array.from({ length: 16 }, (_, worker) => work(worker))]);
  expect((await store.get(ids)).filter((record) => record?.version !== 1)).toEqual([]);
  expect((await store.history(ids[7] as string)).items).toHaveLength(1);
  await store.close();
}, 60_000);

it("the slot of a key is the server's own", async () => {
  const [{ admin }] = cluster.primaries as [(typeof cluster.primaries)[0]];
  for (const key of ["{holdpoint:0}:records", "{a.b_c:/-:4095}:by:all", "{holdpoint}:meta"]) {
    expect(hashSlot(key)).toBe(Number(await admin.call("CLUSTER", "KEYSLOT", key)));
    expect(clusterSlot(key)).toBe(hashSlot(key));
  }
});

it("a client of one server, given a node of a Cluster, is told what to use", async () => {
  const [{ url }] = cluster.primaries as [(typeof cluster.primaries)[0]];
  const store = new RedisRecordStore({ url, prefix: cluster.prefix() });
  const attempts = await Promise.allSettled(
    Array.from({ length: 32 }, (_, n) => store.commit([insertOf(idOf(`moved-${n}`, n))])),
  );
  for (const attempt of attempts) {
    if (attempt.status === "rejected") {
      expect(attempt.reason).toMatchObject({
        code: "ERR_HITL_STORE",
        message: expect.stringMatching(/pass cluster/),
      });
    }
  }
  expect(attempts.some(({ status }) => status === "rejected")).toBe(true);
  await store.close();
});

it("read your own writes: what was committed is read at once, over all nodes", async () => {
  const store = new RedisRecordStore({ cluster: { nodes: cluster.nodes }, prefix: cluster.prefix() });
  for (let n = 0; n < 50; n += 1) {
    await store.commit([insertOf(idOf(`own-${n}`, n * 80), { value: { n } })]);
    expect((await read(store, idOf(`own-${n}`, n * 80))).value).toEqual({ n });
  }
  await store.close();
});
