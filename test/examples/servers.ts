/** The servers that some of the examples want, started for them. */
import { startPostgresServer } from "../support/postgres-server.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";
import { startRedisServer } from "../support/redis-server.ts";

export interface ExampleServer {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

const none: ExampleServer = { env: {}, stop: async () => {} };

/** By the example's name. */
export async function serverFor(name: string): Promise<ExampleServer> {
  if (name.includes("cluster")) {
    const { nodes, stop } = await startRedisCluster();
    return { env: { REDIS_CLUSTER: nodes.map(({ host, port }) => `${host}:${port}`).join(",") }, stop };
  }
  if (name.includes("redis")) {
    const { url, stop } = await startRedisServer({ own: true });
    return { env: { REDIS_URL: url }, stop };
  }
  if (name.includes("postgres")) {
    const { url, stop } = await startPostgresServer({ own: true });
    return { env: { DATABASE_URL: url }, stop };
  }
  return none;
}
