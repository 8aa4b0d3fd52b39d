import { afterAll, describe, it } from "vitest";
import { RedisHITLBackend } from "../../src/backends/redis/redis-backend.ts";
import { RedisRecordStore } from "../../src/backends/redis/redis-store.ts";
import {
  type ConformanceContext,
  hitlBackendConformance,
  recordStoreConformance,
} from "../../src/testing/index.ts";
import { startRedisCluster } from "../support/redis-cluster.ts";

const cluster = await startRedisCluster();
const prefix = cluster.prefix();
afterAll(() => cluster.stop());

const options = ({ id, clock }: ConformanceContext) => ({
  cluster: cluster.nodes,
  prefix: `${prefix}-${id}`,
  clock,
});
const store = async (context: ConformanceContext): Promise<RedisRecordStore> =>
  new RedisRecordStore(options(context));
const backend = async (context: ConformanceContext): Promise<RedisHITLBackend> =>
  new RedisHITLBackend(options(context));
const suite = { name: "redis cluster", capabilities: { durable: true, shared: true, fakeClock: true } };

recordStoreConformance({ ...suite, createStore: store, openAnother: store }, { describe, it });
hitlBackendConformance({ ...suite, createBackend: backend, openAnother: backend }, { describe, it });
