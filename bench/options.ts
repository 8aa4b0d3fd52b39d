import { parseArgs } from "node:util";

export const SECTIONS = ["rounds", "trips", "store", "double", "import", "blocks"] as const;
export type Section = (typeof SECTIONS)[number];

export interface Options {
  readonly only: readonly Section[];
  /** Rounds that each side of a comparison runs, in segments. */
  readonly rounds: number;
  /** Instead of those that each comparison has of its own. */
  readonly concurrency: readonly number[] | undefined;
  readonly json: string | undefined;
  readonly quick: boolean;
  readonly strict: boolean;
}

export const HELP = `Usage: npm run bench -- [options]

Compares holdpoint with what it stands on, interleaved in one run on this machine, and counts round trips,
commits and effects. The ratios are the result; operations a second say something of this machine only.

  --only LIST         some of ${SECTIONS.join(", ")} (separated by commas; default: all)
  --rounds N          rounds of each side of a comparison (default 1500)
  --concurrency LIST  for example 1,4,16 (default: what each comparison has a bound for)
  --quick             a fifth of the rounds: shows that everything runs, not how fast
  --strict            exit code 1 if a bound is missed
  --json FILE         also writes the findings to FILE
  --help
`;

class UsageError extends Error {}

function wholeNumber(text: string, name: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`--${name} ${text}: not a positive whole number.`);
}

function section(text: string): Section {
  const found = SECTIONS.find((name) => name === text);
  if (found) return found;
  throw new UsageError(`--only ${text}: there are ${SECTIONS.join(", ")}.`);
}

/** Null if only the help is wanted. @throws Error for arguments that cannot be used. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      rounds: { type: "string" },
      concurrency: { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const { quick, strict, json } = values;
  return {
    only: values.only === undefined ? SECTIONS : values.only.split(",").map((text) => section(text.trim())),
    rounds: wholeNumber(values.rounds ?? (quick ? "300" : "1500"), "rounds"),
    concurrency: values.concurrency?.split(",").map((text) => wholeNumber(text.trim(), "concurrency")),
    json,
    quick,
    strict,
  };
}
