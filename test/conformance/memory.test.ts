import { describe, it } from "vitest";
import { MemoryRecordData, MemoryRecordStore } from "../../src/backends/memory/memory-store.ts";
import { recordStoreConformance } from "../../src/testing/record-store/suite.ts";

const data = new WeakMap<object, MemoryRecordData>();

recordStoreConformance(
  {
    name: "memory",
    capabilities: { durable: false, shared: false, fakeClock: true },
    createStore: async (context) => {
      const own = new MemoryRecordData();
      data.set(context, own);
      return new MemoryRecordStore({ clock: context.clock }, own);
    },
    openAnother: async (context) => new MemoryRecordStore({ clock: context.clock }, data.get(context)),
  },
  { describe, it },
);
