/** What a crash or an eviction leaves, made with raw commands; S5. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";

let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin?.disconnect();
  await server?.stop();
});

const NOW = 1_700_000_000_000;
const query = { kind: "thing", tenant_id: "default", statuses: ["open"] } as const;
const bySession = { ...query, key: { name: "session", value: "s" } } as const;
const CLEAN = { stale_entries: 0, missing_entries: 0, orphaned_histories: 0, lost_histories: 0 };

/** A store of one shard with records 0…n-1, created a millisecond apart. */
async function storeOf(records: number): Promise<{ store: RedisRecordStore; tag: string; ids: string[] }> {
  const prefix = server.prefix();
  let now = NOW;
  const store = new RedisRecordStore({ url: server.url, prefix, shards: 1, clock: { now: () => now } });
  const ids = Array.from({ length: records }, (_, n) => idOf(n));
  for (const [n, id] of ids.entries()) {
    now = NOW + n;
    await store.commit([
      insertOf(
        id,
        { keys: { session: "s", thread: `t${n}` }, due_at: NOW + n },
        { event: { type: "created" } },
      ),
    ]);
  }
  now = NOW + records;
  return { store, tag: `{${prefix}:0}`, ids };
}

async function repairAll(
  store: RedisRecordStore,
  limit?: number,
): Promise<Record<keyof typeof CLEAN, number>> {
  const sum = { ...CLEAN };
  let cursor: string | undefined;
  do {
    const options = {
      ...(cursor === undefined ? {} : { cursor }),
      ...(limit === undefined ? {} : { limit }),
    };
    const report = await store.repair(options);
    for (const name of Object.keys(sum) as (keyof typeof CLEAN)[]) sum[name] += report[name];
    cursor = report.next_cursor;
  } while (cursor !== undefined);
  return sum;
}

/** Every key of the shard with all that is in it, in order. */
async function contents(tag: string): Promise<Record<string, unknown>> {
  const all: Record<string, unknown> = {};
  for (const key of (await admin.keys(`${tag}*`)).sort()) {
    const fields = Object.entries(
      key.endsWith(":index") || key.endsWith(":due") ? {} : await admin.hgetall(key),
    );
    all[key] = fields.length > 0 ? fields.sort() : await admin.zrange(key, "0", "-1");
  }
  return all;
}

/** How many entries the index has by this key. */
function entries(tag: string, key: string): Promise<number> {
  return admin.zlexcount(`${tag}:index`, `[thing||${key}|`, `(thing||${key}}`);
}

it("S5: a page that meets entries without a record is full all the same, and removes them", async () => {
  const { store, tag, ids } = await storeOf(40);
  await admin.hdel(`${tag}:records`, ...ids.slice(0, 25));
  for (const order of ["oldest", "newest"] as const) {
    const { items, next_cursor } = await store.page({ ...bySession, order, limit: 10 });
    const expected = order === "oldest" ? ids.slice(25, 35) : ids.slice(30).reverse();
    expect(items.map(({ id }) => id)).toEqual(expected);
    expect(next_cursor).toBeDefined();
  }
  expect(await entries(tag, "s=s")).toBe(15);
  expect(await entries(tag, "")).toBe(40);
  expect((await store.page({ ...query, limit: 15 })).items.map(({ id }) => id)).toEqual(ids.slice(25));
  expect(await entries(tag, "")).toBe(15);
  await store.close();
});

