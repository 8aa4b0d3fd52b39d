import { parseArgs } from "node:util";
import { SUBJECT_NAMES, type SubjectName } from "./subjects.ts";

export const SECTIONS = [
  "rounds",
  "trips",
  "store",
  "ledger",
  "audit",
  "policy",
  "scale",
  "waiters",
  "double",
  "import",
  "blocks",
] as const;
/** Groups that can be named as an argument. */
const GROUPS: Readonly<Record<string, readonly Section[]>> = {
  backends: ["store", "scale", "waiters", "rounds"],
};
export type Section = (typeof SECTIONS)[number];

export interface Options {
  readonly only: readonly Section[];
  /** Rounds that each side of a comparison runs, in segments. */
  readonly rounds: number;
  /** Instead of those that each comparison has of its own. */
  readonly concurrency: readonly number[] | undefined;
  /** Those of `scale` and `waiters`, and, besides memory, of `store`, `ledger` and `policy`. */
  readonly stores: readonly SubjectName[];
  /** As far as `scale` goes. */
  readonly maxPending: number;
  readonly json: string | undefined;
  readonly quick: boolean;
  readonly strict: boolean;
}

export const HELP = `Usage: npm run bench -- [backends] [options]

"backends" stands for --only ${GROUPS["backends"]?.join(",")}.

Compares holdpoint with what it stands on, interleaved in one run on this machine, and counts round trips,
commits and effects. The ratios are the result; operations a second say something of this machine only.

  --only LIST         some of ${SECTIONS.join(", ")} (separated by commas; default: all)
  --rounds N          rounds of each side of a comparison (default 1500)
  --concurrency LIST  for example 1,4,16 (default: those of each comparison)
  --stores LIST       for store, ledger and policy (besides memory), scale and waiters: some of ${SUBJECT_NAMES.join(", ")} (default: all)
  --max-pending N     as far as scale goes (default 1000000, which takes some minutes for each store)
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

function subject(text: string): SubjectName {
  const found = SUBJECT_NAMES.find((name) => name === text);
  if (found) return found;
  throw new UsageError(`--stores ${text}: there are ${SUBJECT_NAMES.join(", ")}.`);
}

function sectionsOf(groups: readonly string[], only: string | undefined): readonly Section[] {
  const unknown = groups.find((name) => !Object.hasOwn(GROUPS, name));
  if (unknown !== undefined)
    throw new UsageError(`${unknown}: the only argument is ${Object.keys(GROUPS).join(", ")}.`);
  const named = groups.flatMap((name) => GROUPS[name] ?? []);
  const given = only?.split(",").map((text) => section(text.trim())) ?? [];
  return named.length + given.length === 0 ? SECTIONS : [...new Set([...named, ...given])];
}

const listOf = (text: string): string[] => text.split(",").map((part) => part.trim());

/** Null if only the help is wanted. @throws Error for arguments that cannot be used. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: "string" },
      rounds: { type: "string" },
      concurrency: { type: "string" },
      stores: { type: "string" },
      "max-pending": { type: "string" },
      json: { type: "string" },
      quick: { type: "boolean", default: false },
      strict: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const { quick, strict, json } = values;
  return {
    only: sectionsOf(positionals, values.only),
    rounds: wholeNumber(values.rounds ?? (quick ? "300" : "1500"), "rounds"),
    concurrency:
      values.concurrency === undefined
        ? undefined
        : listOf(values.concurrency).map((text) => wholeNumber(text, "concurrency")),
    stores: values.stores === undefined ? SUBJECT_NAMES : listOf(values.stores).map((text) => subject(text)),
    maxPending: wholeNumber(values["max-pending"] ?? (quick ? "10000" : "1000000"), "max-pending"),
    json,
    quick,
    strict,
  };
}
