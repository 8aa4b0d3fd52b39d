import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { SqliteHITLBackend } from "../../src/backends/sqlite/sqlite-backend.ts";
import { SqliteRecordStore } from "../../src/backends/sqlite/sqlite-store.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";

const folder = ({ id }: ConformanceContext): string => join(tmpdir(), `holdpoint-${id}`);
const options = (context: ConformanceContext) => ({
  path: join(folder(context), "h.db"),
  clock: context.clock,
  watchIntervalMs: 5,
});
const store = async (context: ConformanceContext): Promise<SqliteRecordStore> =>
  new SqliteRecordStore(options(context));
const backend = async (context: ConformanceContext): Promise<SqliteHITLBackend> =>
  new SqliteHITLBackend(options(context));
const destroy = (context: ConformanceContext): Promise<void> =>
  rm(folder(context), { recursive: true, force: true });
const suite = { name: "sqlite", capabilities: { durable: true, shared: true, fakeClock: true }, destroy };

recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
