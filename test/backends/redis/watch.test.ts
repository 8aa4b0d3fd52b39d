import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { ChangeHint } from "../../../src/backends/record-store.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { idOf, insertOf, updateOf } from "../../support/store-ops.ts";

let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedisServer({ own: true });
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

async function subscribers(): Promise<number> {
  return String(await admin.call("CLIENT", "LIST"))
    .split("\n")
    .filter((line) => line.includes("name=holdpoint-watch")).length;
}

it("W2: a change while the subscriber is cut off is not missed", async () => {
  const store = new RedisRecordStore({ url: server.url, prefix: server.prefix() });
  const id = idOf("cut");
  await store.commit([insertOf(id)]);
  const seen: ChangeHint[] = [];
  const watcher = await store.watch([id, idOf("never")], (hint) => seen.push(hint));
  for (let round = 2; round < 12; round += 1) {
    await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
    await store.commit([updateOf(id, { patch: { status: `s${round}` } })]);
    await eventually(`version ${round} is told`, () => seen.some(({ version }) => version === round));
  }
  expect(seen.some((hint) => hint.id === idOf("never"))).toBe(true);
  await watcher.close();
  await store.close();
});

it("one connection however many watch; unsubscribed when unused", async () => {
  const prefix = server.prefix();
  const client = new Redis(server.url);
  const store = new RedisRecordStore({ client, prefix });
  await eventually("nobody watches", async () => (await subscribers()) === 0);
  const seen = new Set<string>();
  const ids = Array.from({ length: 200 }, (_, n) => idOf(`many-${n}`, n * 16));
  const watchers = await Promise.all(ids.map((id) => store.watch([id], (hint) => seen.add(hint.id))));
  expect(await subscribers()).toBe(1);
  await Promise.all(ids.map((id) => store.commit([insertOf(id)])));
  await eventually("all are told", () => seen.size === ids.length);
  await Promise.all(watchers.map((watcher) => watcher.close()));
  expect(await admin.pubsub("CHANNELS", `{${prefix}*`)).toEqual([]);
  const late = await store.watch([idOf("late")], (hint) => seen.add(hint.id));
  await store.commit([insertOf(idOf("late"))]);
  await eventually("watched again", () => seen.has(idOf("late")));
  await late.close();
  await store.close();
  await eventually("its connection is closed", async () => (await subscribers()) === 0);
  client.disconnect();
});

it("polling finds a change of which no hint came", async () => {
  const store = new RedisRecordStore({ url: server.url, prefix: server.prefix(), watchPollMs: 20 });
  const id = idOf("polled");
  await store.commit([insertOf(id)]);
  let version = 0;
  const watcher = await store.watch([id], (hint) => {
    version = hint.version;
  });
  // Without the channel only polling is left.
  await eventually("polled once", () => version === 1);
  await watcher.close();
  await store.close();
});
