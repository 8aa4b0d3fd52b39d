/** Globs against a second, slow and obvious reading of what they mean; and against hostile texts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globOf } from "../../src/policy/glob.ts";

const matches = (glob: string, text: string): boolean => globOf(glob, "glob").matches(text);

/** By recursion on both: exponential, and plain to see. Sets are left to examples. */
function means(glob: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = glob;
  if (first === undefined) return text.length === 0;
  if (first === "*") return means(rest, text) || (text.length > 0 && means(glob, text.slice(1)));
  return text.length > 0 && (first === "?" || first === text[0]) && means(rest, text.slice(1));
}

describe("globs", () => {
  it("mean what a plain reading of them means", () => {
    const glob = fc.array(fc.constantFrom("a", "b", "😀", "*", "?"), { maxLength: 8 });
    const text = fc.array(fc.constantFrom("a", "b", "😀"), { maxLength: 8 });
    fc.assert(
      fc.property(glob, text, (parts, characters) => {
        expect(matches(parts.join(""), characters.join(""))).toBe(means(parts, characters));
      }),
      { numRuns: 5000 },
    );
  });

  it.each([
    ["[abc]", "b", true],
    ["[abc]", "d", false],
    ["[!abc]", "d", true],
    ["[!abc]", "a", false],
    ["[a-c]x", "bx", true],
    ["[a-c]x", "dx", false],
    ["[]]", "]", true],
    ["[!]]", "]", false],
    ["[!]]", "x", true],
    ["[a-]", "-", true],
    ["[", "[", true],
    ["a[b", "a[b", true],
    ["*[0-9]", "v1", true],
    ["*[0-9]*", "v1x", true],
    ["rm -rf *", "rm -rf /\nls", true],
    ["read_*", "READ_mail", false],
    ["a.c", "abc", false],
    ["", "", true],
    ["", "a", false],
    ["a*a", "a", false],
  ])("%s on %j: %s", (glob, text, isMeant) => expect(matches(glob, text)).toBe(isMeant));

  it("take time that grows with the text and not faster", () => {
    const took = (length: number): number => {
      const glob = globOf(`${"*a?".repeat(12)}*[!a]b`, "glob");
      const text = "a".repeat(length);
      const start = performance.now();
      for (let n = 0; n < 20; n += 1) expect(glob.matches(text)).toBe(false);
      return performance.now() - start;
    };
    took(2_000);
    const short = took(10_000);
    // Ten times the text. Quadratic time would be a hundred times; a busy machine is allowed for.
    expect(took(100_000)).toBeLessThan(40 * short + 50);
  });

  it("refuses what is no glob", () => {
    for (const bad of [1, null, "x".repeat(1025), "\ud800"])
      expect(() => globOf(bad, "for")).toThrow(/for has to be a glob/);
  });
});
