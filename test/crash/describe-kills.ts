/** The same test for each scenario: killed at each operation of its round, on both stores that outlive a process. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisServer, startRedisServer } from "../support/redis-server.ts";
import { Crashes, eachOf, killPointsOf, KillTable, type StoreName } from "./kill-sweep.ts";
import { SCENARIOS, type ScenarioName } from "./scenarios.ts";

/** Most of the time is waiting for leases to run out. */
const WIDTH = 4;

/**
 * @param strides - each so-many-th point is taken, unless HOLDPOINT_CRASH_STRIDE says otherwise; 1 takes all. Odd:
 * the points before and after an operation alternate; 2 takes those before, or those after
 */
export function describeKills(
  scenarios: readonly ScenarioName[],
  strides: { readonly [store in StoreName]: number },
): void {
  const given = process.env["HOLDPOINT_CRASH_STRIDE"];
  let server: RedisServer;
  const all = { sqlite: new KillTable(), redis: new KillTable() };

  beforeAll(async () => {
    server = await startRedisServer();
  });

  afterAll(async () => {
    await server.stop();
  });

  describe.each(["sqlite", "redis"] as const)("killed at each operation, %s", (store) => {
    let crashes: Crashes;
    const stride = Number(given ?? strides[store]);

    beforeAll(async () => {
      crashes = await Crashes.open(
        store === "redis" ? { url: server.url, prefix: server.prefix() } : undefined,
      );
    });

    afterAll(async () => {
      await crashes.close();
      console.log(all[store].toString());
    });

    it.each(scenarios)(
      "P6 P9 %s: effects once, questions once, an end",
      {
        timeout: 1_200_000,
      },
      async (scenario) => {
        const names = await crashes.dryRun(scenario);
        // Each scenario begins elsewhere, so that a sample of all meets every kind of operation.
        const points = killPointsOf(names, stride, SCENARIOS.indexOf(scenario) + (store === "redis" ? 3 : 0));
        console.log(
          `${scenario}, ${store}: ${points.length} of ${2 * names.length} kill points\n${names.map((name, at) => `${at} ${name}`).join("\n")}`,
        );
        const table = new KillTable();
        const tables = [table, all[store]];
        await eachOf(points, WIDTH, async (point) => {
          const result = await crashes.killAt(scenario, point);
          for (const each of tables) each.add({ scenario, store }, point.name, point.side, result);
          if (result.outcome === "violation") console.log(table.failures.at(-1));
        });
        expect(table.failures).toEqual([]);
        // A sweep that killed nobody proves nothing.
        expect(table.count("missed")).toBeLessThan(Math.max(1, table.trials / 10));
      },
    );

    it("P9 some of the killed were in the middle of a call", () => {
      expect(all[store].count("in doubt")).toBeGreaterThan(0);
    });
  });
}
