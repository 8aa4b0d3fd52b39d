/** A primary and a replica, watched by three sentinels; a write is acknowledged when the replica has it. */
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually } from "../../support/redis-server.ts";
import type { RedisProcess } from "../../support/redis-process.ts";
import { startRedisSentinel } from "../../support/redis-sentinel.ts";
import { below, type Random } from "../random.ts";
import { type FaultSetup, type Target, textOf, wait } from "../setup.ts";
import { killOneClient, tell } from "./redis.ts";
import { leaveBehind, REPLICA_MS, roleOf } from "./redis-cluster.ts";

const CALL_MS = 5000;

async function isWhole(servers: readonly RedisProcess[]): Promise<boolean> {
  const roles = await Promise.all(servers.map((server) => roleOf(server).catch(() => "none")));
  return roles.toSorted().join() === "primary,replica";
}

export const redisSentinelSetup: FaultSetup = {
  name: "redis-sentinel",
  promises: { durable: true, linearizable: false },
  start: async () => {
    const setup = await startRedisSentinel({ replicas: 1 });
    const target: Target = { name: setup.name, ports: setup.sentinels.map(({ port }) => port) };
    const whole = (): Promise<void> =>
      eventually("the primary has its replica", () => isWhole(setup.servers), 40_000);
    await whole();
    const failover = async (random: Random, end: (victim: RedisProcess) => Promise<void>): Promise<void> => {
      const victim = await setup.primary();
      await end(victim);
      const promoted = async (): Promise<boolean> => (await setup.primary()) !== victim;
      await eventually("the replica was promoted", promoted, 20_000);
      await wait(below(random, 300));
      await victim.start();
      await whole();
    };
    return {
      target,
      direct: target,
      faults: [
        { name: "failover", inject: (random) => failover(random, (victim) => victim.end("SIGKILL")) },
        {
          name: "failover-behind",
          inject: (random) => failover(random, (victim) => leaveBehind(victim, setup.servers, random)),
        },
        {
          name: "script-flush",
          inject: async () => void (await tell((await setup.primary()).url, "SCRIPT", "FLUSH")),
        },
        {
          name: "client-kill",
          inject: async (random) => killOneClient((await setup.primary()).url, random),
        },
      ],
      healed: whole,
      stop: () => setup.stop(),
    };
  },
  open: (target, callMs = CALL_MS) =>
    new RedisRecordStore({
      sentinels: (target["ports"] as readonly number[]).map((port) => ({ host: "127.0.0.1", port })),
      name: textOf(target, "name"),
      commandTimeoutMs: callMs,
      shards: 8,
      durability: { replicas: 1, timeoutMs: REPLICA_MS },
    }),
};
