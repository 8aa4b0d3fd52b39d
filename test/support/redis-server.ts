/**
 * A real redis-server for tests: its own port, its own data directory, gone at the end.
 *
 * With HOLDPOINT_TEST_REDIS_URL set, that server is used instead; each test gets a random prefix, and its keys
 * are deleted afterwards. What stops, kills or restarts a server always starts one of its own.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

export interface RedisServerOptions {
  readonly appendonly?: boolean;
  /** Default everysec. */
  readonly appendfsync?: "always" | "everysec" | "no";
  readonly args?: readonly string[];
  /** The test ends or reconfigures the server: never use the one of HOLDPOINT_TEST_REDIS_URL. */
  readonly own?: boolean;
}

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** A fresh prefix, so that tests on one server do not meet. */
  prefix(): string;
  /** Ends the server in order and removes its data, or deletes the keys of the prefixes given out. */
  stop(): Promise<void>;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 10_000;

/** Checks `condition` until it holds; fails after `timeoutMs`. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function ensureInstalled(): void {
  if (spawnSync("redis-server", ["--version"]).status === 0) return;
  if (process.getuid?.() === 0 && existsSync("/etc/debian_version")) {
    execFileSync("apt-get", ["install", "-y", "redis-server"], { stdio: "ignore" });
    if (spawnSync("redis-server", ["--version"]).status === 0) return;
  }
  throw new Error(
    'redis-server is not installed. Install it ("apt-get install redis-server", "brew install redis"), or set HOLDPOINT_TEST_REDIS_URL.',
  );
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("No port.")),
      );
    });
  });
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === "PONG";
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
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

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const given = process.env["HOLDPOINT_TEST_REDIS_URL"];
  const prefixes: string[] = [];
  const prefix = (): string => {
    const made = `test-${randomBytes(6).toString("hex")}`;
    prefixes.push(made);
    return made;
  };
  if (given && !options.own) {
    const refuse = (): Promise<never> =>
      Promise.reject(new Error("Start a server of its own: { own: true }."));
    const stop = (): Promise<void> => deleteKeys(given, prefixes);
    return {
      url: given,
      port: Number(new URL(given).port || 6379),
      prefix,
      stop,
      kill: refuse,
      restart: refuse,
    };
  }
  ensureInstalled();
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-redis-"));
  const args = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--appendonly",
    options.appendonly ? "yes" : "no",
    "--appendfsync",
    options.appendfsync ?? "everysec",
    ...(options.args ?? []),
  ];
  let child: ChildProcess | undefined;
  let output = "";

  const start = async (): Promise<void> => {
    const started = spawn("redis-server", args, { stdio: ["ignore", "pipe", "pipe"] });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4000);
      });
    }
    await eventually(
      `redis-server answers. Its log:\n${output}`,
      () => {
        if (started.exitCode !== null) throw new Error(`redis-server has ended:\n${output}`);
        return answers(url);
      },
      START_TIMEOUT_MS,
    );
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    child = undefined;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => running.once("exit", () => resolve()));
    running.kill(signal);
    await ended;
  };
  const orphan = (): void => void child?.kill("SIGKILL");
  process.once("exit", orphan);
  await start();
  return {
    url,
    port,
    prefix,
    stop: async () => {
      process.off("exit", orphan);
      await end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
    kill: () => end("SIGKILL"),
    restart: async () => {
      await end("SIGTERM");
      await start();
    },
  };
}
