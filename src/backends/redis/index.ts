/**
 * Redis as the datastore, by way of ioredis (an optional peer).
 *
 * @module holdpoint/backends/redis
 */
export type { RedisClient, RedisPipeline, RedisSubscriber } from "./client.ts";
export { RedisHITLBackend, type RedisHITLBackendOptions } from "./redis-backend.ts";
export { RedisRecordStore, type RedisRecordStoreOptions } from "./redis-store.ts";
