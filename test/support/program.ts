/**
 * Programs for processes of our own, bundled once, so that none of them looks for a thousand files before it begins. Where
 * many processes run one program, the first that has done a job keeps what V8 has compiled of it for the next ones.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type BuildOptions, type Plugin } from "esbuild";
import { CODE } from "./program-files.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const LOADER = fileURLToPath(new URL("program-loader.child.ts", import.meta.url));

const OPTIONS = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  target: "node20",
  tsconfig: "tsconfig.json",
  // Drivers, which are native, or loaded when they are wanted, by names that Node finds in CommonJS.
  external: ["better-sqlite3", "ioredis", "pg", "esbuild"],
  logLevel: "error",
} as const satisfies BuildOptions;

export interface Program {
  readonly path: string;
  remove(): void;
}

/** A folder inside the project, so that packages are found from it. */
export function temporaryFolder(): string {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  return mkdtempSync(join(cache, "holdpoint-program-"));
}

/**
 * For processes that take jobs.
 *
 * @param entry - a file of TypeScript without a top-level `await`; relative to the project's folder, or absolute
 * @param plugins - for a program whose sources are not as they are in the project
 */
export async function bundleProgram(entry: string, plugins: readonly Plugin[] = []): Promise<Program> {
  const folder = temporaryFolder();
  const path = join(folder, "program.cjs");
  const options: BuildOptions = {
    ...OPTIONS,
    format: "cjs",
    // The loader gives no `import()` to what it runs.
    supported: { "dynamic-import": false },
    // Read as one byte for each character.
    charset: "ascii",
  };
  await Promise.all([
    build({ ...options, entryPoints: [LOADER], outfile: path }),
    build({ ...options, entryPoints: [entry], outfile: join(folder, CODE), plugins: [...plugins] }),
  ]);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface Modules {
  pathOf(entry: string): string;
  remove(): void;
}

/**
 * For processes that run one module after the other, as `node --import first.mjs then.mjs`: what two of them import is one
 * module there, too.
 *
 * @param entries - files of TypeScript, relative to the project's folder
 */
export async function bundleModules(entries: readonly string[]): Promise<Modules> {
  const folder = temporaryFolder();
  await build({
    ...OPTIONS,
    entryPoints: [...entries],
    outdir: folder,
    outbase: root,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    splitting: true,
    // For packages in CommonJS.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
  });
  return {
    pathOf: (entry) => join(folder, entry.replace(/\.tsx?$/, ".mjs")),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