it("S5: a page shows a record once, and only where its entry says what it is", async () => {
  const { store, tag, ids } = await storeOf(3);
  const [first, second, third] = ids as [string, string, string];
  const member = (key: string, status: string, created: number, id: string): string =>
    `thing||${key}|${status}|${String(created).padStart(13, "0")}|!${id}`;
  await store.commit([updateOf(third, { patch: { status: "done" } })]);
  await admin.zadd(
    `${tag}:index`,
    "0",
    // As if it had had the same thread as well: the same place by another entry.
    member("st=s", "open", NOW, first),
    "0",
    member("s=s", "open", NOW - 500, first),
    "0",
    member("s=s", "open", NOW + 2, third),
    "0",
    member("s=other", "open", NOW + 1, second),
  );
  expect((await store.page(bySession)).items.map(({ id }) => id)).toEqual([first, second]);
  const other = { ...query, key: { name: "session", value: "other" } } as const;
  expect((await store.page(other)).items).toEqual([]);
  expect(await admin.zrangebylex(`${tag}:index`, "[thing||s=", "(thing||s>")).toEqual([
    member("s=s", "done", NOW + 2, third),
    member("s=s", "open", NOW, first),
    member("s=s", "open", NOW + 1, second),
  ]);
  // A page has no reason to look at what names a record that is on it already.
  expect(await repairAll(store)).toEqual({ ...CLEAN, stale_entries: 1 });
  await store.close();
});

it("due entries without a record keep no due record from being acquired", async () => {
  const { store, tag, ids } = await storeOf(30);
  await admin.hdel(`${tag}:records`, ...ids.slice(0, 12));
  // Due, by an entry that is not its own.
  await admin.zadd(`${tag}:due`, "0", `thing|${String(NOW - 9).padStart(13, "0")}|${ids[20]}`);
  const lease = { owner: "o", durationMs: 60_000 };
  const first = await store.acquireDue({ kind: "thing", limit: 5, lease });
  expect(first.map(({ id }) => id)).toEqual(ids.slice(12, 17));
  const rest = await store.acquireDue({ kind: "thing", limit: 100, lease });
  expect(rest.map(({ id, fence }) => [id, fence])).toEqual(ids.slice(17).map((id) => [id, 1]));
  expect(await store.acquireDue({ kind: "thing", limit: 5, lease })).toEqual([]);
  expect(await admin.zcard(`${tag}:due`)).toBe(18);
  await store.close();
});

it("purge removes what records have left behind", async () => {
  const { store, tag, ids } = await storeOf(10);
  await admin.hdel(`${tag}:records`, ...ids.slice(0, 4));
  const purge = { kind: "thing", statuses: ["open"], updatedBefore: NOW + 1000, limit: 100 };
  expect(await store.purge(purge)).toEqual({ purged: 6, more: false });
  expect(await entries(tag, "")).toBe(0);
  await store.close();
});

it("an append after events were lost keeps its number, and the history can be read", async () => {
  const { store, tag, ids } = await storeOf(1);
  const [id] = ids as [string];
  for (let n = 2; n <= 10; n += 1) await store.append(id, { type: `e${n}` });
  await admin.del(`${tag}:history`);
  for (let n = 11; n <= 12; n += 1) await store.append(id, { type: `e${n}` });
  expect((await store.history(id)).items.map(({ seq, type }) => [seq, type])).toEqual([
    [9, "e9"],
    [10, "e10"],
    [11, "e11"],
    [12, "e12"],
  ]);
  expect(await repairAll(store)).toEqual({ ...CLEAN, lost_histories: 1 });
  await store.close();
});

it("a record of which the server lost the indexes is found again after repair", async () => {
  const { store, tag, ids } = await storeOf(20);
  const before = await contents(tag);
  await admin.del(`${tag}:due`, `${tag}:index`);
  expect((await store.page(bySession)).items).toEqual([]);
  expect(await repairAll(store)).toEqual({ ...CLEAN, missing_entries: 20 * 4 });
  expect(await contents(tag)).toEqual(before);
  expect((await store.page({ ...bySession, limit: 1000 })).items.map(({ id }) => id)).toEqual(ids);
  await store.close();
});

