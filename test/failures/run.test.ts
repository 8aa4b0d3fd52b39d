/** The command: its arguments, its table, and what it says of a side that is not as expected. */
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { differences, type Failure, runFailure } from "../../failures/failure.ts";
import { FAILURES } from "../../failures/all.ts";
import { parseOptions } from "../../failures/options.ts";
import { headText, markdownOf, textOf } from "../../failures/table.ts";
import { stockWay } from "../../failures/ways.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;

function command(...args: string[]) {
  return spawnSync(process.execPath, ["--import", tsx, "failures/main.ts", ...args], {
    cwd: root,
    encoding: "utf8",
  });
}

const named = (id: string): Failure => FAILURES.find((failure) => failure.id === id) as Failure;

describe("what is not as expected", () => {
  it("is nothing, where both sides are", async () => {
    expect(differences(await runFailure(named("F1")))).toEqual([]);
  });

  it("a stock side that is mended is asked about", async () => {
    const { expected, ...rest } = named("F1");
    const mended = { ...rest, expected, stock: rest.holdpoint };
    const outcome = await runFailure(mended);
    expect(differences(outcome)).toEqual([
      expect.stringMatching(/^F1, stock: expected .*"pay":3.*, found .*"pay":1.* \(fixed upstream\?\)$/),
    ]);
    expect(textOf(outcome).replaceAll(/\s+/g, " ")).toContain("NOT AS EXPECTED: pay ran once");
    expect(markdownOf([outcome])).toContain("(fixed upstream?)");
  });

  it("a side that throws is one too, and the other side is still run", async () => {
    const broken: Failure = {
      ...named("F5"),
      holdpoint: async () => Promise.reject(new RangeError("away")),
    };
    const outcome = await runFailure(broken);
    expect(outcome.observed.stock).toEqual(broken.expected.stock);
    expect(differences(outcome)).toEqual([expect.stringMatching(/^F5, holdpoint: .*RangeError: away/)]);
  });
});

it("an answer that a way cannot use is told, not thrown", async () => {
  const throws = {
    invoke: async () => Promise.reject(new TypeError("no")),
    getState: async () => ({ tasks: [] }),
  };
  expect(await stockWay().submit(throws, { decisions: [] })).toBe("TypeError");
});

describe("the table", () => {
  it("fits 120 columns, and loses nothing", async () => {
    const outcomes = FAILURES.map((failure) => ({ failure, observed: failure.expected }));
    const lines = [headText(), ...outcomes.map((outcome) => textOf(outcome))].join("\n").split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(120);
    for (const outcome of outcomes) {
      const words = new Set(textOf(outcome).split(/\s+/));
      for (const word of outcome.failure.expected.holdpoint.text.split(" ")) expect(words).toContain(word);
    }
  });
});

describe("the arguments", () => {
  it("name failures, and the two workers", () => {
    expect(parseOptions([])).toMatchObject({ failures: FAILURES, twoWorkers: true, format: "text" });
    expect(parseOptions(["--only", "f9, F1"])?.failures.map(({ id }) => id)).toEqual(["F1", "F9"]);
    expect(parseOptions(["--only", "F1"])).toMatchObject({ twoWorkers: false });
    expect(parseOptions(["--two-workers"])).toMatchObject({ failures: [], twoWorkers: true });
    expect(parseOptions(["--help"])).toBeNull();
  });

  it.each([[["--only", "F18"]], [["--only", ""]], [["--json", "--markdown"]], [["--fast"]]])(
    "%j cannot be used",
    (args) => {
      expect(() => parseOptions(args)).toThrow();
    },
  );
});

describe("the command", () => {
  it("gives JSON alone, and exit code 0", () => {
    const { stdout, status } = command("--only", "F5", "--json");
    const [failure] = (JSON.parse(stdout) as { failures: { observed: object; expected: object }[] }).failures;
    expect(failure?.observed).toEqual(failure?.expected);
    expect(status).toBe(0);
  });

  it("says what it can do with arguments that it cannot use, and gives exit code 2", () => {
    const { stderr, status } = command("--only", "F18");
    expect(stderr).toContain("there are F1, F2");
    expect(stderr).toContain("Usage: npm run failures");
    expect(status).toBe(2);
  });
});
