/**
 * `holdpoint/testing`: conformance suites for datastores and backends, and what tests of graphs need.
 *
 * To write a backend for another datastore, implement `RecordStore` (its documentation is the contract, S1 to
 * S6), and give it to the suite with the `describe` and `it` of your runner:
 *
 * ```ts
 * import { recordStoreConformance } from "holdpoint/testing";
 *
 * const open = async ({ id, clock }) => new MyRecordStore({ table: `test_${id}`, clock });
 * const capabilities = { durable: true, shared: true, fakeClock: true };
 * recordStoreConformance({ name: "mine", capabilities, createStore: open, openAnother: open }, { describe, it });
 * ```
 *
 * Each case has an empty store of its own, named by `context.id`; `openAnother` opens a second handle on it,
 * as another process would: the races need it. Cases that need what `capabilities` does not declare are not
 * registered. A store whose clock cannot be set declares `fakeClock: false`. `hitlBackendConformance` does the
 * same for a whole `HITLBackend`; one made of `StoreHITLBackend` over a conforming store passes it.
 *
 * @module
 */
export {
  MemoryRecordData,
  MemoryRecordStore,
  type MemoryRecordStoreOptions,
} from "../backends/memory/memory-store.ts";
export type { ConformanceCapabilities, ConformanceContext } from "./case-runner.ts";
export { FakeClock } from "./fake-clock.ts";
export { type HITLBackendConformance, hitlBackendConformance } from "./hitl-backend/suite.ts";
export { type RecordStoreConformance, recordStoreConformance } from "./record-store/suite.ts";
export type { TestRunner } from "./runner.ts";
export {
  type ScriptedAnswerer,
  ScriptedHuman,
  type ScriptedHumanOptions,
  type ScriptedOutcome,
  type ScriptedReply,
  type ScriptedRule,
} from "./scripted-human.ts";
