import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { KEY_NAMES, type RecordKeys, type UpdateOp } from "../../../src/backends/record-store.ts";
import type { Argument, RedisClient } from "../../../src/backends/redis/client.ts";
import { decodeHistory } from "../../../src/backends/redis/codec.ts";
import { fullId, statusOf, unpackKeys } from "../../../src/backends/redis/fields.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { SCRIPTS } from "../../../src/backends/redis/scripts.generated.ts";
import { makeId } from "../../../src/core/ids.ts";
import { type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { idOf, insertOf, read, updateOf } from "../../support/store-ops.ts";
import { clusterSlot } from "./cluster-slot.ts";

let server: RedisServer;
let client: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  client = new Redis(server.url);
});
afterAll(async () => {
  client?.disconnect();
  await server?.stop();
});

/** The same client, with a note of every command that goes through it. */
function recording(inner: Redis): { client: RedisClient; commands: Argument[][] } {
  const commands: Argument[][] = [];
  const note =
    (command: string) =>
    (...args: Argument[]) => {
      commands.push([command, ...args]);
      return (inner as unknown as Record<string, (...args: Argument[]) => unknown>)[command]?.(...args);
    };
  const wrapped = new Proxy(inner, {
    get: (target, name) => {
      if (name === "evalsha" || name === "eval" || name === "call") return note(name);
      if (name === "pipeline") {
        return (batch: Argument[][]) => {
          commands.push(...batch);
          return target.pipeline(batch);
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { client: wrapped, commands };
}

it("a commit is one command; so are a get and a page; keys of several slots are in no script but that of a page over all", async () => {
  const { client: recorder, commands } = recording(client);
  const store = new RedisRecordStore({ client: recorder, prefix: server.prefix() });
  await store.commit([insertOf(idOf(0))]);
  const keys = Object.fromEntries(KEY_NAMES.map((name) => [name, `${name} {x}`]));
  const query = { kind: "thing", tenant_id: "default", statuses: ["open", "b"] };
  // Each script is sent whole once, after its NOSCRIPT.
  await store.append(idOf(0), { type: "warm" });
  await store.page({ ...query, slot: 0x123 });
  const count = async (act: () => Promise<unknown>): Promise<number> => {
    const before = commands.length;
    await act();
    return commands.length - before;
  };
  expect(
    await count(() =>
      store.commit([insertOf(idOf(1), { keys, due_at: 1 }, { event: { type: "a" } }), insertOf(idOf(2))]),
    ),
  ).toBe(1);
  expect(
    await count(() =>
      store.commit([updateOf(idOf(1), { patch: { status: "b" } }), { op: "read", id: idOf(2) }]),
    ),
  ).toBe(1);
  expect(await count(() => store.get([idOf(1), idOf(2)]))).toBe(1);
  expect(await count(() => store.append(idOf(1), { type: "b" }))).toBe(1);
  // The record and its chunks, in one pipeline.
  expect(await count(() => store.history(idOf(1)))).toBe(2);
  expect(await count(() => store.page({ ...query, slot: 0x123 }))).toBe(1);
  await store.page({ ...query, key: { name: "session", value: "session {x}" } });
  await store.acquireDue({ kind: "thing", limit: 5, lease: { owner: "o", durationMs: 1000 } });
  await store.purge({ kind: "thing", statuses: ["b"], updatedBefore: 2 ** 50, limit: 10 });
  const scripts = commands.filter(([command]) => command === "evalsha" || command === "eval");
  expect(new Set(scripts.map(([, sha1]) => sha1)).size).toBeGreaterThanOrEqual(6);
  let overAll = 0;
  for (const [, script, count_, ...rest] of scripts) {
    const slots = new Set(rest.slice(0, Number(count_)).map((key) => clusterSlot(String(key))));
    if (slots.size > 1) {
      overAll += 1;
      expect([SCRIPTS.page.sha1, SCRIPTS.page.source]).toContain(script);
    }
  }
  // In a Cluster there is none: test/backends/redis-cluster.
  expect(overAll).toBe(1);
  // The computation of slots itself, against the server's own.
  expect(clusterSlot("123456789")).toBe(12739);
  await store.close();
});

it("S5: the indexes hold exactly what the records say, after many random operations", async () => {
  const prefix = server.prefix();
  let now = 1_700_000_000_000;
  const store = new RedisRecordStore({ client, prefix, shards: 4, clock: { now: () => now } });
  let seed = 7;
  const random = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * n);
  };
  const pick = <T>(...values: T[]): T => values[random(values.length)] as T;
  const anyKey = (): string | undefined => pick(undefined, "a", "a", "b|c", "%7C", "");
  // One is of the kind; one comes before it in order, one after it.
  const anyId = (): string => makeId(pick("thing", "rec", "zzz"), random(8) * 512, ["layout", random(14)]);
  for (let round = 0; round < 600; round += 1) {
    now += random(3);
    const id = anyId();
    const operation = random(10);
    if (operation < 4) {
      const keys = Object.fromEntries(KEY_NAMES.map((name) => [name, anyKey()]));
      await store.commit([
        insertOf(
          id,
          { keys, status: pick("open", "pending", "a|b"), due_at: pick(null, now, now + 50) },
          { event: { type: "e" } },
        ),
      ]);
    } else if (operation < 8) {
      const changed = (): string | null | undefined => pick(null, undefined, undefined, "a", "x\ny");
      const keys = { session: changed(), invocation: changed(), thread: changed(), wake: pick(null, "w") };
      const lease = pick<NonNullable<UpdateOp["patch"]>["lease"]>(
        undefined,
        "release",
        { renewMs: 5 },
        { owner: "o|", durationMs: 5 },
      );
      await store.commit([
        updateOf(id, {
          patch: { status: pick("open", "done"), keys, lease, due_at: pick(undefined, null, { inMs: 3 }) },
          event: { type: "u" },
        }),
      ]);
    } else if (operation === 8) {
      await store.acquireDue({ kind: "thing", limit: 3, lease: { owner: "w", durationMs: 4 } });
    } else {
      await store.purge({ kind: "thing", statuses: ["done"], updatedBefore: now - 20, limit: 2 });
    }
  }
  const pad = (value: number): string => String(value).padStart(13, "0");
  let records = 0;
  // How many entries less there are than keys.
  let shared = 0;
  for (let shard = 0; shard < 4; shard += 1) {
    const tag = `{${prefix}:${shard}}`;
    const ids = await client.hkeys(`${tag}:records`);
    const due_: string[] = [];
    const chunks: string[] = [];
    const index = await indexOf(`${tag}:index`);
    expect([...index.keys()].sort()).toEqual(ids.sort());
    for (const id of ids) {
      const record = await read(store, id);
      records += 1;
      const { entries, keys } = index.get(id) ?? { entries: [], keys: [] };
      for (const { kind, tenant, status, created } of entries)
        expect([kind, tenant, statusOf(status), created]).toEqual([
          "thing",
          "",
          record.status,
          pad(record.created_at),
        ]);
      // One without a key; each key in one of the others.
      expect(keys.filter((key) => key === "")).toHaveLength(1);
      const letters = keys.map((key) => key.slice(0, key.indexOf("="))).join("");
      expect(new Set(letters).size).toBe(letters.length);
      expect(letters).toHaveLength(Object.keys(record.keys).length);
      expect(unpackKeys(keys, 0)).toEqual(record.keys);
      shared += letters.length - (keys.length - 1);
      const due = record.lease ? record.lease.expires_at : record.due_at;
      if (due !== null) due_.push(`thing|${pad(due)}|${id}`);
      const { items } = await store.history(id, { limit: 1000 });
      expect(items.map(({ seq }) => seq)).toEqual(items.map((_, n) => n + 1));
      // The last one to eight events are in the record itself.
      for (let chunk = 0; chunk < Math.ceil(items.length / 8) - 1; chunk += 1) chunks.push(`${id}/${chunk}`);
    }
    expect(await client.zrange(`${tag}:due`, "0", "-1")).toEqual(due_.sort());
    expect((await client.hkeys(`${tag}:history`)).sort()).toEqual(chunks.sort());
  }
  expect(records).toBeGreaterThan(50);
  expect(shared).toBeGreaterThan(20);
  await store.close();
});

interface IndexOfRecord {
  readonly entries: Record<"kind" | "tenant" | "status" | "created", string>[];
  readonly keys: string[];
}

/** What an index holds, by record. */
async function indexOf(name: string): Promise<Map<string, IndexOfRecord>> {
  const found = new Map<string, IndexOfRecord>();
  for (const member of await client.zrange(name, "0", "-1")) {
    const [kind, tenant, key, status, created, short] = member.split("|") as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const id = fullId(kind, short);
    const own = found.get(id) ?? { entries: [], keys: [] };
    own.entries.push({ kind, tenant, status, created });
    own.keys.push(key);
    found.set(id, own);
  }
  return found;
}

it("keys of one value share an entry, and part when one of them changes", async () => {
  const prefix = server.prefix();
  const store = new RedisRecordStore({ client, prefix, shards: 1, clock: { now: () => 1_700_000_000_000 } });
  const id = makeId("thing", 0x123, ["shared"]);
  const letters = async (): Promise<string[]> =>
    ((await indexOf(`{${prefix}:0}:index`)).get(id)?.keys ?? []).sort();
  const same: RecordKeys = { session: "S", invocation: "S", thread: "S" };
  const found = async (name: keyof typeof same, value: string): Promise<string[]> => {
    const query = { kind: "thing", tenant_id: "default", statuses: ["pending"], key: { name, value } };
    return (await store.page(query)).items.map((item) => item.id);
  };
  const patch = (keys: NonNullable<UpdateOp["patch"]>["keys"]) =>
    store.commit([updateOf(id, { patch: { keys } })]);
  await store.commit([insertOf(id, { keys: same, status: "pending" })]);
  expect(await letters()).toEqual(["", "sit=S"]);
  await patch({ thread: "T" });
  expect(await letters()).toEqual(["", "si=S", "t=T"]);
  expect([await found("session", "S"), await found("thread", "T"), await found("thread", "S")]).toEqual([
    [id],
    [id],
    [],
  ]);
  await patch({ session: null, thread: "S" });
  expect(await letters()).toEqual(["", "i=S", "t=S"]);
  expect([await found("session", "S"), await found("invocation", "S"), await found("thread", "S")]).toEqual([
    [],
    [id],
    [id],
  ]);
  expect(await read(store, id)).toMatchObject({ keys: { invocation: "S", thread: "S" } });
  await patch({ invocation: null, thread: null });
  expect(await letters()).toEqual([""]);
  await store.close();
});

it("S1: a history has no gap and no event twice, whatever went into a chunk between the reads of it", async () => {
  const prefix = server.prefix();
  const store = new RedisRecordStore({ client, prefix, shards: 1 });
  const id = idOf("chunks");
  await store.commit([insertOf(id, {}, { event: { type: "e1" } })]);
  const seen: string[] = [await packedOf(id)];
  for (let n = 2; n <= 26; n += 1) {
    // Both ways by which an event comes.
    if (n % 2 === 0) await store.append(id, { type: `e${n}` });
    else await store.commit([updateOf(id, { event: { type: `e${n}` } })]);
    seen.push(await packedOf(id));
    // Every record that an earlier moment may have shown, with the chunks of now.
    const chunks = await client.hmget(`{${prefix}:0}:history`, `${id}/0`, `${id}/1`, `${id}/2`, `${id}/3`);
    for (const [earlier, packed] of seen.entries()) {
      const events = decodeHistory(packed, chunks, 0);
      expect(events.length).toBeGreaterThanOrEqual(earlier + 1);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, at) => at + 1));
      expect(events.map(({ type }) => type)).toEqual(events.map((_, at) => `e${at + 1}`));
    }
  }
  const first = await store.history(id, { limit: 16 });
  expect(first.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 16 }, (_, n) => n + 1));
  const rest = await store.history(id, { limit: 50, cursor: first.next_cursor });
  expect(rest.items.map(({ seq }) => seq)).toEqual(Array.from({ length: 10 }, (_, n) => n + 17));
  expect(rest.next_cursor).toBeUndefined();
  await store.close();

  async function packedOf(of: string): Promise<string> {
    return (await client.hget(`{${prefix}:0}:records`, of)) as string;
  }
});

