// The programs that the tests start for themselves. Nothing is left running: only the programs must be there.
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run, Stop } from "./run.mjs";

export function which(program) {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    try {
      const path = join(folder, program);
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

export const REDIS = {
  program: "redis-server",
  debian: "redis-server",
  brew: "redis",
  what: "the Redis and Redis Cluster tests",
  find: () => which("redis-server"),
};

/** Debian keeps the programs of each version in a folder of its own, which is not in PATH. */
function findPostgres() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  for (const version of versions) {
    const path = join(debian, version, "bin", "postgres");
    if (existsSync(path)) return path;
  }
  return which("initdb") && which("postgres");
}

export const POSTGRES = {
  program: "postgres",
  debian: "postgresql",
  brew: "postgresql",
  what: "the PostgreSQL tests",
  find: findPostgres,
};

function howTo(missing) {
  const debian = missing.map((wanted) => wanted.debian).join(" ");
  const brew = missing.map((wanted) => wanted.brew).join(" && brew install ");
  return (
    `Install and run the command again:\n` +
    `  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y ${debian}\n` +
    `  macOS:           brew install ${brew}\n` +
    `  elsewhere:       put ${missing.map((wanted) => wanted.program).join(", ")} into PATH`
  );
}

/** Installs what is missing where that can be done without asking, else says how to. */
export async function ensurePrograms(programs, timeoutMs) {
  const missing = programs.filter((wanted) => !wanted.find());
  if (missing.length === 0) return;
  const names = missing.map((wanted) => `${wanted.program} (for ${wanted.what})`).join(", ");
  if (process.getuid?.() !== 0 || !which("apt-get")) {
    throw new Stop(`holdpoint: missing ${names}. ${howTo(missing)}`);
  }
  console.log(`holdpoint: missing ${names}; installing with apt-get.`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const packages = missing.map((wanted) => wanted.debian);
  for (const args of [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", ...packages],
  ]) {
    console.log(`holdpoint: apt-get ${args.join(" ")}`);
    const result = await run("apt-get", args, { env, timeoutMs, group: true });
    if (result.timedOut)
      throw new Stop(`holdpoint: apt-get ${args[0]} took too long and was stopped. ${howTo(missing)}`);
    if (result.code !== 0) throw new Stop(`holdpoint: apt-get ${args[0]} failed. ${howTo(missing)}`);
  }
  const still = missing.filter((wanted) => !wanted.find());
  if (still.length > 0)
    throw new Stop(`holdpoint: apt-get ended well, but there is no ${still[0].program} in PATH.`);
}
