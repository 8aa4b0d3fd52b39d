/** Every host with every pattern: what is promised holds whichever way a graph is built (P1, P2, P3, P6, P9, P10). */
import { describe, it } from "vitest";
import { codeHosts } from "./code-hosts.ts";
import { DURABILITIES } from "./drive.ts";
import { toolHosts } from "./hosts.ts";
import { patterns } from "./patterns.ts";

describe.each([...toolHosts, ...codeHosts])("$name", (host) => {
  const cells = patterns.filter(({ name }) => host.cannot?.[name] === undefined);
  describe.each(cells)("$name", (pattern) => {
    it.each(DURABILITIES)("durability %s", (durability) => pattern.play(host, durability));
  });
});
