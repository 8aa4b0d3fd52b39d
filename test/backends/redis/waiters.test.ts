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
  ["one server, cut off meanwhile", () => ({ url: server.url }), 1, 3],
  ["a Cluster, cut off meanwhile", () => ({ cluster: cluster.nodes }), 3, 3],
])(
  "10 000 waiters share one connection and all are woken: %s",
  async (_, where, commanding, cuts) => {
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
    const waits = ids.map((id) =>
      asking.waitFor(id, { timeoutMs: 120_000 }).then(({ status }) => {
        woken += 1;
        return status;
      }),
    );
    const listens = async (): Promise<boolean> => (await connections(admins))["holdpoint-watch"] === 1;
    await eventually("one connection listens", listens, 30_000);
    expect(await connections(admins)).toEqual({ holdpoint: 2 * commanding, "holdpoint-watch": 1 });
    const answers = (async (): Promise<void> => {
      for (let n = 0; n < WAITERS; n += 500)
        await Promise.all(ids.slice(n, n + 500).map((id) => answering.respond(id, { confirmed: true })));
    })();
    for (let cut = 1; cut <= 3; cut += 1) {
      await eventually("some are woken", () => woken > (WAITERS / 10) * cut, 60_000);
      await Promise.all(admins.map((admin) => admin.call("CLIENT", "KILL", "TYPE", "pubsub")));
    }
    await answers;
    expect(new Set(await Promise.all(waits))).toEqual(new Set(["completed"]));
    expect(woken).toBe(WAITERS);
    expect((await connections(admins))["holdpoint-watch"] ?? 0).toBeLessThanOrEqual(1);
    await Promise.all([asking.close(), answering.close()]);
    own.disconnect();
  },
  180_000,
);