it("S5: whatever is damaged, repair gives exactly what the records say, in bounded steps, and finds nothing the second time", async () => {
  let seed = 11;
  const random = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * n);
  };
  for (let round = 0; round < 12; round += 1) {
    const { store, tag, ids } = await storeOf(30);
    // A ninth event, so that each record has an entry in the history.
    for (let n = 2; n <= 9; n += 1) await Promise.all(ids.map((id) => store.append(id, { type: `e${n}` })));
    for (const id of ids.slice(0, 10))
      await store.commit([
        updateOf(id, { patch: { status: "done", due_at: null, keys: { session: null } } }),
      ]);
    const untouched = await contents(tag);
    const zsets = [`${tag}:due`, `${tag}:index`];
    const gone = new Set<string>();
    for (let damage = 0; damage < 25; damage += 1) {
      const zset = zsets[random(zsets.length)] as string;
      const members = await admin.zrange(zset, "0", "-1");
      const member = members[random(members.length)];
      switch (random(4)) {
        case 0:
          if (member) await admin.zrem(zset, member);
          break;
        case 1:
          if (member) await admin.zadd(zset, "0", member.replace(/\|17000/, "|17009"));
          break;
        case 2:
          await admin.zadd(zset, "0", `thing||s=s|open|${"0".repeat(13)}|!${idOf(`never-${damage}`)}`);
          break;
        default: {
          const id = ids[random(ids.length)] as string;
          await admin.hdel(`${tag}:records`, id);
          gone.add(id);
        }
      }
    }
    const limit = 1 + random(40);
    const found = await repairAll(store, limit);
    expect(found.orphaned_histories).toBe(gone.size);
    // What the store holds of the records that are left is what it held before.
    const expected = Object.fromEntries(
      Object.entries(untouched)
        .map(([key, entries]): [string, unknown[]] => [
          key,
          (entries as unknown[]).filter(
            (entry) => ![...gone].some((id) => JSON.stringify(entry).includes(id)),
          ),
        ])
        .filter(([, entries]) => entries.length > 0),
    );
    expect(await contents(tag)).toEqual(expected);
    expect(await repairAll(store)).toEqual(CLEAN);
    await store.close();
  }
});

it("repair works beside commits and undoes none of them", async () => {
  const { store, ids } = await storeOf(200);
  let done = false;
  const repairing = (async (): Promise<number> => {
    let mended = 0;
    while (!done) {
      const { stale_entries, missing_entries, orphaned_histories } = await repairAll(store, 50);
      mended += stale_entries + missing_entries + orphaned_histories;
    }
    return mended;
  })();
  for (let round = 0; round < 5; round += 1)
    for (const id of ids)
      await store.commit([updateOf(id, { patch: { status: `s${round}`, due_at: round } })]);
  done = true;
  expect(await repairing).toBe(0);
  expect((await store.page({ ...query, statuses: ["s4"], limit: 1000 })).items).toHaveLength(200);
  expect(await read(store, ids[0] as string)).toMatchObject({ version: 6 });
  await store.close();
});

it("a report says how far it is; bad cursors and limits are refused", async () => {
  const store = new RedisRecordStore({ url: server.url, prefix: server.prefix(), shards: 8 });
  await Promise.all(Array.from({ length: 40 }, (_, n) => store.commit([insertOf(idOf(n, n))])));
  const seen: number[] = [];
  let cursor: string | undefined;
  do {
    const report = await store.repair(cursor === undefined ? { limit: 10 } : { limit: 10, cursor });
    expect(report.shards).toBe(8);
    seen.push(report.shards_done);
    cursor = report.next_cursor;
  } while (cursor !== undefined);
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBe(8);
  expect(seen.length).toBeGreaterThan(3);
  const cursorOf = (place: unknown): string => Buffer.from(JSON.stringify(place)).toString("base64url");
  for (const bad of [
    "",
    "x",
    cursorOf([8, 1, ""]),
    cursorOf([0, 5, ""]),
    cursorOf([0, 1, "x"]),
    cursorOf({ shard: 1 }),
  ])
    await expect(store.repair({ cursor: bad })).rejects.toMatchObject({ code: "ERR_HITL_CURSOR" });
  for (const limit of [0, 1.5, Number.NaN, 1e9])
    await expect(store.repair({ limit })).rejects.toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
  await store.close();
});
