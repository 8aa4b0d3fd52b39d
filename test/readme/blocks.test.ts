/** The code in the documents compiles, runs, and prints what it says. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { type Block, blocksOf, examplesOf, PAGES, root, sources } from "./blocks.ts";

interface Outcome {
  readonly printed: readonly string[];
  readonly error?: string;
}

const pages = PAGES.flatMap(blocksOf);
const examples = sources().flatMap(examplesOf);
const all = [...pages, ...examples];
const resolve = createRequire(import.meta.url).resolve;

let folder = "";
let redis: RedisServer;
let diagnostics = "";
let outcomes: Record<string, Outcome> = {};

/** `../nodes/kit.ts` of a hidden part means the tests' own. */
const pathOf = (block: Block): string => join(folder, "blocks", `${block.name}.ts`);

function run(args: readonly string[], cwd: string, input = ""): Promise<{ stdout: string; stderr: string }> {
  return new Promise((done, reject) => {
    const env = { ...process.env, REDIS_URL: redis.url, TSX_TSCONFIG_PATH: join(folder, "tsconfig.json") };
    const child = spawn(process.execPath, args, { cwd, env });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => (stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    child.on("error", reject);
    child.on("close", () => done({ stdout, stderr }));
    child.stdin.end(input);
  });
}

beforeAll(async () => {
  redis = await startRedisServer();
  // Inside of the project, so that imports find its packages; `.holdpoint` is ignored by git.
  mkdirSync(join(root, ".holdpoint"), { recursive: true });
  folder = mkdtempSync(join(root, ".holdpoint", "readme-"));
  mkdirSync(join(folder, "blocks"));
  mkdirSync(join(folder, "cwd"));
  for (const block of all) {
    const code = block.code.replaceAll(/(["'])\.\.\/(readme|nodes)\//g, `$1${join(root, "test")}/$2/`);
    writeFileSync(pathOf(block), `${code}\nexport {};\n`);
  }
  // If the compiler did not look, nobody would notice that it finds nothing.
  writeFileSync(join(folder, "canary.ts"), 'import { confirm } from "holdpoint";\nawait confirm({});\n');
  // As a reader's own project: strict, but none of our stricter options.
  const compilerOptions = {
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
    noUncheckedIndexedAccess: false,
    noPropertyAccessFromIndexSignature: false,
    noImplicitReturns: false,
    baseUrl: undefined,
    paths: { holdpoint: [join(root, "src/index.ts")], "holdpoint/*": [join(root, "src/*/index.ts")] },
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: join(root, "tsconfig.json"),
      compilerOptions,
      include: ["blocks", "canary.ts"],
    }),
  );
  const runnable = pages.filter((block) => block.run).map(pathOf);
  const child = [
    "--import",
    pathToFileURL(resolve("tsx")).href,
    join(root, "test/readme/run.child.ts"),
  ] as const;
  const [checked, ran] = await Promise.all([
    run([resolve("typescript/lib/tsc.js"), "-p", folder, "--pretty", "false"], root),
    run(child, join(folder, "cwd"), JSON.stringify(runnable)),
  ]);
  diagnostics = checked.stdout;
  if (!ran.stdout.startsWith("{"))
    throw new Error(`The blocks could not be run:\n${ran.stdout}${ran.stderr}`);
  outcomes = JSON.parse(ran.stdout) as Record<string, Outcome>;
}, 180_000);

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await redis?.stop();
});

/** What the compiler says of a block, with the lines of the document. */
function errorsOf(block: Block): string[] {
  const at = new RegExp(`${block.name}\\.ts\\((\\d+),\\d+\\): (.*)$`, "gm");
  return [...diagnostics.matchAll(at)].map(
    ([, line, what]) => `${block.file}:${Number(line) + block.line - 1}: ${what}`,
  );
}

const named = (blocks: readonly Block[]): [string, Block][] => blocks.map((block) => [block.where, block]);

describe("the blocks of the documents", () => {
  it("are there, and most of them run", () => {
    expect(pages.length).toBeGreaterThan(12);
    // Those that only compile name servers of the reader's own.
    expect(pages.filter((block) => !block.run).length).toBeLessThanOrEqual(pages.length / 5);
  });

  it.each(named(pages))("%s compiles", (_, block) => {
    expect(errorsOf(block)).toEqual([]);
  });

  it.each(named(pages.filter((block) => block.run)))("%s runs, and prints what it says", (_, block) => {
    const outcome = outcomes[pathOf(block)];
    expect(outcome?.error).toBeUndefined();
    if (block.prints.length === 0) return;
    const expected = block.prints.flatMap((text) => (block.needsRedis ? text.split(", ") : [text]));
    expect(outcome?.printed).toEqual(expected);
  });
});

describe("the examples in the sources", () => {
  it("are there", () => expect(examples.length).toBeGreaterThan(8));

  it.each(named(examples))("%s compiles", (_, block) => {
    expect(errorsOf(block)).toEqual([]);
  });
});

it("the compiler finds the error that is there on purpose", () => {
  expect(diagnostics).toMatch(/canary\.ts\(2,\d+\): error TS/);
});
