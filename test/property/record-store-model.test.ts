import fc from "fast-check";
import { describe, it } from "vitest";
import type { RecordStore } from "../../src/backends/record-store.ts";
import { FakeClock, MemoryRecordStore } from "../../src/testing/index.ts";
import { commands, compareEverything, type Model, START } from "./commands.ts";
import { realStores, runs } from "./stores.ts";

const stores = await realStores();

describe.each(stores)("$name against the model", ({ open, empty }) => {
  it("any sequence of operations has the same outcomes, records, pages, histories and due records (S1 to S6)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands([...commands], { maxCommands: 40, size: "max" }), async (sequence) => {
        const clock = new FakeClock(START);
        const model: Model = { store: new MemoryRecordStore({ clock }), clock };
        const real: RecordStore = open(clock);
        try {
          await fc.asyncModelRun(() => ({ model, real }), sequence);
          await compareEverything(model, real);
        } finally {
          await real.close();
          await empty();
        }
      }),
      // The message of a failure names the seed and the shrunken sequence.
      { numRuns: runs(60), endOnFailure: false },
    );
  }, 600_000);
});
