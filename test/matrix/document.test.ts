/** docs/matrix.md has the table that the matrix runs: each host, each pattern, and why a cell is not there. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { codeHosts } from "./code-hosts.ts";
import { PATTERNS, toolHosts } from "./hosts.ts";
import { patterns } from "./patterns.ts";

const hosts = [...toolHosts, ...codeHosts];
const page = readFileSync(new URL("../../docs/matrix.md", import.meta.url), "utf8");

const cellsOf = (line: string): string[] =>
  line
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The rows of the table under this heading. */
function tableUnder(heading: string): string[][] {
  const [, section = ""] = page.split(`\n## ${heading}\n`);
  const lines = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  return lines.filter((line) => !/^\|[ :|-]+\|$/.test(line)).map((line) => cellsOf(line));
}

it("every pattern is played", () => {
  expect(patterns.map(({ name }) => name)).toEqual([...PATTERNS]);
});

it("the table has each host and pattern, and no cell that is not tested", () => {
  const reasons = [...new Set(hosts.flatMap((host) => Object.values(host.cannot ?? {})))];
  const rows = hosts.map((host) => [
    host.name,
    ...PATTERNS.map((pattern) => {
      const why = host.cannot?.[pattern];
      return why === undefined ? "yes" : `(${reasons.indexOf(why) + 1})`;
    }),
  ]);
  expect(tableUnder("The table")).toEqual([["host", ...PATTERNS], ...rows]);
  for (const [index, reason] of reasons.entries()) expect(page).toContain(`(${index + 1}) ${reason}`);
});
