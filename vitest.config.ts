import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const src = fileURLToPath(new URL("./src", import.meta.url));

export default defineConfig({
  resolve: {
    // The same as `paths` in tsconfig.json: `import "holdpoint"` means the sources.
    alias: [
      { find: /^holdpoint$/, replacement: `${src}/index.ts` },
      { find: /^holdpoint\/(.+)$/, replacement: `${src}/$1/index.ts` },
    ],
  },
  test: {
    environment: "node",
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Tests start servers of their own; more workers than two only make them slow each other down.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
    // A test left behind by `.only` would hide all others.
    allowOnly: false,
  },
});
