import type { RecordStore } from "../../backends/record-store.ts";
import { type ConformanceCapabilities, type ConformanceContext, registerSuite } from "../case-runner.ts";
import type { TestRunner } from "../runner.ts";
import { atomicityCases } from "./atomicity.ts";
import { byteCases } from "./bytes.ts";
import { dueCases } from "./due.ts";
import { historyCases } from "./history.ts";
import { hostileCases } from "./hostile.ts";
import { closeCases } from "./idempotent-close.ts";
import { insertCases } from "./insert.ts";
import type { StoreCase, StoreCaseContext } from "./kit.ts";
import { leaseCases } from "./leases-and-fences.ts";
import { pageCases } from "./pages.ts";
import { purgeCases } from "./purge.ts";
import { raceCases } from "./races.ts";
import { removeCases } from "./remove.ts";
import { touchCases } from "./touches.ts";
import { updateCases } from "./update-and-guards.ts";
import { watchCases } from "./watch.ts";

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
  ["remove", removeCases],
  ["close", closeCases],
  ["bytes", byteCases],
  ["hostile input", hostileCases],
  ["races", raceCases],
];

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
  registerSuite<RecordStore, StoreCaseContext>(
    {
      name: `RecordStore: ${suite.name}`,
      capabilities: suite.capabilities,
      groups: GROUPS,
      open: (context) => suite.createStore(context),
      openAnother: suite.openAnother && ((context) => suite.openAnother?.(context) as Promise<RecordStore>),
      destroy: suite.destroy && (async (context) => suite.destroy?.(context)),
      contextOf: (store, clock, another) => ({ store, clock, another }),
    },
    runner,
  );
}
