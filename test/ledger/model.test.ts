/** Any schedule of callers, deaths, late workers, humans and time: no second outcome, no run without approval. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../property/stores.ts";
import { settle, violations } from "./model/check.ts";
import { KINDS, ModelWorld, type Op } from "./model/world.ts";

/** Which of the two kinds of a schedule. */
const call = fc.nat({ max: 1 });
const variant = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) });
/** 0: never; else after so many turns, within any step of its work. */
const dies = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }) },
);

const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("run" as const), call, variant, dies, fails: fc.boolean() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("by hand" as const), call, variant, dies, slow: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("answer" as const), call, yes: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("decide" as const),
      call,
      how: fc.constantFrom("approve" as const, "approve" as const, "deny" as const, "cancel" as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("doubt" as const),
      call,
      decision: fc.constantFrom("happened" as const, "run_again" as const, "give_up" as const),
      inbox: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retry" as const), call }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("advance" as const), leases: fc.constantFrom(0.4, 1, 1.5) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
);

const kind = fc.nat({ max: KINDS.length - 1 });
const schedule = fc.record({
  kinds: fc.tuple(kind, kind),
  ops: fc.array(op, { minLength: 1, maxLength: 30, size: "max" }),
  /** Who goes on: mostly those that have waited for long, so that most of them come to their end. */
  picks: fc.array(fc.nat({ max: 7 }), { minLength: 1, maxLength: 200, size: "max" }),
  together: fc.integer({ min: 1, max: 6 }),
});

describe("the ledger's state machine", () => {
  it("P4 P6 P8 P9 holds under any schedule of workers that die, come late, and humans who disagree", async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async ({ kinds, ops, picks, together }) => {
        const world = new ModelWorld();
        let turn = 0;
        const pick = (): number => picks[(turn += 1) % picks.length] as number;
        for (let from = 0; from < ops.length; from += together) {
          for (const each of ops.slice(from, from + together))
            world.start("call" in each ? { ...each, call: kinds[each.call] as number } : each);
          await world.turns.run(pick);
        }
        expect(await violations(world)).toEqual([]);
        expect([...(await settle(world, pick)), ...(await violations(world))]).toEqual([]);
      }),
      { numRuns: runs(4000), endOnFailure: false },
    );
  }, 120_000);
});
