/** A real Redis Cluster for tests: three primaries on free ports, with replicas if asked for. */
import { type RedisProcess, redisProcess } from "./redis-process.ts";
import { eventually, randomPrefix } from "./redis-server.ts";

const SLOTS = 16_384;

export interface RedisClusterOptions {
  readonly primaries?: number;
  /** Of each primary. Default 0. */
  readonly replicas?: number;
  /** When a node counts as failed, in ms. Default 1000. */
  readonly nodeTimeoutMs?: number;
  readonly args?: readonly string[];
}

export interface RedisTestCluster {
  /** To begin with: `[{ host, port }, …]` of the primaries. */
  readonly nodes: { host: string; port: number }[];
  readonly primaries: readonly RedisProcess[];
  /** By primary. */
  readonly replicas: readonly (readonly RedisProcess[])[];
  prefix(): string;
  /** The node that serves the slot of a key now, by the word of `asked`. */
  ownerOf(key: string, asked?: RedisProcess): Promise<RedisProcess>;
  /** Moves the slot of a key, with its keys, while clients use it. */
  moveSlot(key: string, to: RedisProcess): Promise<void>;
  stop(): Promise<void>;
}

async function clusterInfo(node: RedisProcess): Promise<string> {
  return String(await node.admin.call("CLUSTER", "INFO"));
}

async function nodeId(node: RedisProcess): Promise<string> {
  return String(await node.admin.call("CLUSTER", "MYID"));
}

export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisTestCluster> {
  const { primaries: count = 3, replicas: each = 0, nodeTimeoutMs = 1000 } = options;
  const all = await startAll(count * (1 + each), nodeTimeoutMs, options.args ?? []);
  const primaries = all.slice(0, count);
  const replicas = primaries.map((_, n) => all.slice(count + n * each, count + (n + 1) * each));
  const [first] = primaries as [RedisProcess];
  for (const [n, node] of primaries.entries()) {
    const from = Math.floor((SLOTS * n) / count);
    const slots = Array.from({ length: Math.floor((SLOTS * (n + 1)) / count) - from }, (_, m) => from + m);
    await node.admin.call("CLUSTER", "ADDSLOTS", ...slots);
    // Different epochs from the start: equal ones would have to be sorted out first.
    await node.admin.call("CLUSTER", "SET-CONFIG-EPOCH", n + 1);
  }
  for (const node of all.slice(1)) await node.admin.call("CLUSTER", "MEET", "127.0.0.1", first.port);
  const knowsAll = async (node: RedisProcess): Promise<boolean> =>
    new RegExp(`cluster_known_nodes:${all.length}\\b`).test(await clusterInfo(node));
  for (const node of all) await eventually("all nodes know each other", () => knowsAll(node), 20_000);
  for (const [n, primary] of primaries.entries()) {
    for (const replica of replicas[n] ?? []) {
      await replica.admin.call("CLUSTER", "REPLICATE", await nodeId(primary));
      const isLinked = async (): Promise<boolean> =>
        (await replica.admin.info("replication")).includes("master_link_status:up");
      await eventually("the replica has its primary's data", isLinked, 20_000);
    }
  }
  for (const node of all)
    await eventually(
      "the Cluster is up",
      async () => (await clusterInfo(node)).includes("cluster_state:ok"),
      20_000,
    );
  const byPort = (port: number): RedisProcess => {
    const found = all.find((node) => node.port === port);
    if (!found) throw new Error(`No node on port ${port}.`);
    return found;
  };
  const slotOf = async (key: string): Promise<number> =>
    Number(await first.admin.call("CLUSTER", "KEYSLOT", key));
  const ownerOf = async (key: string, asked = first): Promise<RedisProcess> => {
    const slot = Number(await asked.admin.call("CLUSTER", "KEYSLOT", key));
    const ranges = (await asked.admin.call("CLUSTER", "SLOTS")) as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    if (!range) throw new Error(`Nobody serves slot ${slot}.`);
    return byPort(range[2][1]);
  };
  return {
    nodes: primaries.map(({ port }) => ({ host: "127.0.0.1", port })),
    primaries,
    replicas,
    prefix: randomPrefix,
    ownerOf,
    moveSlot: async (key, to) => {
      const slot = await slotOf(key);
      const from = await ownerOf(key);
      if (from === to) return;
      const [fromId, toId] = [await nodeId(from), await nodeId(to)];
      await to.admin.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
      await from.admin.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
      for (;;) {
        const keys = (await from.admin.call("CLUSTER", "GETKEYSINSLOT", slot, 2)) as string[];
        if (keys.length === 0) break;
        await from.admin.call("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", ...keys);
      }
      for (const node of [to, from, ...primaries])
        await node.admin.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
    },
    stop: async () => {
      await Promise.all(all.map((node) => node.stop()));
    },
  };
}

async function startAll(
  count: number,
  nodeTimeoutMs: number,
  args: readonly string[],
): Promise<readonly RedisProcess[]> {
  const all: RedisProcess[] = [];
  for (let n = 0; n < count; n += 1) {
    const node = await redisProcess({
      cluster: true,
      args: () => [
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        "nodes.conf",
        "--cluster-node-timeout",
        String(nodeTimeoutMs),
        // A replica whose primary has just died is never too old to follow it here.
        "--cluster-replica-validity-factor",
        "0",
        "--repl-diskless-sync-delay",
        "0",
        ...args,
      ],
    });
    await node.start();
    all.push(node);
  }
  return all;
}
