/** One process of redis-server, or of a server that speaks like it, in a folder of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

const START_TIMEOUT_MS = 10_000;

export interface RedisProcess {
  readonly port: number;
  readonly url: string;
  readonly folder: string;
  /** A connection for tests to look at the server with; closed by `stop`. */
  readonly admin: Redis;
  start(): Promise<void>;
  /** Ends the process; its data stays. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Stops it from doing anything, as a machine does that hangs, until `wake`. */
  freeze(): void;
  wake(): void;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

export interface RedisProcessOptions {
  /** Default: the program that HOLDPOINT_TEST_VALKEY names (`1` for valkey-server), else redis-server. */
  readonly program?: string;
  /** Further arguments; a file that is to be written is given a path in `folder`. */
  readonly args?: (folder: string, port: number) => readonly string[];
  /** Needs another port 10 000 above its own. */
  readonly cluster?: boolean;
}

export function defaultProgram(): string {
  const valkey = process.env["HOLDPOINT_TEST_VALKEY"];
  if (!valkey) return "redis-server";
  return valkey === "1" ? "valkey-server" : valkey;
}

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

function ensureInstalled(program: string): void {
  if (spawnSync(program, ["--version"]).status === 0) return;
  if (program === "redis-server" && process.getuid?.() === 0 && existsSync("/etc/debian_version")) {
    execFileSync("apt-get", ["install", "-y", "redis-server"], { stdio: "ignore" });
    if (spawnSync(program, ["--version"]).status === 0) return;
  }
  throw new Error(
    `${program} is not installed. Install it ("apt-get install redis-server", "brew install redis"), or set HOLDPOINT_TEST_REDIS_URL.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
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

async function freePortPair(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port <= 55_535 && (await isFree(port + 10_000))) return port;
  }
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

/** Makes the folder and chooses the port; `start` starts it. */
export async function redisProcess(options: RedisProcessOptions = {}): Promise<RedisProcess> {
  const program = options.program ?? defaultProgram();
  ensureInstalled(program);
  const port = await (options.cluster ? freePortPair() : freePort());
  const url = `redis://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-redis-"));
  const listen = ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""];
  const admin = new Redis(url, { lazyConnect: true, retryStrategy: () => 20 });
  admin.on("error", () => undefined);
  let child: ChildProcess | undefined;
  let output = "";
  const orphan = (): void => void child?.kill("SIGKILL");

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    child = undefined;
    process.off("exit", orphan);
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => running.once("exit", () => resolve()));
    running.kill("SIGCONT");
    running.kill(signal);
    await ended;
  };
  return {
    port,
    url,
    folder,
    admin,
    start: async () => {
      const all = [...(options.args?.(folder, port) ?? [])];
      // A configuration file, if there is one, has to come first.
      const file = all[0]?.startsWith("--") ? [] : all.splice(0, 1);
      const started = spawn(program, [...file, ...listen, ...all], { stdio: ["ignore", "pipe", "pipe"] });
      child = started;
      process.once("exit", orphan);
      for (const stream of [started.stdout, started.stderr]) {
        stream.on("data", (chunk: Buffer) => {
          output = (output + chunk.toString()).slice(-4000);
        });
      }
      const running = (): Promise<boolean> | never => {
        if (started.exitCode !== null) throw new Error(`${program} has ended:\n${output}`);
        return answers(url);
      };
      await eventually(`${program} answers on port ${port}`, running, START_TIMEOUT_MS);
    },
    end,
    freeze: () => void child?.kill("SIGSTOP"),
    wake: () => void child?.kill("SIGCONT"),
    stop: async () => {
      admin.disconnect();
      // Nothing is to be kept, and one that begins its append-only file ignores SIGTERM.
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
