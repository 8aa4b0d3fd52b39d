import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const src = fileURLToPath(new URL("./src", import.meta.url));

/** A fresh clone knows no durations: what takes longest would come last, and leave one of the workers alone with it. */
const LONGEST = [
  "property/random-graphs",
  "faults/short",
  "nodes-policy/random-policies",
  "crash/kill-points",
  "property/record-store-model",
  "react/types-of-questions",
  "interop-react/hooks",
  "crash/kill-messages",
  "crash/kill-ledger",
  "crash/kill-policy",
  "examples/tidy/tidy",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

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
    sequence: { sequencer: LongestFirst },
    // Tests start servers of their own; more workers than two only make them slow each other down.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
    // A test left behind by `.only` would hide all others.
    allowOnly: false,
  },
});
