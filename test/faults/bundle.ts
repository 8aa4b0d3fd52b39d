/** The program of the workers in one file, of the sources as they are or with one change. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Program } from "../support/worker-process.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
/** Native modules, and those that are there or not, stay outside. */
const EXTERNAL = ["better-sqlite3", "ioredis", "pg", "pg-native", "esbuild"];

/** A folder inside the project, so that packages are found from it. */
export function temporaryFolder(): string {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  return mkdtempSync(join(cache, "holdpoint-faults-"));
}

export async function bundle(entry: string, plugins: readonly Plugin[] = []): Promise<Program> {
  const folder = temporaryFolder();
  const path = join(folder, "program.mjs");
  await build({
    entryPoints: [join(root, entry)],
    outfile: path,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: EXTERNAL,
    tsconfig: join(root, "tsconfig.json"),
    plugins: [...plugins],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
