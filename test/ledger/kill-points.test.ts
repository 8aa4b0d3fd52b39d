/**
 * A real process dies before and after each operation of a call, of the store's and of the handler; another one makes the
 * same call. HOLDPOINT_CRASH_STRIDE=1 takes all points on all stores; without it SQLite is covered whole, and the others by
 * a sample.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eachOf } from "../crash/kill-sweep.ts";
import { bundleProgram } from "../support/program.ts";
import { WorkerPool } from "../support/worker-process.ts";
import type { Job, Reply } from "./processes/jobs.ts";
import { KillPoints, killPointsOf } from "./processes/kill-points.ts";
import { SCENARIO_NAMES } from "./processes/scenarios.ts";
import { openTarget, SHARED_STORES, type SharedStoreName, startTarget } from "./processes/targets.ts";

/** Most of the time is waiting for leases to run out. */
const WIDTH = 4;
/** Odd: the points before and after an operation alternate. */
const STRIDES: Readonly<Record<SharedStoreName, number>> = { sqlite: 1, redis: 5, cluster: 7, postgres: 5 };
const given = process.env["HOLDPOINT_CRASH_STRIDE"];

let pool: WorkerPool<Job, Reply>;
beforeAll(async () => {
  pool = new WorkerPool(await bundleProgram("test/ledger/processes/worker.child.ts"));
});
afterAll(() => pool?.close());

describe.each(SHARED_STORES)("killed at each operation of a call, %s", (store) => {
  let place: Awaited<ReturnType<typeof startTarget>>;
  let backend: ReturnType<typeof openTarget>;
  let trials: KillPoints;
  const outcomes = { clean: 0, "in doubt": 0, missed: 0 };
  beforeAll(async () => {
    place = await startTarget(store);
    backend = openTarget(place.target);
    trials = new KillPoints(pool, place, backend);
  });
  afterAll(async () => {
    await backend?.close();
    await place?.stop();
    console.log(`${store}: ${JSON.stringify(outcomes)}`);
  });

  it.each(SCENARIO_NAMES)(
    "P4 P6 P8 P9 %s: one effect, one outcome, no run that nobody allowed",
    async (scenario) => {
      const names = await trials.dryRun(scenario);
      const stride = Number(given ?? STRIDES[store]);
      // Each scenario begins elsewhere, so that a sample of all meets every kind of operation.
      const offset = SCENARIO_NAMES.indexOf(scenario);
      const points = killPointsOf(names).filter((_, n) => n % stride === offset % stride);
      expect(points.length).toBeGreaterThan(0);
      const failures: string[] = [];
      await eachOf(points, WIDTH, async (point) => {
        const { outcome, wrong } = await trials.killAt(scenario, point);
        outcomes[outcome] += 1;
        if (wrong.length > 0) failures.push(`#${point.at} ${point.side} ${point.name}: ${wrong.join("; ")}`);
      });
      expect(failures, names.join("\n")).toEqual([]);
    },
    600_000,
  );

  it("P6 most of the processes died, some of them in the middle of a call", () => {
    expect(outcomes["in doubt"]).toBeGreaterThan(0);
    // A sweep that killed nobody proves nothing.
    expect(outcomes.missed).toBeLessThan(Math.max(1, (outcomes.clean + outcomes["in doubt"]) / 10));
  });
});
