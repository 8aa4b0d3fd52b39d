// The matrix of test/matrix with another LangGraph, or on another store. Another LangGraph is installed beside a copy of
// the project, in a folder of its own.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { duration, main, npmCommand, run, Stop } from "./lib/run.mjs";
import { root } from "./lib/root.mjs";
import { setup } from "./setup.mjs";

const HELP = `Usage: node scripts/matrix.mjs [--langgraph <version>] [--store <name>] [options]

Installs that version of @langchain/langgraph, with what it needs, into a temporary folder beside a copy of the
project, and runs test/matrix there. Without --langgraph the matrix runs in the project, with its own packages.

  --langgraph    the version, such as 1.7.3
  --store        memory (default), sqlite or redis: a redis-server of its own, or HOLDPOINT_TEST_REDIS_URL
  --core         of @langchain/core; default: the project's own for the same minor version, else what langgraph asks for
  --langchain    default: the project's own
  --deepagents   default: the project's own
  --override     name=version, for a dependency that does not resolve; may be repeated
  --keep         leaves the folder, and says where it is
  --help`;

/** A resolver that finds no set of versions can go on for ever. */
const INSTALL_MS = 5 * 60_000;
const TESTS_MS = 20 * 60_000;
const LANGGRAPH = "@langchain/langgraph";
const CORE = "@langchain/core";
/** What langgraph and the agents have in common. */
const SHARED = ["@langchain/langgraph-sdk", "@langchain/langgraph-checkpoint"];
/** What the matrix needs of the project's development packages. */
const NEEDED = ["vitest", "zod", "langchain", "deepagents", "ioredis"];
/** The stores, and what else each needs: a slice runs on Redis whatever the store is. */
const DRIVERS = { memory: [], sqlite: ["better-sqlite3"], redis: [] };
const COPIED = [
  "src",
  "test/matrix",
  "test/nodes/kit.ts",
  "test/support",
  "docs/matrix.md",
  "vitest.config.ts",
  "tsconfig.json",
];

const OPTIONS = /** @type {const} */ ({
  langgraph: { type: "string" },
  store: { type: "string", default: "memory" },
  core: { type: "string" },
  langchain: { type: "string" },
  deepagents: { type: "string" },
  override: { type: "string", multiple: true },
  keep: { type: "boolean" },
  help: { type: "boolean", short: "h" },
});

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new Stop(`${error.message}\n\n${HELP}`);
  }
}

const isVersion = (text) => /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(text ?? "");
const minorOf = (version) => version.split(".").slice(0, 2).join(".");

/** What the registry says of this version of langgraph. */
function needsOf(npm, version) {
  const args = [...npm.args, "view", `${LANGGRAPH}@${version}`, "dependencies", "peerDependencies", "--json"];
  const { status, stdout } = spawnSync(npm.command, args, { encoding: "utf8", shell: npm.shell });
  if (status !== 0 || stdout.trim() === "") throw new Stop(`There is no ${LANGGRAPH}@${version}.`);
  return JSON.parse(stdout);
}

function overridesOf(given = []) {
  return Object.fromEntries(
    given.map((one) => {
      const [, name, version] = /^((?:@[\w.-]+\/)?[\w.-]+)=([\w.^~-]+)$/.exec(one) ?? [];
      if (!name) throw new Stop(`--override ${one}: has to be name=version\n\n${HELP}`);
      return [name, version];
    }),
  );
}

function manifestOf(options, npm) {
  const own = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const pins = own.devDependencies;
  const { langgraph } = options;
  const needs = needsOf(npm, langgraph);
  const sameMinor = minorOf(langgraph) === minorOf(pins[LANGGRAPH]);
  const core = options.core ?? (sameMinor ? pins[CORE] : needs.peerDependencies[CORE]);
  const given = overridesOf(options.override);
  const dependencies = {
    ...own.dependencies,
    ...Object.fromEntries(
      [...NEEDED, ...DRIVERS[options.store]].map((name) => [name, options[name] ?? pins[name]]),
    ),
    [LANGGRAPH]: langgraph,
    [CORE]: core,
    // Named here, or npm takes the newest that agents would accept, and finds that it does not fit the rest.
    ...Object.fromEntries(SHARED.map((name) => [name, given[name] ?? needs.dependencies[name]])),
  };
  // Agents ask for ranges of their own: they get this very version too.
  const overrides = { [LANGGRAPH]: langgraph, ...given };
  return { name: "holdpoint-matrix", private: true, type: "module", dependencies, overrides };
}

