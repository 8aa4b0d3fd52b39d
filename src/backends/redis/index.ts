/**
 * Redis as the datastore, by way of ioredis (an optional peer).
 *
 * @module holdpoint/backends/redis
 */
export type {
  RedisClient,
  RedisCluster,
  RedisClusterNode,
  RedisCommands,
  RedisPipeline,
  RedisStream,
  RedisSubscriber,
} from "./client.ts";
export type { RedisDurability, RedisNode, RedisRecordStoreOptions } from "./options.ts";
export { RedisHITLBackend, type RedisHITLBackendOptions } from "./redis-backend.ts";
export { RedisRecordStore } from "./redis-store.ts";
export type { RepairOptions, RepairReport } from "./repair.ts";
