/** A real primary with replicas, and real sentinels that watch it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RedisProcess, redisProcess } from "./redis-process.ts";
import { eventually, randomPrefix } from "./redis-server.ts";

export interface RedisSentinelOptions {
  readonly replicas?: number;
  readonly sentinels?: number;
  /** When a primary counts as down, in ms. Default 500. */
  readonly downAfterMs?: number;
  readonly args?: readonly string[];
}

export interface RedisSentinelSetup {
  readonly name: string;
  readonly sentinels: { host: string; port: number }[];
  readonly servers: readonly RedisProcess[];
  prefix(): string;
  /** What the sentinels call the primary now. */
  primary(): Promise<RedisProcess>;
  stop(): Promise<void>;
}

/**
 * How often a sentinel asks the servers what they are, and tells the others what it knows, in ms. By itself it takes ten
 * seconds and two, and waits for several of these before it makes a server that has come back a replica.
 */
const PERIODS = ["INFO-PERIOD", "200", "PUBLISH-PERIOD", "200"];

export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinelSetup> {
  const { replicas = 2, sentinels: count = 3, downAfterMs = 500 } = options;
  const name = "holdpoint-test";
  const servers: RedisProcess[] = [];
  for (let n = 0; n <= replicas; n += 1) {
    const server = await redisProcess({
      args: () => ["--repl-diskless-sync-delay", "0", ...(options.args ?? [])],
    });
    await server.start();
    servers.push(server);
  }
  const [first, ...followers] = servers as [RedisProcess, ...RedisProcess[]];
  for (const follower of followers) {
    await follower.admin.call("REPLICAOF", "127.0.0.1", first.port);
    const isLinked = async (): Promise<boolean> =>
      (await follower.admin.info("replication")).includes("master_link_status:up");
    await eventually("the replica has the primary's data", isLinked);
  }
  // Linked as it may be, a replica is sent writes only after its first word, once a second.
  await eventually("the replicas confirm writes", async () => {
    await first.admin.call("PUBLISH", name, "written");
    return Number(await first.admin.call("WAIT", replicas, 200)) === replicas;
  });
  const sentinels: RedisProcess[] = [];
  for (let n = 0; n < count; n += 1) {
    const sentinel = await redisProcess({
      args: (folder) => {
        const file = join(folder, "sentinel.conf");
        const lines = [
          `sentinel monitor ${name} 127.0.0.1 ${first.port} ${Math.floor(count / 2) + 1}`,
          `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
          `sentinel failover-timeout ${name} 3000`,
        ];
        writeFileSync(file, `${lines.join("\n")}\n`);
        return [file, "--sentinel"];
      },
    });
    await sentinel.start();
    // Before 7.0 a sentinel has no such command, and is as slow as it is.
    await sentinel.admin.call("SENTINEL", "DEBUG", ...PERIODS).catch(() => undefined);
    sentinels.push(sentinel);
  }
  const [asked] = sentinels as [RedisProcess];
  const knows = async (sentinel: RedisProcess): Promise<boolean> => {
    const fields = (await sentinel.admin.call("SENTINEL", "MASTER", name)) as string[];
    const value = (field: string): number => Number(fields[fields.indexOf(field) + 1]);
    return value("num-slaves") === replicas && value("num-other-sentinels") === count - 1;
  };
  for (const sentinel of sentinels)
    await eventually("the sentinels know all replicas and each other", () => knows(sentinel), 30_000);
  return {
    name,
    sentinels: sentinels.map(({ port }) => ({ host: "127.0.0.1", port })),
    servers,
    prefix: randomPrefix,
    primary: async () => {
      const [, port] = (await asked.admin.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)) as [
        string,
        string,
      ];
      const found = servers.find((server) => server.port === Number(port));
      if (!found) throw new Error(`No server on port ${port}.`);
      return found;
    },
    stop: async () => {
      await Promise.all([...sentinels, ...servers].map((server) => server.stop()));
    },
  };
}
