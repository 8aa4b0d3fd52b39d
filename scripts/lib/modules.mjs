// node_modules as package-lock.json wants it.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";
import { duration, npmCommand, run, Stop } from "./run.mjs";

/**
 * Why node_modules does not fit the lock, or undefined. Versions are compared, not times: a checkout gives every
 * file a new time, and `npm install` of one package leaves a tree that fits. npm writes the inner lock last, so a
 * broken install has none.
 */
export function whyStale() {
  const inner = join(root, "node_modules/.package-lock.json");
  if (!existsSync(inner)) return "there are no installed packages yet";
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const found = JSON.parse(readFileSync(inner, "utf8")).packages;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === "" || (entry.optional && !found[path])) continue;
    if (found[path]?.version !== entry.version) {
      return `${path.replace(/^.*node_modules\//, "")} is ${found[path]?.version ?? "missing"}, the lock says ${entry.version}`;
    }
  }
  return undefined;
}

const HELP = `
What usually helps:
  - npm needs its registry: try "npm ping"; behind a proxy, "npm config set proxy http://…".
  - better-sqlite3 compiles itself where there is no ready binary for this machine. That needs Python 3, make and a
    C++ compiler (Debian: apt-get install -y python3 make g++; macOS: xcode-select --install).
  - "npm ci" by hand shows npm's whole output.`;

export async function ensureModules(timeoutMs) {
  const why = whyStale();
  if (!why) return;
  console.log(`holdpoint: installing the packages of package-lock.json with "npm ci" (${why}).`);
  console.log(
    "holdpoint: this is needed once; better-sqlite3 may compile, which takes two or three minutes.",
  );
  const started = Date.now();
  const alive = setInterval(() => {
    console.log(`holdpoint: npm ci is still running (${duration(Date.now() - started)})`);
  }, 20_000);
  const npm = npmCommand();
  let result;
  try {
    // The warnings that npm may print are about the user's configuration; errors still show.
    const args = [...npm.args, "ci", "--no-audit", "--no-fund", "--loglevel=error"];
    // node-gyp compiles on one core unless told otherwise.
    const env = { JOBS: "max" };
    result = await run(npm.command, args, { env, timeoutMs, group: true, shell: npm.shell });
  } catch (error) {
    throw new Stop(`holdpoint: npm cannot be started (${error.message}). Install Node.js ≥ 20.19 with npm.`);
  } finally {
    clearInterval(alive);
  }
  if (result.timedOut) {
    throw new Stop(
      `holdpoint: npm ci did not end within ${duration(timeoutMs)} and was stopped. ` +
        `HOLDPOINT_SETUP_TIMEOUT_S sets another limit.\n${HELP}`,
    );
  }
  if (result.signal) throw new Stop(`holdpoint: npm ci was ended by ${result.signal}.`);
  if (result.code !== 0) throw new Stop(`holdpoint: npm ci failed with code ${result.code}.\n${HELP}`);
  console.log(`holdpoint: packages installed in ${duration(Date.now() - started)}`);
}
