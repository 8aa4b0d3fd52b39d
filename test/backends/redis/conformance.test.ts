import { afterAll, beforeAll, describe, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";
import { recordStoreConformance } from "../../../src/testing/record-store/suite.ts";
import { type RedisServer, startRedisServer } from "../../support/redis-server.ts";

let server: RedisServer;
const prefixes = new WeakMap<object, string>();

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server?.stop());

recordStoreConformance(
  {
    name: "redis",
    capabilities: { durable: true, shared: true, fakeClock: true },
    createStore: async (context) => {
      const prefix = server.prefix();
      prefixes.set(context, prefix);
      return new RedisRecordStore({ url: server.url, prefix, clock: context.clock });
    },
    openAnother: async (context) => new RedisRecordStore({ url: server.url, prefix: prefixes.get(context) ?? "", clock: context.clock }),
  },
  { describe, it },
);