const versionIn = (folder, name) =>
  JSON.parse(readFileSync(join(folder, "node_modules", name, "package.json"), "utf8")).version;

/** One line for each host, and what failed. */
function report(file) {
  const { testResults } = JSON.parse(readFileSync(file, "utf8"));
  const cases = testResults.flatMap(({ assertionResults }) => assertionResults);
  const hosts = new Map();
  for (const { ancestorTitles, status } of cases) {
    const name = (ancestorTitles[0] ?? "single cases").replaceAll(/^'|'$/g, "");
    const count = hosts.get(name) ?? { passed: 0, failed: 0 };
    count[status === "passed" ? "passed" : "failed"] += 1;
    hosts.set(name, count);
  }
  for (const [name, { passed, failed }] of hosts)
    console.log(`${String(passed).padStart(4)} passed ${String(failed).padStart(4)} failed  ${name}`);
  for (const { fullName, status, failureMessages } of cases)
    if (status !== "passed") console.log(`FAILED ${fullName}: ${(failureMessages[0] ?? "").split("\n")[0]}`);
  const broken = testResults.filter((result) => result.status !== "passed" && result.message);
  for (const { name, message } of broken) console.log(`FAILED ${name}: ${message.split("\n")[0]}`);
}

/** Runs the matrix in this folder. @returns whether all cells hold */
async function runMatrix(folder, store, file) {
  const vitest = join(folder, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--root", folder, "test/matrix", "--reporter=json", `--outputFile=${file}`];
  const tests = await run(process.execPath, args, {
    env: { HOLDPOINT_MATRIX_STORE: store },
    timeoutMs: TESTS_MS,
    group: true,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (!existsSync(file)) throw new Stop("The tests did not run to their end.");
  report(file);
  return tests.code === 0;
}

async function installIn(folder, options) {
  const npm = npmCommand();
  for (const path of COPIED) cpSync(join(root, path), join(folder, path), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifestOf(options, npm), null, 2));
  const install = ["--prefix", folder, "install", "--no-audit", "--no-fund", "--loglevel=error"];
  const installed = await run(npm.command, [...npm.args, ...install], {
    timeoutMs: INSTALL_MS,
    group: true,
    shell: npm.shell,
  });
  if (installed.timedOut) throw new Stop(`npm found no set of versions in ${duration(INSTALL_MS)}.`);
  if (installed.code !== 0) throw new Stop("npm install failed; its message is above.");
}

function checkOptions(options) {
  if (!Object.hasOwn(DRIVERS, options.store))
    throw new Stop(`--store has to be one of ${Object.keys(DRIVERS).join(", ")}\n\n${HELP}`);
  for (const name of ["langgraph", "core", "langchain", "deepagents"])
    if (options[name] !== undefined && !isVersion(options[name]))
      throw new Stop(`--${name} has to be a version such as 1.7.3\n\n${HELP}`);
  const others = ["core", "langchain", "deepagents", "override"].filter((name) => options[name]);
  if (options.langgraph === undefined && others.length > 0)
    throw new Stop(`--${others[0]} needs --langgraph: the project has its own packages\n\n${HELP}`);
}

await main(async () => {
  const options = readOptions();
  if (options.help) return console.log(HELP);
  checkOptions(options);
  const { langgraph, store } = options;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdpoint-matrix-")));
  const began = Date.now();
  try {
    if (langgraph === undefined) await setup({ servers: true });
    else await installIn(folder, options);
    const place = langgraph === undefined ? root : folder;
    const versions = [LANGGRAPH, CORE, ...SHARED, "langchain", "deepagents"]
      .map((name) => `${name} ${versionIn(place, name)}`)
      .join(", ");
    const ready = Date.now();
    console.log(`Node ${process.versions.node}, ${versions}; ready in ${duration(ready - began)}`);
    const holds = await runMatrix(place, store, join(folder, "result.json"));
    if (!holds) throw new Stop(`On ${store}, with ${versions}, not all cells hold.`);
    console.log(`All cells hold on ${store}; ${duration(Date.now() - ready)}.`);
  } finally {
    if (options.keep) console.log(`Kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
});
