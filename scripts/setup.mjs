// Makes a fresh clone ready, and says nothing if it is. Node built-ins only: it runs before there are packages.
import { pathToFileURL } from "node:url";
import { CHROMIUM } from "./lib/browser.mjs";
import { ensureDist } from "./lib/dist.mjs";
import { withLock } from "./lib/lock.mjs";
import { ensureModules } from "./lib/modules.mjs";
import { main, Stop } from "./lib/run.mjs";
import { ensurePrograms, POSTGRES, REDIS } from "./lib/servers.mjs";

const HELP = `Usage: node scripts/setup.mjs [--servers] [--browser] [--build]

Installs the packages of package-lock.json if they are missing or others ("npm ci").
  --servers   also makes sure that the programs are there which the tests start (redis-server, postgres)
  --browser   and the browser in which they run components (chromium)
  --build     also builds dist if it is missing or older than src

HOLDPOINT_SETUP_TIMEOUT_S   seconds that one installation may take (default 900)
HOLDPOINT_TEST_CHROMIUM     a Chromium to use instead of the one of the system`;

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Stop(
    `holdpoint needs Node.js 20.19 or newer; this is ${process.versions.node} (${process.execPath}).`,
  );
}

export async function setup({ servers = false, browser = false, build = false } = {}) {
  checkNode();
  const timeoutMs = Number(process.env.HOLDPOINT_SETUP_TIMEOUT_S ?? 900) * 1000;
  if (!(timeoutMs > 0)) throw new Stop("HOLDPOINT_SETUP_TIMEOUT_S is a number of seconds, for example 900.");
  await withLock(async () => {
    await ensureModules(timeoutMs);
    const programs = [...(servers ? [REDIS, POSTGRES] : []), ...(browser ? [CHROMIUM] : [])];
    await ensurePrograms(programs, timeoutMs);
    if (build) await ensureDist();
  }, timeoutMs * 2);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    const args = process.argv.slice(2);
    const unknown = args.find((arg) => !["--servers", "--browser", "--build", "--help"].includes(arg));
    if (unknown) throw new Stop(`Unknown argument ${unknown}\n\n${HELP}`);
    if (args.includes("--help")) console.log(HELP);
    else {
      await setup({
        servers: args.includes("--servers"),
        browser: args.includes("--browser"),
        build: args.includes("--build"),
      });
    }
  });
}
