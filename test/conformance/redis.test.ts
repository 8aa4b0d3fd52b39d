import { afterAll, describe, it } from "vitest";
import { RedisHITLBackend } from "../../src/backends/redis/redis-backend.ts";
import { RedisRecordStore } from "../../src/backends/redis/redis-store.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";
import { startRedisServer } from "../support/redis-server.ts";

const server = await startRedisServer();
const prefix = server.prefix();
afterAll(() => server.stop());

const options = ({ id, clock }: ConformanceContext) => ({
  url: server.url,
  prefix: `${prefix}-${id}`,
  clock,
});
const store = async (context: ConformanceContext): Promise<RedisRecordStore> =>
  new RedisRecordStore(options(context));
const backend = async (context: ConformanceContext): Promise<RedisHITLBackend> =>
  new RedisHITLBackend(options(context));
const suite = { name: "redis", capabilities: { durable: true, shared: true, fakeClock: true } };

recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
