/**
 * Three primaries with a replica each; a write is acknowledged when the replica has it. What was only seen, and not
 * acknowledged to anybody, may be lost with a primary.
 */
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually } from "../../support/redis-server.ts";
import { type RedisTestCluster, startRedisCluster } from "../../support/redis-cluster.ts";
import type { RedisProcess } from "../../support/redis-process.ts";
import { below, oneOf, type Random } from "../random.ts";
import { type FaultSetup, type Target, wait } from "../setup.ts";
import { killOneClient, tell } from "./redis.ts";

const CALL_MS = 5000;
/** For the replica to have a write: over it, the write is not confirmed. */
export const REPLICA_MS = 150;

function portsOf(target: Target): readonly number[] {
  return target["ports"] as readonly number[];
}

export async function roleOf(node: RedisProcess): Promise<string> {
  const replication = String(await tell(node.url, "INFO", "replication"));
  const role = /role:(\w+)/.exec(replication)?.[1] ?? "none";
  if (role === "master")
    return Number(/connected_slaves:(\d+)/.exec(replication)?.[1]) > 0 ? "primary" : "alone";
  return replication.includes("master_link_status:up") ? "replica" : "behind";
}

/** Every node has its part again: a primary that has its replica, or a replica that has its primary's data. */
async function isWhole(all: readonly RedisProcess[]): Promise<boolean> {
  for (const node of all) {
    const state = String(await tell(node.url, "CLUSTER", "INFO").catch(() => ""));
    const role = await roleOf(node).catch(() => "none");
    if (!state.includes("cluster_state:ok") || (role !== "primary" && role !== "replica")) return false;
  }
  return true;
}

/**
 * Cuts the primary's replica off and stops it: from now on it has nothing of what the primary does. Ends the primary a
 * little later, and only then lets the replica go on: it takes over without all that.
 */
export async function leaveBehind(
  primary: RedisProcess,
  all: readonly RedisProcess[],
  random: Random,
): Promise<void> {
  const replication = String(await tell(primary.url, "INFO", "replication"));
  const port = Number(/^slave0:.*port=([0-9]+)/m.exec(replication)?.[1]);
  const replica = all.find((node) => node.port === port);
  if (!replica) throw new Error("The primary has no replica.");
  replica.freeze();
  try {
    await tell(primary.url, "CLIENT", "KILL", "TYPE", "replica");
    // What is written first is not even waited for any more when the primary ends.
    await wait(2 * REPLICA_MS + below(random, 2 * REPLICA_MS));
    await primary.end("SIGKILL");
  } finally {
    replica.wake();
  }
}

async function killPrimary(
  cluster: RedisTestCluster,
  all: readonly RedisProcess[],
  random: Random,
  end: (victim: RedisProcess) => Promise<void>,
): Promise<void> {
  const victim = await cluster.ownerOf(`{${below(random, 1000)}}`, oneOf(random, all));
  const witness = all.find((node) => node !== victim) as RedisProcess;
  await end(victim);
  const taken = async (): Promise<boolean> => {
    const ranges = (await witness.admin.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    return ranges.every(([, , [, port]]) => port !== victim.port);
  };
  await eventually("a replica has taken over", taken, 20_000);
  await wait(below(random, 300));
  await victim.start();
  await eventually("the old primary follows", () => isWhole(all), 30_000);
}

export const redisClusterSetup: FaultSetup = {
  name: "redis-cluster",
  promises: { durable: true, linearizable: false },
  start: async () => {
    const cluster = await startRedisCluster({ replicas: 1 });
    const all = [...cluster.primaries, ...cluster.replicas.flat()];
    const target: Target = { ports: cluster.nodes.map(({ port }) => port) };
    await eventually("the Cluster is whole", () => isWhole(all), 30_000);
    return {
      target,
      direct: target,
      faults: [
        {
          name: "kill-primary",
          inject: (random) => killPrimary(cluster, all, random, (victim) => victim.end("SIGKILL")),
        },
        {
          name: "kill-primary-ahead",
          inject: (random) => killPrimary(cluster, all, random, (victim) => leaveBehind(victim, all, random)),
        },
        {
          name: "script-flush",
          inject: async () => {
            for (const node of all) await tell(node.url, "SCRIPT", "FLUSH");
          },
        },
        { name: "client-kill", inject: (random) => killOneClient(oneOf(random, all).url, random) },
      ],
      healed: () => eventually("the Cluster is whole", () => isWhole(all), 30_000),
      stop: () => cluster.stop(),
    };
  },
  open: (target, callMs = CALL_MS) =>
    new RedisRecordStore({
      cluster: portsOf(target).map((port) => ({ host: "127.0.0.1", port })),
      commandTimeoutMs: callMs,
      shards: 16,
      durability: { replicas: 1, timeoutMs: REPLICA_MS },
    }),
};
