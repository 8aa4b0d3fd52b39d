/** A slice of the matrix on Redis: each host once, each pattern once. HOLDPOINT_MATRIX_STORE=redis runs all cells there. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { codeHosts } from "./code-hosts.ts";
import { DURABILITIES } from "./drive.ts";
import { PATTERNS, toolHosts } from "./hosts.ts";
import { patterns } from "./patterns.ts";
import { openStores, type Stores } from "./stores.ts";

const hosts = [...toolHosts, ...codeHosts];
/** The diagonal of the table. */
const slice = hosts.flatMap((host, index) => {
  const pattern = patterns[index % patterns.length];
  return pattern ? [{ host, pattern, name: `${host.name}: ${pattern.name}` }] : [];
});

let stores: Stores;

beforeAll(async () => {
  stores = await openStores("redis");
});

afterAll(() => stores.stop());

it("the slice has each host and each pattern, and no cell that cannot be", () => {
  expect(slice.map(({ host }) => host.name)).toEqual(hosts.map(({ name }) => name));
  expect(new Set(slice.map(({ pattern }) => pattern.name))).toEqual(new Set(PATTERNS));
  expect(slice.filter(({ host, pattern }) => host.cannot?.[pattern.name])).toEqual([]);
});

it.each(slice)("P1 P6 P9 P10 $name", async ({ host, pattern }) => {
  for (const durability of DURABILITIES) await pattern.play(host, { durability, handles: stores.handles() });
});
