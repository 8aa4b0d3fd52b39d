/** The tests with processes can fail: a guard is taken out of a copy of the sources, and they notice. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram } from "../support/program.ts";
import type { Mutant } from "../faults/mutants.ts";
import { patchedSource, patching } from "../faults/patched-source.ts";
import { WorkerPool } from "../support/worker-process.ts";
import { Callers } from "./processes/callers.ts";
import type { Job, Reply } from "./processes/jobs.ts";
import { KillPoints } from "./processes/kill-points.ts";
import { openTarget, startTarget } from "./processes/targets.ts";

type Look = (callers: Callers, points: KillPoints) => Promise<readonly string[]>;

const MUTANTS: readonly (Mutant & { readonly look: Look })[] = [
  {
    name: "everybody runs what somebody else has begun",
    file: "ledger/effect-run.ts",
    find: 'if (isFresh && stored.status === "processing") return',
    replace: 'if (stored.status === "processing") return',
    look: async (callers) => (await callers.together()).wrong,
  },
  {
    name: "a call in doubt runs again silently",
    file: "ledger/options.ts",
    find: 'one("inDoubt") ?? "ask"',
    replace: '"retry"',
    look: async (callers) => (await callers.killed(1, "start", () => 0)).wrong,
  },
  {
    name: "nobody is asked for an approval",
    file: "ledger/effect-entry.ts",
    find: "const mustAsk = requires_approval ||",
    replace: "const mustAsk = false &&",
    look: (_, points) =>
      points.dryRun("approved").then(
        () => [],
        (error: unknown) => [String(error)],
      ),
  },
];

describe("without a guard", () => {
  let place: Awaited<ReturnType<typeof startTarget>>;
  let backend: ReturnType<typeof openTarget>;
  beforeAll(async () => {
    place = await startTarget("sqlite");
    backend = openTarget(place.target);
  });
  afterAll(async () => {
    await backend?.close();
    await place?.stop();
  });

  it.each(MUTANTS)("$name: it is noticed", async (mutant) => {
    const program = await bundleProgram("test/ledger/processes/worker.child.ts", [
      patching(await patchedSource(mutant)),
    ]);
    const pool = new WorkerPool<Job, Reply>(program);
    try {
      const callers = new Callers(pool, place, backend, 20);
      expect(await mutant.look(callers, new KillPoints(pool, place, backend))).not.toEqual([]);
    } finally {
      await pool.close();
    }
  });
});