it("S1: a commit of more records than Lua's unpack has room for is written, found and refused as a whole", async () => {
  const store = new RedisRecordStore({ client, prefix: server.prefix(), shards: 1 });
  const ids = Array.from({ length: 2500 }, (_, n) => idOf(`many-${n}`));
  const keys = { session: "s", thread: "t" };
  const { status } = await store.commit(ids.map((id) => insertOf(id, { keys })));
  expect(status).toBe("committed");
  const close = (id: string): UpdateOp => updateOf(id, { patch: { status: "done", keys: { thread: null } } });
  const refused = await store.commit([...ids.map(close), close(idOf("nobody"))]);
  expect(refused.status).toBe("refused");
  expect((await store.commit(ids.map(close))).results.every((result) => result.status === "updated")).toBe(
    true,
  );
  const found = async (status_: string, name: "session" | "thread", value: string): Promise<number> => {
    let count = 0;
    let cursor: string | undefined;
    do {
      const query = { kind: "thing", tenant_id: "default", statuses: [status_], limit: 1000 };
      const page = await store.page({ ...query, key: { name, value }, cursor });
      count += page.items.length;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return count;
  };
  expect(await found("done", "session", "s")).toBe(2500);
  expect(await found("done", "thread", "t")).toBe(0);
  expect(await found("open", "session", "s")).toBe(0);
  await store.close();
});

it("S6: values, keys and events come back to the byte", async () => {
  const prefix = server.prefix();
  const store = new RedisRecordStore({ client, prefix });
  const hostile = ["", "|", "%", "%7C|%25", "a\nb", "nul\0nul", "日本語 🦜", '"\\', "}{", "\u2028"];
  const value = {
    z: 1,
    a: [],
    o: {},
    big: 9007199254740991,
    tiny: 5e-324,
    e: 1e21,
    "10": "ten",
    "2": "two",
    nul: "\0",
    text: hostile,
    deep: [[[]], [{}]],
    n: null,
  };
  for (const [n, text] of hostile.entries()) {
    const id = idOf(`bytes-${n}`);
    const keys = { session: text, alias: `${text}!` };
    await store.commit([
      insertOf(
        id,
        { value, keys, kind: text || "k", tenant_id: text, status: text },
        { event: { type: text, reason: text, data: value, actor: { id: text } } },
      ),
    ]);
    const record = await read(store, id);
    expect(JSON.stringify(record.value)).toBe(JSON.stringify(value));
    expect(record).toMatchObject({ keys, kind: text || "k", tenant_id: text, status: text });
    const { items } = await store.page({
      kind: text || "k",
      tenant_id: text,
      statuses: [text],
      key: { name: "session", value: text },
    });
    expect(items.map((item) => item.id)).toEqual([id]);
    const [event] = (await store.history(id)).items;
    expect(event).toMatchObject({ seq: 1, type: text, reason: text, status: text, actor: { id: text } });
    expect(JSON.stringify(event?.data)).toBe(JSON.stringify(value));
  }
  await expect(store.commit([insertOf(idOf("lone"), { tenant_id: "\ud800" })])).rejects.toMatchObject({
    code: "ERR_HITL_INVALID_INPUT",
  });
  await store.close();
});

it("the number of shards is fixed by the first opener; another one and a newer schema are refused", async () => {
  const prefix = server.prefix();
  const first = new RedisRecordStore({ client, prefix, shards: 8 });
  await first.commit([insertOf(idOf(1))]);
  const adopts = new RedisRecordStore({ client, prefix });
  expect(await adopts.get([idOf(1)])).toMatchObject([{ id: idOf(1) }]);
  const wrong = new RedisRecordStore({ client, prefix, shards: 16 });
  await expect(wrong.get([idOf(1)])).rejects.toMatchObject({
    code: "ERR_HITL_STORE_SCHEMA",
    details: { found: 8, asked: 16 },
  });
  for (const [meta, what] of [
    ['{"schema_version":2,"shards":8}', "Upgrade"],
    ["other", "prefix"],
  ] as const) {
    const taken = server.prefix();
    await client.set(`{${taken}}:meta`, meta);
    const store = new RedisRecordStore({ client, prefix: taken });
    await expect(store.get([idOf(1)])).rejects.toMatchObject({
      code: "ERR_HITL_STORE_SCHEMA",
      message: expect.stringContaining(what),
    });
  }
});

it("options that cannot work are refused at once", () => {
  const refuse = (options: object): void => {
    expect(() => new RedisRecordStore(options as never)).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
  };
  refuse({});
  refuse({ client, url: server.url });
  refuse({ client, prefix: "{a}" });
  refuse({ client, shards: 3 });
  refuse({ client, shards: 8192 });
  refuse({ client, commandTimeoutMs: 0 });
  refuse({ client: new Redis({ lazyConnect: true, keyPrefix: "x" }) });
});
