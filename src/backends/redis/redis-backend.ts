import { type StoreBackendOptions, StoreHITLBackend } from "../store-backend.ts";
import type { RedisRecordStoreOptions } from "./options.ts";
import { RedisRecordStore } from "./redis-store.ts";

export type RedisHITLBackendOptions = RedisRecordStoreOptions & StoreBackendOptions;

/**
 * The HITL backend on Redis: many machines share it.
 *
 * @example
 * ```ts
 * import { RedisHITLBackend } from "holdpoint/backends/redis";
 *
 * const backend = new RedisHITLBackend({ url: "redis://localhost:6379" });
 * ```
 */
export class RedisHITLBackend extends StoreHITLBackend {
  constructor(options: RedisHITLBackendOptions) {
    super(new RedisRecordStore(options), options);
  }
}
