/** Lists over all shards: exact whatever is where, and few records read. */
import fc from "fast-check";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PageQuery, RecordStore, StoredRecord, StoreOp } from "../../../src/backends/record-store.ts";
import type { RedisClient } from "../../../src/backends/redis/client.ts";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { makeId, SLOT_COUNT } from "../../../src/core/ids.ts";
import { FakeClock, MemoryRecordStore } from "../../../src/testing/index.ts";
import { type RedisServer, startRedisServer } from "../../support/redis-server.ts";
import { insertOf, updateOf } from "../../support/store-ops.ts";

const NOW = 1_700_000_000_000;

interface Counted {
  readonly client: Redis;
  /** Calls of scripts, and the records in their replies. */
  readonly count: { calls: number; records: number };
}

/** The same client, with a count of what pages read. */
function counting(inner: Redis): Counted {
  const count = { calls: 0, records: 0 };
  const note = (reply: unknown): void => {
    count.calls += 1;
    if (Array.isArray(reply)) count.records += reply.length / 2;
  };
  const client = new Proxy(inner, {
    get: (target, name) => {
      if (name === "evalsha") {
        return async (...args: Parameters<RedisClient["evalsha"]>) => {
          const reply = await target.evalsha(...args);
          note(reply);
          return reply;
        };
      }
      if (name === "pipeline") {
        return (commands: unknown[][]) => ({
          exec: async () => {
            const replies = await target.pipeline(commands).exec();
            for (const [error, reply] of replies ?? []) if (!error) note(reply);
            return replies;
          },
        });
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { client, count };
}

/** A server that is alone in a Cluster: to one client a single server, that refuses keys of several slots. */
async function loneNode(): Promise<RedisServer> {
  const server = await startRedisServer({ own: true, args: ["--cluster-enabled", "yes"] });
  const admin = new Redis(server.url);
  const slots = Array.from({ length: 16_384 }, (_, slot) => slot);
  await admin.cluster("ADDSLOTS", ...slots);
  while (!String(await admin.cluster("INFO")).includes("cluster_state:ok")) await admin.ping();
  admin.disconnect();
  return server;
}

describe.each([
  { name: "one server", start: () => startRedisServer(), together: true },
  { name: "one address before a Cluster", start: loneNode, together: false },
])("$name", ({ start, together }) => {
  let server: RedisServer;
  let counted: Counted;
  beforeAll(async () => {
    server = await start();
    counted = counting(new Redis(server.url));
  });
  afterAll(async () => {
    counted?.client.disconnect();
    await server?.stop();
  });

  /** A store of Redis and one of memory, with the same in both. */
  async function both(
    ops: readonly { readonly at: number; readonly op: StoreOp }[],
    shards: number,
  ): Promise<{ redis: RedisRecordStore; memory: MemoryRecordStore }> {
    const clock = new FakeClock(NOW);
    const redis = new RedisRecordStore({ client: counted.client, prefix: server.prefix(), shards, clock });
    const memory = new MemoryRecordStore({ clock });
    let at = 0;
    for (const next of ops) {
      clock.advance(next.at - at);
      at = next.at;
      await Promise.all([redis.commit([next.op]), memory.commit([next.op])]);
    }
    return { redis, memory };
  }

  /** Where the cursor of an earlier page is followed, that page has another limit. */
  async function walk(store: RecordStore, query: PageQuery, limits: readonly number[]): Promise<string[][]> {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const limit = limits[pages.length % limits.length] as number;
      const page = await store.page({ ...query, limit, cursor });
      pages.push(page.items.map(({ id, status }) => `${id} ${status}`));
      cursor = page.next_cursor;
    } while (cursor !== undefined);
    return pages;
  }

  /** How records are spread: over all slots, over few, all in one, most of them in one. */
  const spread = fc.oneof(
    fc.constant((n: number) => (n * 977) % SLOT_COUNT),
    fc.integer({ min: 1, max: 5 }).map((few) => (n: number) => (n % few) * 700),
    fc.constant(() => 7),
    fc.constant((n: number) => (n % 9 === 0 ? n * 31 : 7)),
  );
  const order = fc.constantFrom<"oldest" | "newest">("oldest", "newest");
  const statuses = fc.subarray(["pending", "completed", "open"], { minLength: 1 });

  it("S5: any list over all sessions is what the model says, in both orders, page by page", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          slotOf: spread,
          count: fc.integer({ min: 0, max: 90 }),
          // Many at one time, or each at its own.
          step: fc.constantFrom(0, 1, 3),
          shards: fc.constantFrom(1, 16, 64, 128),
          mixed: fc.boolean(),
        }),
        fc.array(
          fc.record({
            order,
            statuses,
            limits: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 }),
            thread: fc.boolean(),
          }),
          { minLength: 3, maxLength: 6 },
        ),
        async ({ slotOf, count, step, shards, mixed }, lists) => {
          const ops = Array.from({ length: count }, (_, n) => {
            const prefix = mixed ? (["thing", "rec", "zzz"][n % 3] as string) : "thing";
            const id = makeId(prefix, slotOf(n) % SLOT_COUNT, ["page", n]);
            const keys = { session: `s${n % 7}`, thread: n % 2 === 0 ? `s${n % 7}` : "s1" };
            const status = ["pending", "pending", "completed", "open"][n % 4] as string;
            return { at: Math.floor((n * step) / 2), op: insertOf(id, { keys, status }) };
          });
          const { redis, memory } = await both(ops, shards);
          for (const { limits, thread, ...list } of lists) {
            const query: PageQuery = {
              kind: "thing",
              tenant_id: "default",
              ...list,
              ...(thread ? { key: { name: "thread", value: "s1" } } : {}),
            };
            expect(await walk(redis, query, limits)).toEqual(await walk(memory, query, limits));
          }
          await redis.close();
        },
      ),
      { numRuns: 40 },
    );
  }, 120_000);

  it("a page over all reads few records more than it shows", async () => {
    const count = async (slotOf: (n: number) => number): Promise<{ calls: number; records: number }> => {
      const ops = Array.from({ length: 1200 }, (_, n) => ({
        at: n,
        op: insertOf(makeId("thing", slotOf(n), ["count", n])),
      }));
      const { redis } = await both(ops, 64);
      const query: PageQuery = { kind: "thing", tenant_id: "default", statuses: ["open"] };
      // The script is there, and it is known whether shards can be asked together.
      await redis.page(query);
      Object.assign(counted.count, { calls: 0, records: 0 });
      const { items } = await redis.page({ ...query, limit: 50 });
      expect(items).toHaveLength(50);
      await redis.close();
      return { ...counted.count };
    };
    const even = await count((n) => n * 3);
    const oneShard = await count(() => 7);
    if (together) {
      expect(even).toEqual({ calls: 1, records: 51 });
      expect(oneShard).toEqual({ calls: 1, records: 51 });
    } else {
      expect(even.records).toBeLessThanOrEqual(64 * 3);
      expect(even.calls).toBe(64);
      expect(oneShard).toEqual({ calls: 65, records: 51 });
    }
  });

  it("S5: beside writers, a walk shows each record that stays once, in order, and none twice", async () => {
    const clock = new FakeClock(NOW);
    const store = new RedisRecordStore({ client: counted.client, prefix: server.prefix(), clock });
    const ids = Array.from({ length: 300 }, (_, n) => makeId("thing", (n * 131) % SLOT_COUNT, ["walk", n]));
    for (const [n, id] of ids.entries()) {
      if (n % 3 === 0) clock.advance(1);
      await store.commit([insertOf(id, { keys: { session: "s", thread: "s" } })]);
    }
    const moving = ids.filter((_, n) => n % 2 === 0);
    let done = false;
    // Each moves from one status to another and back, so that it is always in one of the two.
    const writers = [0, 1, 2].map(async (part) => {
      for (let n = part; !done; n = (n + 3) % moving.length) {
        const patch = { status: n % 4 < 2 ? "completed" : "open", keys: { thread: n % 2 === 0 ? "t" : "s" } };
        await store.commit([updateOf(moving[n] as string, { patch })]);
        await store.commit([updateOf(moving[n] as string, { patch: { status: "open" } })]);
      }
    });
    const both_: PageQuery = { kind: "thing", tenant_id: "default", statuses: ["open", "completed"] };
    for (const order_ of ["oldest", "newest", "oldest", "newest"] as const) {
      const seen: StoredRecord[] = [];
      let cursor: string | undefined;
      do {
        const page = await store.page({ ...both_, order: order_, limit: 20, cursor });
        seen.push(...page.items);
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      const sorted = [...seen].sort((a, b) => a.created_at - b.created_at || (a.id < b.id ? -1 : 1));
      expect(seen.map(({ id }) => id)).toEqual(
        (order_ === "oldest" ? sorted : sorted.reverse()).map(({ id }) => id),
      );
      expect(seen.map(({ id }) => id).sort()).toEqual([...ids].sort());
    }
    done = true;
    await Promise.all(writers);
    await store.close();
  }, 60_000);
});
