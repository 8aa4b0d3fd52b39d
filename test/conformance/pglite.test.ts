import { PGlite } from "@electric-sql/pglite";
import { afterAll, describe, it } from "vitest";
import { pgliteClient } from "../../src/backends/postgres/pglite.ts";
import { PostgresHITLBackend } from "../../src/backends/postgres/postgres-backend.ts";
import { PostgresRecordStore } from "../../src/backends/postgres/postgres-store.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";

const db = await PGlite.create();
afterAll(() => db.close());
const pool = pgliteClient(db);

const options = ({ id, clock }: ConformanceContext) => ({ pool, schema: `test_${id}`, clock });
const store = async (context: ConformanceContext): Promise<PostgresRecordStore> =>
  new PostgresRecordStore(options(context));
const backend = async (context: ConformanceContext): Promise<PostgresHITLBackend> =>
  new PostgresHITLBackend(options(context));
const destroy = async ({ id }: ConformanceContext): Promise<void> =>
  void (await db.exec(`DROP SCHEMA IF EXISTS "test_${id}" CASCADE`));
const suite = { name: "pglite", capabilities: { durable: true, shared: true, fakeClock: true }, destroy };

recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
