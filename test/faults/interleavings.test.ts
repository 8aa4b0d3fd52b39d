/** Every order in which calls and answers can pass each other, on the memory store, with answers that get lost. */
import fc from "fast-check";
import { HoldpointError, StoreHITLBackend } from "holdpoint";
import { FakeClock, MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { expect, it } from "vitest";
import type { RecordStore } from "../../src/backends/record-store.ts";
import { runs } from "../property/stores.ts";
import { check } from "./checker.ts";
import { STRICT } from "./honest-run.ts";
import { LedgerList, operationsOf } from "./ledger.ts";
import { Load } from "./load.ts";
import { type Random, randomOf } from "./random.ts";
import { takeSnapshot } from "./snapshot.ts";

const STEPS = 12;

interface Network {
  /** Resolves when the scheduler says so. */
  pass(what: string): Promise<void>;
  readonly random: Random;
  /** How many of a hundred calls do not get there, and how many answers do not come back. */
  readonly lost: number;
}

/** The store as somebody sees it over a network: a call arrives late or not at all, its answer too. */
function remote(store: RecordStore, { pass, random, lost }: Network): RecordStore {
  const sent = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    await pass(`${what} is sent`);
    if (random() * 100 < lost) throw new HoldpointError("ERR_HITL_STORE", "Nothing was sent.");
    const result = await act();
    await pass(`${what} is answered`);
    if (random() * 100 < lost) throw new HoldpointError("ERR_HITL_INDETERMINATE", "No answer.");
    return result;
  };
  return new Proxy(store, {
    get: (target, name) => {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== "function") return found;
      const act = (...args: unknown[]): unknown => Reflect.apply(found, target, args);
      // A watch is a hint, and the time is nobody's secret.
      if (name === "watch" || name === "close" || name === "now") return act;
      return (...args: unknown[]) => sent(String(name), async () => act(...args));
    },
  });
}

it("P4 P5 P9 in any order of calls and answers one answer wins, nothing acknowledged is lost, no stale holder writes", async () => {
  let operations = 0;
  let indeterminate = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.nat(),
      fc.integer({ min: 2, max: 4 }),
      fc.constantFrom(0, 5, 20),
      async (scheduler, seed, workers, lost) => {
        const clock = new FakeClock();
        const data = new MemoryRecordData();
        const ledger = new LedgerList();
        let at = 0;
        const pass = (what: string): Promise<void> => scheduler.schedule(Promise.resolve(), what);
        const work = Array.from({ length: workers }, async (_, n) => {
          const random = randomOf(seed + n);
          const store = remote(new MemoryRecordStore({ clock }, data), { pass, random, lost });
          const load = new Load({
            backend: new StoreHITLBackend(store, { clock }),
            ledger,
            random,
            name: `w${n}`,
            pause: async (ms) => {
              clock.advance(ms);
              await pass("work is done");
            },
            now: () => clock.now(),
            at: () => clock.now() * 1000 + (at += 1),
          });
          for (let step = 0; step < STEPS; step += 1) {
            await (random() < 0.2 ? load.get() : load.write());
            clock.advance(15);
          }
        });
        await scheduler.waitFor(Promise.all(work));
        const found = operationsOf(ledger.lines);
        const verdict = check(
          found,
          await takeSnapshot(new MemoryRecordStore({ clock }, data), found),
          STRICT,
        );
        operations += verdict.operations;
        indeterminate += verdict.indeterminate;
        expect(verdict.violations).toEqual([]);
      },
    ),
    { numRuns: runs(60) },
  );
  expect(operations).toBeGreaterThan(100);
  expect(indeterminate).toBeGreaterThan(0);
}, 600_000);
