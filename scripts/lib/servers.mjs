// The servers that the tests start for themselves. Nothing is left running: only the programs must be there.
import { accessSync, constants } from "node:fs";
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

const SERVERS = [
  {
    program: "redis-server",
    debian: "redis-server",
    brew: "redis",
    what: "the Redis and Redis Cluster tests",
  },
];

function howTo(missing) {
  const debian = missing.map((server) => server.debian).join(" ");
  const brew = missing.map((server) => server.brew).join(" ");
  return (
    `Install and run the command again:\n` +
    `  Debian, Ubuntu:  sudo apt-get update && sudo apt-get install -y ${debian}\n` +
    `  macOS:           brew install ${brew}\n` +
    `  elsewhere:       put ${missing.map((server) => server.program).join(", ")} into PATH`
  );
}

export async function ensureServers(timeoutMs) {
  const missing = SERVERS.filter((server) => !which(server.program));
  if (missing.length === 0) return;
  const names = missing.map((server) => `${server.program} (for ${server.what})`).join(", ");
  if (process.getuid?.() !== 0 || !which("apt-get")) {
    throw new Stop(`holdpoint: missing ${names}. ${howTo(missing)}`);
  }
  console.log(`holdpoint: missing ${names}; installing it with apt-get.`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const packages = missing.map((server) => server.debian);
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
  const still = missing.filter((server) => !which(server.program));
  if (still.length > 0)
    throw new Stop(`holdpoint: apt-get ended well, but there is no ${still[0].program} in PATH.`);
}
