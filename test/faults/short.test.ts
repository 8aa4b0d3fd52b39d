/** The short tier: every set-up under each of its faults once. `npm run faults` goes on for as long as is wanted. */
import { randomInt } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram, type Program } from "../support/program.ts";
import { runRound } from "./round.ts";
import { SETUPS } from "./setups/all.ts";
import { WORKER } from "./worker-program.ts";

const LOAD_MS = 2000;
/** A failover takes seconds: the one in which the replica is behind stands for both. */
const WITHOUT = ["kill-primary", "failover"];
let program: Program;
beforeAll(async () => {
  program = await bundleProgram(WORKER);
});
afterAll(() => program?.remove());

describe("P1 P3 P4 P5 P8 P9 8 writers and 4 readers in 4 processes", () => {
  it.each(SETUPS.map((setup) => ({ name: setup.name, setup })))(
    "$name: under each fault, what was acknowledged is there, once, and the store says so everywhere",
    async ({ setup }) => {
      const seed = randomInt(1, 1_000_000);
      const { verdict, faults } = await runRound({
        setup,
        program,
        seed,
        loadMs: LOAD_MS,
        everyFault: true,
        without: WITHOUT,
      });
      // The seed gives the same calls and the same faults again, but not the same race.
      expect(verdict.violations, `seed ${seed}`).toEqual([]);
      expect(Math.min(...Object.values(faults))).toBeGreaterThan(0);
      expect(verdict.acknowledged).toBeGreaterThan(50);
      expect(verdict.answered).toBeGreaterThan(0);
    },
    120_000,
  );
});
