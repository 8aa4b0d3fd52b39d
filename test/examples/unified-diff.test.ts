/** What the example with a diff shows is what `patch` would make of it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unifiedDiff } from "../../examples/unified-diff.ts";

/** Applies a diff as strictly as can be: every line and every number has to fit. */
function applied(before: string, diff: string): string {
  const old = before.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const [from = "", to = "", ...lines] = diff.split("\n");
  expect([from.slice(0, 4), to.slice(0, 4)]).toEqual(["--- ", "+++ "]);
  const now: string[] = [];
  let at = 0;
  for (let index = 0; index < lines.length; ) {
    const [, ...numbers] = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(lines[index] ?? "") ?? [];
    const [start, taken, first, given] = numbers.map(Number) as [number, number, number, number];
    while (at < (taken === 0 ? start : start - 1)) now.push(old[at++] ?? "missing");
    expect(now.length).toBe(given === 0 ? first : first - 1);
    const [oldEnd, nowEnd] = [at + taken, now.length + given];
    for (index += 1; index < lines.length && !lines[index]?.startsWith("@@"); index += 1) {
      const line = lines[index] ?? "";
      if (line.startsWith("\\")) continue;
      const text = line.slice(1) + (lines[index + 1]?.startsWith("\\") ? "" : "\n");
      if (line[0] !== "+") expect(old[at++]).toBe(text);
      if (line[0] !== "-") now.push(text);
    }
    expect([at, now.length]).toEqual([oldEnd, nowEnd]);
  }
  return [...now, ...old.slice(at)].join("");
}

const text = fc
  .tuple(fc.array(fc.constantFrom("a\n", "b\n", "c\n", "\n"), { maxLength: 30 }), fc.constantFrom("", "end"))
  .map(([lines, end]) => lines.join("") + end);

describe("a unified diff", () => {
  it("is what makes the one text of the other", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const diff = unifiedDiff("file", before, after);
        expect(diff === "").toBe(before === after);
        if (diff !== "") expect(applied(before, diff)).toBe(after);
      }),
    );
  });

  it("shows three lines around a change, and no more", () => {
    const lines = Array.from({ length: 20 }, (_, index) => `${index}\n`);
    const diff = unifiedDiff("file", lines.join(""), lines.with(9, "nine\n").join(""));
    const wanted = ["--- a/file", "+++ b/file", "@@ -7,7 +7,7 @@", " 6\n 7\n 8\n-9\n+nine\n 10\n 11\n 12"];
    expect(diff).toBe(wanted.join("\n"));
  });

  it("refuses what nobody would read", () => {
    expect(() => unifiedDiff("file", "a\n".repeat(2001), "")).toThrow(RangeError);
  });
});
