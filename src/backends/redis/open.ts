/** Makes the client that the options ask for, or takes the user's own. */
import { HoldpointError } from "../../core/errors.ts";
import { type AnyRedisClient, retryDelayMs } from "./client.ts";
import type { CheckedOptions, RedisNode } from "./options.ts";

type Ioredis = Pick<typeof import("ioredis"), "Redis" | "Cluster">;

/** A command that was not answered is sent again after a reconnect, which S4 makes safe, but not for ever. */
const RETRIES = 3;

/**
 * Connects with the first command, not before.
 *
 * @throws HoldpointError `ERR_HITL_MISSING_PEER`
 */
export async function openClient(options: CheckedOptions): Promise<AnyRedisClient> {
  const { plan, commandTimeoutMs } = options;
  if (plan.kind === "client") return plan.client;
  const { Redis, Cluster } = await ioredis();
  const own = {
    connectionName: "holdpoint",
    connectTimeout: commandTimeoutMs,
    maxRetriesPerRequest: RETRIES,
  };
  // A primary whose machine hangs closes no connection. Given up in time, its calls still reach the next primary.
  const silence = { socketTimeout: Math.max(commandTimeoutMs / 2, 2 * (options.durability?.timeoutMs ?? 0)) };
  let client: AnyRedisClient;
  if (plan.kind === "cluster") {
    client = new Cluster(plan.nodes.map(copyOf), {
      ...plan.options,
      lazyConnect: true,
      clusterRetryStrategy: retryDelayMs,
      // Told at once, and sent again here: so it is known that nothing was done.
      retryDelayOnClusterDown: 0,
      redisOptions: {
        ...own,
        ...silence,
        ...(plan.options["redisOptions"] as object | undefined),
        ...plan.redisOptions,
      },
    });
  } else {
    const all = {
      // An address may come to mean another server when a primary fails.
      reconnectOnError: ({ message }: Error) => message.startsWith("READONLY"),
      ...own,
      ...(plan.kind === "sentinel" ? silence : {}),
      ...plan.options,
      lazyConnect: true,
      retryStrategy: retryDelayMs,
    };
    client =
      plan.kind === "url"
        ? new Redis(plan.url, all)
        : new Redis({ sentinelRetryStrategy: retryDelayMs, ...all });
  }
  // Without a listener ioredis prints each failed attempt; a call that fails because of it reports it.
  client.on("error", () => undefined);
  return client;
}

/** ioredis writes into the objects that it is given. */
function copyOf(node: RedisNode): string | number | { host?: string; port?: number } {
  return typeof node === "object" ? { ...node } : node;
}

async function ioredis(): Promise<Ioredis> {
  try {
    const { Redis, Cluster } = await import("ioredis");
    return { Redis, Cluster };
  } catch (cause) {
    throw new HoldpointError(
      "ERR_HITL_MISSING_PEER",
      'The Redis backend needs the package "ioredis" to connect. Install it ("npm install ioredis"), or pass a client.',
      { cause, details: { peer: "ioredis" } },
    );
  }
}
