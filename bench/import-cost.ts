/** What `import "holdpoint"` costs, in processes of their own, on the built package. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./measure.ts";
import type { Options } from "./options.ts";
import { exactly, type Report } from "./report.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const HOST = [
  "@langchain/core/messages",
  "@langchain/core/tools",
  "@langchain/langgraph",
  "@langchain/langgraph/prebuilt",
  "zod",
];
const DRIVERS =
  /\/node_modules\/(better-sqlite3|ioredis|pg|@redis)\/|^node:sqlite$|\/dist\/backends\/(sqlite|redis|postgres)\//;

function runCode(
  code: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): string {
  return execFileSync(process.execPath, [...args, "--input-type=module", "--eval", code], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
}

/** Milliseconds that the import of holdpoint takes, once its peers are there. */
function timed(before: readonly string[]): number {
  const code = [
    ...before.map((name) => `await import(${JSON.stringify(name)});`),
    "const started = performance.now();",
    'await import("holdpoint");',
    "console.log(performance.now() - started);",
  ].join("\n");
  return Number(runCode(code));
}

/** Every module that is loaded by `import "holdpoint"`, as a URL. */
function modulesOf(): string[] {
  const folder = mkdtempSync(join(tmpdir(), "holdpoint-bench-"));
  const log = join(folder, "loads.jsonl");
  try {
    const hooks = new URL("../scripts/package/hooks.mjs", import.meta.url).href;
    runCode('await import("holdpoint");', { HOLDPOINT_LOADS: log }, ["--import", hooks]);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    const loads = lines.map((line) => JSON.parse(line) as [specifier: string, url: string | null]);
    return [...new Set(loads.flatMap(([, url]) => (url === null ? [] : [url])))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function importCost(report: Report, options: Options): Promise<void> {
  report.section("import", 'what import "holdpoint" loads, and how long it takes');
  report.progress("builds the package if it is older than its sources");
  execFileSync(process.execPath, [join(root, "scripts/setup.mjs"), "--build"], { stdio: "inherit" });
  const times = Array.from({ length: options.quick ? 3 : 11 }, () => ({
    cold: timed([]),
    warm: timed(HOST),
  }));
  report.add({
    name: "import with LangGraph loaded before",
    value: median(times.map(({ warm }) => warm)),
    unit: "ms",
  });
  report.add({
    name: "import alone, with its peers",
    value: median(times.map(({ cold }) => cold)),
    unit: "ms",
  });
  const modules = modulesOf();
  const own = modules.filter((url) => url.startsWith(new URL("../dist/", import.meta.url).href));
  report.add({ name: "modules of holdpoint", value: own.length });
  report.add({ name: "modules in all, with its peers", value: modules.length });
  const drivers = modules.filter((url) => DRIVERS.test(url));
  report.add({ name: "database drivers loaded", value: drivers.length, bound: exactly(0), details: drivers });
}
