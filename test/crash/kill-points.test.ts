/**
 * A real process dies at each operation of a real round, another one goes on: what ran does not run again (P6),
 * a call whose holder died is in doubt and not silently repeated (P9), no question and no answer is lost (P1, P4).
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { Crashes, eachOf, killPointsOf, KillTable, type StoreName } from "./kill-sweep.ts";

// Each point is two processes and one lease to wait for: Redis is covered by a sample, SQLite whole.
const given = process.env["HOLDPOINT_CRASH_STRIDE"];
const STRIDES: { readonly [name in StoreName]: number } = {
  sqlite: Number(given ?? 1),
  redis: Number(given ?? 5),
};
/** Most of the time is waiting for leases to run out. */
const WIDTH = 4;

let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
});

afterAll(async () => {
  await server.stop();
});

describe.each(["sqlite", "redis"] as const)("killed at each operation, %s", (store) => {
  it("P6 P9 has each effect once, asks each question once, and comes to its end", {
    timeout: 600_000,
  }, async () => {
    const crashes = await Crashes.open(
      store === "redis" ? { url: server.url, prefix: server.prefix() } : undefined,
    );
    const table = new KillTable();
    try {
      const names = await crashes.dryRun();
      const points = killPointsOf(names, STRIDES[store]);
      console.log(
        `${store}: ${points.length} of ${2 * names.length} kill points\n${names.map((name, at) => `${at} ${name}`).join("\n")}`,
      );
      await eachOf(points, WIDTH, async ({ at, side, name }) => {
        table.add(store, name, side, await crashes.killAt(at, side, name));
      });
    } finally {
      await crashes.close();
      console.log(table.toString());
    }
    expect(table.failures).toEqual([]);
    // A sweep that killed nobody, or never in the middle of a call, proves nothing.
    expect(table.count("missed")).toBeLessThan(table.trials / 10);
    expect(table.count("in doubt")).toBeGreaterThan(0);
  });
});
