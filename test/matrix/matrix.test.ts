/**
 * Every host with every pattern: what is promised holds whichever way a graph is built (P1, P2, P3, P6, P9, P10).
 * HOLDPOINT_MATRIX_STORE says on which store: memory (the default), sqlite, redis.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { codeHosts } from "./code-hosts.ts";
import { DURABILITIES } from "./drive.ts";
import { toolHosts } from "./hosts.ts";
import { patterns } from "./patterns.ts";
import { openStores, storeName, type Stores } from "./stores.ts";

let stores: Stores;

beforeAll(async () => {
  stores = await openStores(storeName());
});

afterAll(() => stores.stop());

describe.each([...toolHosts, ...codeHosts])("$name", (host) => {
  const cells = patterns.filter(({ name }) => host.cannot?.[name] === undefined);
  describe.each(cells)("$name", (pattern) => {
    it.each(DURABILITIES)("durability %s", (durability) =>
      pattern.play(host, { durability, handles: stores.handles() }),
    );
  });
});
