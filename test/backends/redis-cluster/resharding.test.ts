import { afterAll, beforeAll, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import { eventually, type RedisProcess } from "../../support/redis-process.ts";
import { lostOf, slotsOf, startLoad } from "./load.ts";

const SHARDS = 4;
let cluster: RedisTestCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => cluster?.stop());

it("S1 S4: slots that are in use move to and fro: no commit fails, none is lost, all are listed", async () => {
  const prefix = cluster.prefix();
  const options = { cluster: cluster.nodes, prefix, shards: SHARDS, commandTimeoutMs: 20_000 };
  const store = new RedisRecordStore(options);
  const load = startLoad(store, "moving", slotsOf(SHARDS));
  await eventually("some commits", () => load.acknowledged.size > 100);
  for (let round = 0; round < 6; round += 1) {
    const key = `{${prefix}:${round % SHARDS}}:records`;
    const to = cluster.primaries[round % cluster.primaries.length] as RedisProcess;
    await cluster.moveSlot(key, to);
    const before = load.acknowledged.size;
    await eventually("commits go on", () => load.acknowledged.size > before + 100, 20_000);
    expect(await cluster.ownerOf(key)).toBe(to);
  }
  await load.stop();
  expect(load.errors).toEqual([]);
  expect(await lostOf(store, load)).toEqual([]);
  const listed = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await store.page({
      kind: "thing",
      tenant_id: "default",
      statuses: ["open", "done"],
      key: { name: "session", value: "moving" },
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const { id } of page.items) listed.add(id);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  expect([...load.acknowledged.keys()].filter((id) => !listed.has(id))).toEqual([]);
  await store.close();
}, 90_000);
