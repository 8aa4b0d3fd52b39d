/** Runs the modules that are named on stdin, one after the other, and says what each has printed. */
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { configureHoldpoint } from "holdpoint";

interface Outcome {
  readonly printed: readonly string[];
  readonly error?: string;
}

const outcomes: Record<string, Outcome> = {};
const print = console.log;

for (const path of JSON.parse(readFileSync(0, "utf8")) as string[]) {
  const printed: string[] = [];
  console.log = (...values: unknown[]): void => {
    printed.push(values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" "));
  };
  const restore = configureHoldpoint({});
  try {
    await import(path);
    outcomes[path] = { printed };
  } catch (error) {
    outcomes[path] = { printed, error: inspect(error) };
  } finally {
    restore();
    console.log = print;
  }
}

process.stdout.write(JSON.stringify(outcomes), () => process.exit(0));
