import type { RecordStore } from "../../backends/record-store.ts";
import { FakeClock } from "../fake-clock.ts";
import type { TestRunner } from "../runner.ts";
import { atomicityCases } from "./atomicity.ts";
import { byteCases } from "./bytes.ts";
import { dueCases } from "./due.ts";
import { historyCases } from "./history.ts";
import { hostileCases } from "./hostile.ts";
import { closeCases } from "./idempotent-close.ts";
import { insertCases } from "./insert.ts";
import type { StoreCase, StoreNeed } from "./kit.ts";
import { leaseCases } from "./leases-and-fences.ts";
import { pageCases } from "./pages.ts";
import { purgeCases } from "./purge.ts";
import { raceCases } from "./races.ts";
import { touchCases } from "./touches.ts";
import { updateCases } from "./update-and-guards.ts";
import { watchCases } from "./watch.ts";

/** One for each case, the same object for all of its handles. */
export interface ConformanceContext {
  /** `[a-z0-9]+`, unique for each case and process: part of a file name or a key prefix. */
  readonly id: string;
  /** The store takes its time from it, if the suite declares `fakeClock`. */
  readonly clock: FakeClock;
}

/** What is honestly true of the store; cases that need more are not registered. */
export interface ConformanceCapabilities {
  /** Records outlive the last handle. */
  readonly durable: boolean;
  /** Several processes can share the store; needs `openAnother`. */
  readonly shared: boolean;
  /** The store takes its time from the context's clock. */
  readonly fakeClock: boolean;
}

export interface RecordStoreConformance {
  readonly name: string;
  readonly capabilities: ConformanceCapabilities;
  /** An empty store. The suite closes it. */
  createStore(context: ConformanceContext): Promise<RecordStore>;
  /** A second handle on the data of `createStore` with the same context. The suite closes it. */
  openAnother?(context: ConformanceContext): Promise<RecordStore>;
  /** Removes the data of a case, after all of its handles were closed. */
  destroy?(context: ConformanceContext): Promise<void>;
}

const GROUPS: readonly (readonly [string, readonly StoreCase[]])[] = [
  ["insert", insertCases],
  ["update and guards", updateCases],
  ["atomicity", atomicityCases],
  ["leases and fences", leaseCases],
  ["touches", touchCases],
  ["due", dueCases],
  ["pages", pageCases],
  ["history", historyCases],
  ["watch", watchCases],
  ["purge", purgeCases],
  ["close", closeCases],
  ["bytes", byteCases],
  ["hostile input", hostileCases],
  ["races", raceCases],
];

const run = Math.random().toString(36).slice(2, 10);
let cases = 0;

/** @internal */
export function newContext(): ConformanceContext {
  cases += 1;
  return { id: `${run}c${cases}`, clock: new FakeClock() };
}

/**
 * Registers the tests of the `RecordStore` contract (S1 to S6) for one store.
 *
 * @example
 * ```ts
 * import { MemoryRecordData, MemoryRecordStore, recordStoreConformance } from "holdpoint/testing";
 * import { describe, it } from "node:test";
 *
 * const data = new WeakMap<object, MemoryRecordData>();
 * recordStoreConformance(
 *   {
 *     name: "memory",
 *     capabilities: { durable: false, shared: false, fakeClock: true },
 *     createStore: async (context) => {
 *       data.set(context, new MemoryRecordData());
 *       return new MemoryRecordStore({ clock: context.clock }, data.get(context));
 *     },
 *     openAnother: async (context) => new MemoryRecordStore({ clock: context.clock }, data.get(context)),
 *   },
 *   { describe, it },
 * );
 * ```
 */
export function recordStoreConformance(suite: RecordStoreConformance, runner: TestRunner): void {
  const { capabilities, openAnother } = suite;
  if (capabilities.shared && !openAnother) throw new TypeError(`${suite.name} declares shared: give openAnother.`);
  const has: Readonly<Record<StoreNeed, boolean>> = {
    another: openAnother !== undefined,
    clock: capabilities.fakeClock,
    durable: capabilities.durable,
  };
  runner.describe(`RecordStore: ${suite.name}`, () => {
    for (const [group, all] of GROUPS) {
      const possible = all.filter((one) => (one.needs ?? []).every((need) => has[need]));
      if (possible.length === 0) continue;
      runner.describe(group, () => {
        for (const one of possible) runner.it(one.name, async () => runCase(suite, one));
      });
    }
  });
}

async function runCase(suite: RecordStoreConformance, one: StoreCase): Promise<void> {
  const context = newContext();
  const handles: RecordStore[] = [];
  try {
    const store = await suite.createStore(context);
    handles.push(store);
    const another = async (): Promise<RecordStore> => {
      if (!suite.openAnother) throw new TypeError(`"${one.name}" has to declare that it needs another handle.`);
      const handle = await suite.openAnother(context);
      handles.push(handle);
      return handle;
    };
    await one.run({ store, clock: context.clock, another });
  } finally {
    for (const handle of handles) await handle.close();
    await suite.destroy?.(context);
  }
}
