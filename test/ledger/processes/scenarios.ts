/** Ways in which a call comes to its end, each with the operations of its own at which a process may die. */
import type { RunOptions } from "holdpoint/ledger";
import { type OracleLog, tokenOf } from "./oracle-log.ts";

export interface Scenario {
  /** A worker is dead already, in the middle of the call. */
  readonly orphaned: boolean;
  readonly needsApproval: boolean;
  /** The handler fails in its first attempt. */
  readonly fails: boolean;
  options(log: OracleLog, name: string): RunOptions;
}

const usual = { orphaned: false, needsApproval: false, fails: false, options: (): RunOptions => ({}) };

export const SCENARIOS = {
  fresh: usual,
  approved: { ...usual, needsApproval: true, options: () => ({ requires_approval: true }) },
  retried: { ...usual, fails: true, options: () => ({ retry: { attempts: 9, initialDelayMs: 1 } }) },
  orphaned: { ...usual, orphaned: true },
  verified: {
    ...usual,
    orphaned: true,
    options: (log, name) => ({
      inDoubt: {
        verify: () => {
          const effect = log.of("effect")[0];
          const what = effect ? "happened" : "not_run";
          log.add({ what, by: `${name}, who looked`, fence: effect?.fence ?? 0 });
          return effect ? { status: "succeeded", result: tokenOf(effect) } : { status: "not_run" };
        },
      },
    }),
  },
} as const satisfies Readonly<Record<string, Scenario>>;

export type ScenarioName = keyof typeof SCENARIOS;
export const SCENARIO_NAMES = Object.keys(SCENARIOS) as ScenarioName[];
