import { Cluster, Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { RedisRecordStore } from "../../../src/backends/redis/redis-store.ts";

const url = "redis://127.0.0.1:1";

function refusal(options: object): { code?: string; message?: string } {
  try {
    // Callers without types can pass anything.
    new RedisRecordStore(options as never);
  } catch (error) {
    return error as { code: string; message: string };
  }
  return {};
}

describe("options are checked before anything is connected", () => {
  it.each([
    ["nothing", {}, /one of client, url, cluster and sentinels/],
    ["two ways", { url, cluster: [1] }, /one of client, url, cluster and sentinels/],
    ["no nodes", { cluster: [] }, /at least one node/],
    ["no nodes, with options", { cluster: { nodes: [], options: {} } }, /at least one node/],
    ["no sentinels", { sentinels: [], name: "m" }, /at least one address/],
    ["sentinels without a name", { sentinels: [{ port: 1 }] }, /the name of the primary/],
    ["an empty url", { url: "" }, /url/],
    ["a client that is none", { client: { status: "ready" } }, /ioredis client/],
    ["keyPrefix", { url, redisOptions: { keyPrefix: "x:" } }, /keyPrefix/],
    ["keyPrefix of a Cluster", { cluster: { nodes: [1], options: { keyPrefix: "x:" } } }, /keyPrefix/],
    [
      "keyPrefix of its nodes",
      { cluster: { nodes: [1], options: { redisOptions: { keyPrefix: "x" } } } },
      /keyPrefix/,
    ],
    ["reads from replicas", { cluster: { nodes: [1], options: { scaleReads: "slave" } } }, /scaleReads/],
    ["counts as texts", { url, redisOptions: { stringNumbers: true } }, /stringNumbers/],
    ["options that are none", { url, redisOptions: "x" }, /has to be an object/],
    ["commandTimeoutMs", { url, commandTimeoutMs: Number.NaN }, /commandTimeoutMs/],
    ["durability of nothing", { url, durability: {} }, /waits for nothing/],
    ["no replica", { url, durability: { replicas: 0 } }, /waits for nothing/],
    ["half a replica", { url, durability: { replicas: 1.5 } }, /whole number/],
    ["less than none", { url, durability: { replicas: -1 } }, /whole number/],
    ["waiting for ever", { url, durability: { replicas: 1, timeoutMs: 0 } }, /at least 1 ms/],
    ["waiting for NaN", { url, durability: { replicas: 1, timeoutMs: Number.NaN } }, /at least 1 ms/],
    [
      "longer than a command",
      { url, durability: { replicas: 1, timeoutMs: 5000 } },
      /less than commandTimeoutMs/,
    ],
  ])("%s", (_, options, message) => {
    expect(refusal(options)).toMatchObject({
      code: "ERR_HITL_INVALID_INPUT",
      message: expect.stringMatching(message),
    });
  });

  it("of the user's own client too", () => {
    const clients = [
      new Redis(url, { lazyConnect: true, keyPrefix: "x:" }),
      new Cluster([1], { lazyConnect: true, keyPrefix: "x:" }),
      new Cluster([1], { lazyConnect: true, scaleReads: "all" }),
      new Redis(url, { lazyConnect: true, stringNumbers: true }),
    ];
    for (const client of clients) {
      expect(refusal({ client })).toMatchObject({ code: "ERR_HITL_INVALID_INPUT" });
      client.disconnect();
    }
  });
});
