import { afterAll, describe, it } from "vitest";
import { PostgresHITLBackend } from "../../src/backends/postgres/postgres-backend.ts";
import { PostgresRecordStore } from "../../src/backends/postgres/postgres-store.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";
import { startPostgresServer } from "../support/postgres-server.ts";

const server = await startPostgresServer();
const schema = server.schema();
afterAll(() => server.stop());

const options = ({ id, clock }: ConformanceContext) => ({
  connectionString: server.url,
  schema: `${schema}_${id}`.slice(0, 63),
  clock,
  maxConnections: 4,
});
const store = async (context: ConformanceContext): Promise<PostgresRecordStore> =>
  new PostgresRecordStore(options(context));
const backend = async (context: ConformanceContext): Promise<PostgresHITLBackend> =>
  new PostgresHITLBackend(options(context));
const suite = { name: "postgres", capabilities: { durable: true, shared: true, fakeClock: true } };

recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
