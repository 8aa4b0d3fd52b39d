/** What all rounds of a run come to. */
import type { Violation } from "./findings.ts";
import type { Round } from "./round.ts";

const COUNTED = ["operations", "acknowledged", "failed", "indeterminate", "open"] as const;
/** Of fewer faults the rule of three says nothing worth reading. */
const FEWEST = 30;
type Counted = (typeof COUNTED)[number];

function counts(): Record<Counted, number> {
  return { operations: 0, acknowledged: 0, failed: 0, indeterminate: 0, open: 0 };
}

export class Tally {
  readonly #setups = new Map<string, Record<Counted, number>>();
  /** By "set-up fault". */
  readonly #faults = new Map<string, number>();
  readonly violations: Violation[] = [];
  rounds = 0;

  add(setup: string, { verdict, faults }: Round): void {
    this.rounds += 1;
    const total = this.#setups.get(setup) ?? counts();
    for (const name of COUNTED) total[name] += verdict[name];
    this.#setups.set(setup, total);
    for (const [name, count] of Object.entries(faults)) {
      const key = `${setup} ${name}`;
      this.#faults.set(key, (this.#faults.get(key) ?? 0) + count);
    }
    this.violations.push(...verdict.violations);
  }

  get faults(): number {
    return [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
  }

  toString(): string {
    const lines = [...this.#setups].map(
      ([setup, total]) => `${setup.padEnd(16)} ${COUNTED.map((name) => `${total[name]} ${name}`).join(", ")}`,
    );
    const faults = [...this.#faults].map(([name, count]) => `${String(count).padStart(6)}  ${name}`);
    return [...lines, "", "Faults injected:", ...faults, "", this.#statistics()].join("\n");
  }

  /** The rule of three: what no failure in n trials says. */
  #statistics(): string {
    const { faults, rounds } = this;
    const violations = `${this.violations.length} violations in ${rounds} rounds with ${faults} faults`;
    if (this.violations.length > 0 || faults < FEWEST) return `${violations}.`;
    const bound = ((100 * 3) / faults).toFixed(2);
    return `${violations}: with 95 % confidence fewer than ${bound} % of such faults break a promise (3/n).`;
  }
}

export function lineOf(setup: string, seed: number, { verdict, faults }: Round): string {
  const injected = Object.entries(faults)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
  const { acknowledged, failed, indeterminate, open, violations } = verdict;
  return (
    `${setup} seed ${seed}: ${acknowledged} acknowledged, ${failed} failed, ${indeterminate} indeterminate, ${open} open; ` +
    `${violations.length} violations; ${injected || "no faults"}`
  );
}
