/**
 * A real PostgreSQL server for tests: its own cluster in a temporary folder, its own port on the loopback, gone at the
 * end.
 *
 * With HOLDPOINT_TEST_POSTGRES_URL set, that server is used instead; each test gets a schema of its own, which is
 * dropped afterwards. What stops, kills or restarts a server always starts one of its own.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Client } from "pg";
import { eventually, freePort } from "./redis-server.ts";

export interface PostgresServerOptions {
  /** Default false: tests that do not lose the machine need not wait for its disk. */
  readonly fsync?: boolean;
  /** Settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** For pg_hba.conf: who may connect without a password. Default everybody on the loopback. */
  readonly auth?: "trust" | "scram-sha-256";
  /** The test ends or reconfigures the server: never use the one of HOLDPOINT_TEST_POSTGRES_URL. */
  readonly own?: boolean;
}

export interface PostgresServer {
  readonly url: string;
  readonly port: number;
  /** The name of a fresh schema, so that tests on one server do not meet. */
  schema(): string;
  /** Runs SQL as the superuser, on a connection of its own. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends the server and removes its data, or drops the schemas given out. */
  stop(): Promise<void>;
  /** Ends all of its processes at once, as a crash does; the data stays. */
  kill(): Promise<void>;
  /** Starts the server again on the same port and data; ends it in order before, if it runs. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

interface User {
  readonly uid: number;
  readonly gid: number;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The folder with initdb and postgres: of a version of Debian's packages, else in PATH. */
function findBinaries(): string | undefined {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, "bin")),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  return folders.find(
    (folder) => isExecutable(join(folder, "initdb")) && isExecutable(join(folder, "postgres")),
  );
}

function binaries(): string {
  const found = findBinaries();
  if (found) return found;
  if (process.getuid?.() === 0 && existsSync("/etc/debian_version")) {
    execFileSync("apt-get", ["install", "-y", "--no-install-recommends", "postgresql"], { stdio: "ignore" });
    const installed = findBinaries();
    if (installed) return installed;
  }
  throw new Error(
    'PostgreSQL is not installed. Install it ("apt-get install postgresql", "brew install postgresql"), or set HOLDPOINT_TEST_POSTGRES_URL.',
  );
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync("id", [flag, name], { stdio: "pipe" }).toString());
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // The next one.
    }
  }
  throw new Error("PostgreSQL does not run as root, and there is neither a user postgres nor nobody.");
}

async function query(url: string, text: string, values: readonly unknown[] = []) {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: START_TIMEOUT_MS });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

export async function startPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const given = process.env["HOLDPOINT_TEST_POSTGRES_URL"];
  const schemas: string[] = [];
  const schema = (): string => {
    const made = `test_${randomBytes(6).toString("hex")}`;
    schemas.push(made);
    return made;
  };
  if (given && !options.own) {
    const refuse = (): Promise<never> =>
      Promise.reject(new Error("Start a server of its own: { own: true }."));
    return {
      url: given,
      port: Number(new URL(given).port || 5432),
      schema,
      sql: (text, values) => query(given, text, values),
      stop: async () => {
        for (const name of schemas) {
          // Tests make more of them, with what was given out as the beginning of the name.
          const found = await query(
            given,
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)",
            [name],
          );
          for (const { nspname } of found) await query(given, `DROP SCHEMA "${String(nspname)}" CASCADE`);
        }
      },
      kill: refuse,
      restart: refuse,
    };
  }
  const bin = binaries();
  const user = unprivileged();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-postgres-"));
  if (user) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const as = user ?? {};
  const initdb = ["-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C", "--no-sync"];
  execFileSync(
    join(bin, "initdb"),
    [...initdb, `--auth=${options.auth ?? "trust"}`, ...passwordFile(options)],
    {
      stdio: "pipe",
      cwd: folder,
      ...as,
    },
  );
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    fsync: options.fsync ? "on" : "off",
    ...(options.fsync ? {} : { full_page_writes: "off", synchronous_commit: "off" }),
    max_connections: 100,
    ...options.settings,
  };
  const args = [
    "-D",
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | undefined;
  let output = "";

  const start = async (): Promise<void> => {
    const started = spawn(join(bin, "postgres"), args, {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: folder,
      ...as,
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4000);
      });
    }
    await eventually(
      "PostgreSQL answers",
      async () => {
        if (started.exitCode !== null) throw new Error(`postgres has ended:\n${output}`);
        try {
          await query(url, "SELECT 1");
          return true;
        } catch (error) {
          // It answers: only not to somebody without a password.
          return (error as { code?: string }).code === "28P01" || /password/.test(String(error));
        }
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
  // SIGQUIT ends all processes of the server at once; SIGKILL would leave them and their shared memory behind.
  const orphan = (): void => void child?.kill("SIGQUIT");
  process.once("exit", orphan);
  await start();
  return {
    url,
    port,
    schema,
    sql: (text, values) => query(url, text, values),
    stop: async () => {
      process.off("exit", orphan);
      await end("SIGQUIT");
      rmSync(folder, { recursive: true, force: true });
    },
    kill: () => end("SIGQUIT"),
    restart: async () => {
      await end("SIGINT");
      await start();
    },
  };
}

/** initdb asks for a password where one is needed; nobody knows this one. */
function passwordFile({ auth }: PostgresServerOptions): string[] {
  return auth === "scram-sha-256" ? ["--pwfile=/proc/sys/kernel/random/uuid"] : [];
}
