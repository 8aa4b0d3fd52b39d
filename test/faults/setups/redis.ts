/** One server with `appendonly yes` and `appendfsync always`: what it has acknowledged outlives its end. */
import { Redis } from "ioredis";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { eventually, startRedisServer } from "../../support/redis-server.ts";
import { below, type Random } from "../random.ts";
import { type Fault, type FaultSetup, textOf, wait } from "../setup.ts";
import { CALL_TIMEOUT_MS, NETWORK_FAULTS, TcpProxy } from "../tcp-proxy.ts";

/** One command, on a connection of its own. */
export async function tell(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

/** Ends one connection of a client, chosen at random, in the server. */
export async function killOneClient(url: string, random: Random): Promise<void> {
  const list = String(await tell(url, "CLIENT", "LIST"));
  const ids = [...list.matchAll(/^id=([0-9]+) .*name=holdpoint/gm)].map(([, id]) => id as string);
  if (ids.length === 0) return;
  await tell(url, "CLIENT", "KILL", "ID", ids[below(random, ids.length)] as string);
}

export const redisSetup: FaultSetup = {
  name: "redis",
  promises: { durable: true, linearizable: true },
  start: async () => {
    const server = await startRedisServer({ own: true, appendonly: true, appendfsync: "always" });
    const proxy = await TcpProxy.open(server.port);
    const faults: Fault[] = [
      {
        name: "kill-server",
        inject: async (random) => {
          await server.kill();
          await wait(below(random, 300));
          await server.restart();
        },
      },
      {
        name: "stop-server",
        inject: async (random) => {
          server.freeze();
          await wait(below(random, 2 * CALL_TIMEOUT_MS));
          server.wake();
        },
      },
      {
        name: "script-flush",
        inject: async () => void (await tell(server.url, "SCRIPT", "FLUSH")),
      },
      { name: "client-kill", inject: (random) => killOneClient(server.url, random) },
      ...NETWORK_FAULTS.map((name) => ({
        name,
        inject: (random: Random) => proxy.inject(name, random, wait),
      })),
    ];
    return {
      target: { url: `redis://127.0.0.1:${proxy.port}` },
      direct: { url: server.url },
      faults,
      healed: () =>
        eventually("redis-server answers", async () => {
          return (await tell(server.url, "PING").catch(() => null)) === "PONG";
        }),
      stop: async () => {
        await proxy.close();
        await server.stop();
      },
    };
  },
  open: (target, callMs = CALL_TIMEOUT_MS) =>
    new RedisRecordStore({ url: textOf(target, "url"), commandTimeoutMs: callMs, shards: 8 }),
};
