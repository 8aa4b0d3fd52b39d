import { parseArgs } from "node:util";
import { FAILURES } from "./all.ts";
import type { Failure } from "./failure.ts";

export const FORMATS = ["text", "json", "markdown"] as const;

export interface Options {
  readonly failures: readonly Failure[];
  readonly twoWorkers: boolean;
  readonly format: (typeof FORMATS)[number];
}

const IDS = FAILURES.map(({ id }) => id);

export const HELP = `Usage: npm run failures -- [options]

Runs each failure on the same graph twice, the stock way (LangGraph's ToolNode and interrupt, langchain's
middleware) and the holdpoint way, and prints what each of them did. Then one answer is given to two workers at once.

  --only LIST     some of ${IDS[0]} to ${IDS.at(-1)}, separated by commas; without the two workers
  --two-workers   the two workers alone, or beside --only
  --json          what was observed and expected, as JSON; npm run --silent failures -- --json has nothing else
  --markdown      the tables as they are in docs/failures.md
  --help

Exit code 1 if a side is not as expected: holdpoint has a fault, or something was fixed upstream.
`;

function failuresOf(list: string): readonly Failure[] {
  const wanted = list.split(",").map((text) => text.trim().toUpperCase());
  const unknown = wanted.find((id) => !IDS.some((known) => known === id));
  if (unknown !== undefined) throw new Error(`--only ${list}: there are ${IDS.join(", ")}.`);
  return FAILURES.filter(({ id }) => wanted.includes(id));
}

/** Null if only the help is wanted. @throws Error for arguments that cannot be used. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      "two-workers": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      markdown: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const { only, json, markdown } = values;
  if (json && markdown) throw new Error("--json and --markdown: one of them.");
  const alone = values["two-workers"] && only === undefined;
  return {
    failures: only === undefined ? (alone ? [] : FAILURES) : failuresOf(only),
    twoWorkers: values["two-workers"] || only === undefined,
    format: json ? "json" : markdown ? "markdown" : "text",
  };
}
