/** Every behaviour of the ledger, on one store. */
import { afterAll, describe } from "vitest";
import { openWorld, type StoreName, suiteOf } from "../kit.ts";
import { approvals } from "./approvals.ts";
import { beginAndCommit } from "./begin-and-commit.ts";
import { concurrency } from "./concurrency.ts";
import { doubts } from "./doubts.ts";
import { failures } from "./failures.ts";
import { hooks } from "./hooks.ts";
import { lookups } from "./lookups.ts";
import { runs } from "./runs.ts";

export function describeLedger(name: StoreName): void {
  describe(`the ledger on ${name}`, async () => {
    const world = await openWorld(name);
    afterAll(() => world.close());
    const suite = suiteOf(() => world);
    for (const area of [beginAndCommit, runs, lookups, approvals, concurrency, doubts, failures, hooks])
      describe(area.name, () => area(suite));
  });
}
