/** Each row of the table in docs/middleware.md has its tests, and no test cites a row that is not there. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root } from "../../readme/blocks.ts";

const page = readFileSync(join(root, "docs/middleware.md"), "utf8");
const rows = [...page.matchAll(/^\| (M\d+) +\|.*\| `([\w-]+)` +\|$/gm)].map(
  ([, number = "", file = ""]) => [number, file] as const,
);
const names = new Map(
  readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => {
      const text = readFileSync(join(import.meta.dirname, name), "utf8");
      const titles = [...text.matchAll(/["'`]((?:M\d+ )+)/g)].flatMap(([, numbers = ""]) =>
        numbers.trim().split(" "),
      );
      return [name.replace(".test.ts", ""), new Set(titles)] as const;
    }),
);

describe("the table of what moves over", () => {
  it("numbers its rows in their order", () => {
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.map(([number]) => number)).toEqual(rows.map((_, at) => `M${at + 1}`));
  });

  it.each(rows)("%s is tested in %s", (number, file) => {
    expect(names.get(file) ?? new Set()).toContain(number);
  });

  it("has a row for each number that a test cites", () => {
    const cited = [...names.values()].flatMap((titles) => [...titles]);
    expect(cited.filter((number) => !rows.some(([row]) => row === number))).toEqual([]);
  });
});
