/** A sample of the mutants; `npm run faults -- --mutants` runs them all. */
import { describe, expect, it } from "vitest";
import { killedByRound } from "./mutant-run.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";
import { patchedSource } from "./patched-source.ts";

const SAMPLE = ["no version compare"];

describe("mutants", () => {
  it.each(MUTANTS.map((mutant) => [mutant.name, mutant] as const))("%s: fits its file", async (_, mutant) => {
    const { contents } = await patchedSource(mutant);
    expect(contents.length).toBeGreaterThan(100);
  });

  it("one that does not fit any more is an error, not a survivor", async () => {
    const gone: Mutant = { ...(MUTANTS[0] as Mutant), find: "what nobody wrote" };
    await expect(patchedSource(gone)).rejects.toThrow(/does not fit/);
  });

  it.each(SAMPLE)(
    "%s: a round of load notices",
    async (name) => {
      const mutant = MUTANTS.find((one) => one.name === name) as Mutant;
      expect(await killedByRound(mutant, await patchedSource(mutant), 7)).not.toBeNull();
    },
    60_000,
  );
});
