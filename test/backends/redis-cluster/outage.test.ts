import { afterAll, beforeAll, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import { eventually, type RedisProcess } from "../../support/redis-process.ts";
import { idOf, insertOf } from "../../support/store-ops.ts";

let cluster: RedisTestCluster;
beforeAll(async () => {
  cluster = await startRedisCluster({ nodeTimeoutMs: 500, args: ["--appendonly", "yes"] });
}, 60_000);
afterAll(() => cluster?.stop());

it("CLUSTERDOWN: said so, nothing was written; the store goes on by itself when the Cluster does", async () => {
  const prefix = cluster.prefix();
  const store = new RedisRecordStore({ cluster: cluster.nodes, prefix, commandTimeoutMs: 2500 });
  await store.commit([insertOf(idOf("first", 1))]);
  const ids = Array.from({ length: 64 }, (_, slot) => idOf("down", slot));
  const [other] = cluster.primaries as [RedisProcess];
  const victim =
    (await cluster.ownerOf(`{${prefix}:1}`)) === other ? (cluster.primaries[1] as RedisProcess) : other;
  const alive = cluster.primaries.filter((node) => node !== victim);
  const states = async (): Promise<string[]> =>
    Promise.all(alive.map(async ({ admin }) => String(await admin.call("CLUSTER", "INFO"))));
  await victim.end("SIGKILL");
  await eventually("the Cluster is down", async () =>
    (await states()).every((info) => info.includes("cluster_state:fail")),
  );
  const attempts = await Promise.allSettled(ids.map((id) => store.commit([insertOf(id)])));
  const codes = new Set(attempts.map((each) => (each.status === "rejected" ? each.reason.code : "done")));
  // Of what went to the dead node it cannot be known.
  expect([...codes].filter((code) => code !== "ERR_HITL_STORE" && code !== "ERR_HITL_INDETERMINATE")).toEqual(
    [],
  );
  const said = attempts.filter(
    (each) => each.status === "rejected" && /CLUSTERDOWN/.test(each.reason.message),
  );
  expect(said.length).toBeGreaterThan(0);
  await victim.start();
  await eventually("the Cluster is up", async () =>
    (await states()).every((info) => info.includes("cluster_state:ok")),
  );
  const patient = new RedisRecordStore({ cluster: cluster.nodes, prefix, commandTimeoutMs: 10_000 });
  for (const each of [patient, store]) {
    await eventually("it goes on", async () =>
      each.commit(ids.slice(0, 1).map((id) => insertOf(id))).then(
        () => true,
        () => false,
      ),
    );
  }
  for (const [n, attempt] of attempts.entries()) {
    if (attempt.status === "rejected" && attempt.reason.code === "ERR_HITL_STORE" && n > 0)
      expect(await patient.get([ids[n] as string])).toEqual([null]);
  }
  expect(await patient.get([idOf("first", 1)])).toMatchObject([{ version: 1 }]);
  await Promise.all([store.close(), patient.close()]);
}, 60_000);

it("no node can be reached: nothing was sent", async () => {
  const store = new RedisRecordStore({ cluster: [{ host: "127.0.0.1", port: 1 }], commandTimeoutMs: 300 });
  await expect(store.commit([insertOf(idOf(1))])).rejects.toMatchObject({
    code: "ERR_HITL_STORE",
    message: expect.stringContaining("Nothing was sent"),
  });
  await store.close();
});
