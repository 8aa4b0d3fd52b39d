import { describe, it } from "vitest";
import { MemoryRecordData, MemoryRecordStore } from "../../src/backends/memory/memory-store.ts";
import { StoreHITLBackend } from "../../src/backends/store-backend.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";

const data = new WeakMap<object, MemoryRecordData>();
const open = async (context: ConformanceContext): Promise<MemoryRecordStore> => {
  const own = data.get(context) ?? new MemoryRecordData();
  data.set(context, own);
  return new MemoryRecordStore({ clock: context.clock }, own);
};
const backend = async (context: ConformanceContext): Promise<StoreHITLBackend> =>
  new StoreHITLBackend(await open(context), context);
const suite = { name: "memory", capabilities: { durable: false, shared: false, fakeClock: true } };

recordStoreConformance({ ...suite, createStore: open, openAnother: open }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
