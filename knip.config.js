// What nobody uses: files, exports, dependencies. `knip --production` sees only what ships, so it also finds what
// lives for its tests alone; an export that a test needs and the package does not says @internal.
import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("package.json", import.meta.url), "utf8"));
const entries = Object.values(manifest.exports).flatMap((target) =>
  typeof target === "string"
    ? []
    : [target.default.replace("./dist/", "src/").replace(/\.js$/, ".{ts,tsx}!")],
);

export default {
  entry: [
    ...entries,
    "scripts/*.mjs",
    "scripts/package/hooks.mjs",
    "examples/**/main.ts",
    "examples/[0-9]*.{ts,tsx}",
    "bench/main.ts",
    "failures/main.ts",
    "test/**/*.test.ts",
    "test/**/*.child.ts",
    "test/crash/soak.ts",
    "test/faults/main.ts",
    "test/types/**/*.ts",
    "test/*/pages/*.tsx",
    "test/**/*.types.ts",
  ],
  project: [
    "src/**/*.{ts,tsx}!",
    "scripts/**/*.mjs",
    "examples/**/*.{ts,tsx}",
    "bench/**/*.ts",
    "failures/**/*.ts",
    "test/**/*.{ts,tsx}",
  ],
  ignoreExportsUsedInFile: true,
  // Programs of the system, named in messages and started by tests.
  ignoreBinaries: ["redis-server", "apt-get", "mkfifo"],
  // Started by its file from scripts/check-attw.mjs; installed beside the project by whoever wants it measured.
  ignoreDependencies: ["@arethetypeswrong/cli", "@openai/agents"],
};
