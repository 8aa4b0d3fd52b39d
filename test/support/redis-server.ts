/**
 * A real redis-server for tests: its own port, its own data directory, gone at the end.
 *
 * With HOLDPOINT_TEST_REDIS_URL set, that server is used instead; each test gets a random prefix, and its keys
 * are deleted afterwards. What stops, kills or restarts a server always starts one of its own. With
 * HOLDPOINT_TEST_VALKEY set, the servers that are started are of that program (`1` for valkey-server).
 */
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { redisProcess } from "./redis-process.ts";

export { eventually, freePort } from "./redis-process.ts";

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  /** Default everysec. */
  readonly appendfsync?: "always" | "everysec" | "no";
  readonly args?: readonly string[];
  /** The test ends or reconfigures the server: never use the one of HOLDPOINT_TEST_REDIS_URL. */
  readonly own?: boolean;
  /** Default: what HOLDPOINT_TEST_VALKEY names, else redis-server. */
  readonly program?: string;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** A fresh prefix, so that tests on one server do not meet. */
  prefix(): string;
  /** Ends the server and removes its data, or deletes the keys of the prefixes given out. */
  stop(): Promise<void>;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data. */
  restart(): Promise<void>;
  /** The server does nothing until `wake`, as one whose machine hangs. */
  freeze(): void;
  wake(): void;
}

async function deleteKeys(url: string, prefixes: readonly string[]): Promise<void> {
  const client = new Redis(url);
  for (const prefix of prefixes) {
    for await (const keys of client.scanStream({ match: `{${prefix}*`, count: 1000 })) {
      if ((keys as string[]).length > 0) await client.del(...(keys as string[]));
    }
  }
  client.disconnect();
}

export function randomPrefix(): string {
  return `test-${randomBytes(6).toString("hex")}`;
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const given = process.env["HOLDPOINT_TEST_REDIS_URL"];
  const prefixes: string[] = [];
  const prefix = (): string => {
    const made = randomPrefix();
    prefixes.push(made);
    return made;
  };
  if (given && !options.own) {
    const refuse = (): never => {
      throw new Error("Start a server of its own: { own: true }.");
    };
    return {
      url: given,
      port: Number(new URL(given).port || 6379),
      prefix,
      stop: () => deleteKeys(given, prefixes),
      kill: async () => refuse(),
      restart: async () => refuse(),
      freeze: refuse,
      wake: refuse,
    };
  }
  const server = await redisProcess({
    ...(options.program === undefined ? {} : { program: options.program }),
    args: () => [
      "--appendonly",
      options.appendonly ? "yes" : "no",
      "--appendfsync",
      options.appendfsync ?? "everysec",
      ...(options.args ?? []),
    ],
  });
  await server.start();
  return {
    url: server.url,
    port: server.port,
    prefix,
    stop: server.stop,
    kill: () => server.end("SIGKILL"),
    restart: async () => {
      await server.end("SIGTERM");
      await server.start();
    },
    freeze: server.freeze,
    wake: server.wake,
  };
}
