import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RedisHITLBackend } from "../../../src/backends/redis/redis-backend.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import { eventually, type RedisServer, startRedisServer } from "../../support/redis-server.ts";

const WAITERS = 10_000;
let server: RedisServer;
let cluster: RedisTestCluster;
beforeAll(async () => {
  server = await startRedisServer({ own: true });
  cluster = await startRedisCluster();
}, 60_000);
afterAll(() => Promise.all([server?.stop(), cluster?.stop()]));

/** Of the backends under test, by name. */
async function connections(admins: readonly Redis[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const admin of admins) {
    for (const [, name] of String(await admin.call("CLIENT", "LIST")).matchAll(/ name=(holdpoint\S*) /g))
      counts[name as string] = (counts[name as string] ?? 0) + 1;
  }
  return counts;
}

it.each([
  ["one server", () => ({ url: server.url }), 1],
  ["a Cluster", () => ({ cluster: cluster.nodes }), 3],
])(
  "W2: 10 000 waiters share one connection that is cut off three times, and all are woken: %s",
  async (_, where, commanding) => {
    const own = new Redis(server.url);
    const admins = "url" in where() ? [own] : cluster.primaries.map(({ admin }) => admin);
    const options = { ...where(), prefix: server.prefix(), commandTimeoutMs: 30_000 };
    const [asking, answering] = [new RedisHITLBackend(options), new RedisHITLBackend(options)];
    const ids: string[] = [];
    for (let n = 0; n < WAITERS; n += 500) {
      const made = await Promise.all(
        Array.from({ length: 500 }, (__, m) =>
          asking.create({ hitl_type: "confirm", data: { message: "?" }, session_id: `s${(n + m) % 997}` }),
        ),
      );
      ids.push(...made.map(({ record }) => record.hitl_id));
    }
    await answering.get(ids[0] as string);
    let woken = 0;
    const over = new AbortController();
    const waits = Promise.all(
      ids.map(async (id) => {
        const { status } = await asking.waitFor(id, { signal: over.signal });
        woken += 1;
        return status;
      }),
    );
    // A step below that fails ends them: ten thousand reports would hide its own.
    waits.catch(() => undefined);
    try {
      const listens = async (): Promise<boolean> => (await connections(admins))["holdpoint-watch"] === 1;
      await eventually("one connection listens", listens, 30_000);
      expect(await connections(admins)).toEqual({ holdpoint: 2 * commanding, "holdpoint-watch": 1 });
      for (let n = 0; n < WAITERS; n += 500) {
        await Promise.all(ids.slice(n, n + 500).map((id) => answering.respond(id, { confirmed: true })));
        if (n % 3000 === 1500)
          await Promise.all(admins.map((admin) => admin.call("CLIENT", "KILL", "TYPE", "pubsub")));
      }
      expect(new Set(await waits)).toEqual(new Set(["completed"]));
    } finally {
      over.abort();
    }
    expect(woken).toBe(WAITERS);
    expect((await connections(admins))["holdpoint-watch"] ?? 0).toBeLessThanOrEqual(1);
    await Promise.all([asking.close(), answering.close()]);
    own.disconnect();
  },
  180_000,
);
