/**
 * What happened outside, in the order in which it did: a file to which every process appends, a line for each thing, with
 * no constraint that could hide a second one. The ledger's own records are never asked.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/**
 * `start`: a handler began. `effect`: what it is there for. `failed`: it ended without. The others are words that allow
 * something: `approved` the first run; `run_again`, `not_run` another one; `happened` none.
 */
export type What = "start" | "effect" | "failed" | "approved" | "run_again" | "not_run" | "happened";

export interface Line {
  readonly what: What;
  /** Who has done it. */
  readonly by: string;
  readonly fence: number;
}

export class OracleLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** One write to a file that is open for appending: processes do not tear each other's lines. */
  add(line: Line): void {
    appendFileSync(this.path, `${JSON.stringify(line)}\n`);
  }

  /** Without a last line that is being written. */
  get lines(): Line[] {
    if (!existsSync(this.path)) return [];
    const text = readFileSync(this.path, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line);
  }

  of(what: What): Line[] {
    return this.lines.filter((line) => line.what === what);
  }
}

/** What a handler gives back: the effect that it had. */
export function tokenOf({ by, fence }: Pick<Line, "by" | "fence">): string {
  return `done by ${by} under ${fence}`;
}

const ALLOWING: readonly What[] = ["run_again", "not_run", "failed"];

/** All that is wrong with what happened, one line each: one effect, and no start that nobody has allowed. */
export function wrongWith(lines: readonly Line[], { needsApproval = false } = {}): string[] {
  const found: string[] = [];
  const effects = lines.filter(({ what }) => what === "effect");
  if (effects.length !== 1) found.push(`P6 the effect happened ${effects.length} times`);
  let allowed = needsApproval ? 0 : 1;
  for (const { what, by, fence } of lines) {
    if (what === "approved" || ALLOWING.includes(what)) allowed = 1;
    if (what !== "start") continue;
    if (allowed === 0) found.push(`P6 P8 ${by} began under ${fence}, and nobody had allowed it`);
    allowed = 0;
  }
  const fences = lines.filter(({ what }) => what === "start").map(({ fence }) => fence);
  if (fences.some((fence, n) => fence < (fences[n - 1] ?? 0))) found.push(`P9 fences fell: ${fences.join()}`);
  return found;
}
