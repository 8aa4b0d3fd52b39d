/**
 * One call, made by many callers in four processes: its handler runs once, all of them get its result; and when the process
 * that runs it is killed, nobody runs it again without a decision.
 *
 * HOLDPOINT_LEDGER_CALLERS (default 100) and HOLDPOINT_LEDGER_ROUNDS (default 1) make more of it: 500 and 20 take minutes.
 */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram } from "../support/program.ts";
import { randomOf } from "../faults/random.ts";
import { WorkerPool } from "../support/worker-process.ts";
import { Callers, PROCESSES } from "./processes/callers.ts";
import type { Job, Reply } from "./processes/jobs.ts";
import { openTarget, SHARED_STORES, startTarget } from "./processes/targets.ts";

const CALLERS = Number(process.env["HOLDPOINT_LEDGER_CALLERS"] ?? 100);
const ROUNDS = Number(process.env["HOLDPOINT_LEDGER_ROUNDS"] ?? 1);
const SEED = Number(process.env["HOLDPOINT_SEED"] ?? randomInt(1, 1_000_000));
/** So that some processes are left, and their callers hear of the end. */
const MAX_KILLS = PROCESSES - 2;

let pool: WorkerPool<Job, Reply>;
beforeAll(async () => {
  pool = new WorkerPool(await bundleProgram("test/ledger/processes/worker.child.ts"));
});
afterAll(() => pool?.close());

describe.each(SHARED_STORES)("%s", (store) => {
  let place: Awaited<ReturnType<typeof startTarget>>;
  let backend: ReturnType<typeof openTarget>;
  let callers: Callers;
  beforeAll(async () => {
    place = await startTarget(store);
    backend = openTarget(place.target);
    callers = new Callers(pool, place, backend, CALLERS);
  });
  afterAll(async () => {
    await backend?.close();
    await place?.stop();
  });

  it(
    `P6 of ${CALLERS} callers in ${PROCESSES} processes one has the effect, and all get its result`,
    async () => {
      for (let round = 0; round < ROUNDS; round += 1)
        expect((await callers.together()).wrong, `round ${round}`).toEqual([]);
    },
    60_000 * ROUNDS + 60_000,
  );

  it(
    "P6 P9 the running worker is killed, and nobody runs it again without a decision; each doubt is listed",
    async () => {
      const random = randomOf(SEED);
      const all = { kills: 0, doubts: 0 };
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const [kills, holds] of [
          [1, "start"],
          [MAX_KILLS, "effect"],
          [MAX_KILLS, null],
        ] as const) {
          const { wrong, ...counts } = await callers.killed(kills, holds, random);
          expect(wrong, `round ${round}, seed ${SEED}, held at ${holds}`).toEqual([]);
          all.kills += counts.kills;
          all.doubts += counts.doubts;
        }
      }
      expect(all.kills).toBeGreaterThanOrEqual(2 * ROUNDS);
      expect(all.doubts).toBeGreaterThanOrEqual(2 * ROUNDS);
    },
    120_000 * ROUNDS + 60_000,
  );
});
