/** What the processes are asked to do, and what they say then. */
import type { Trip } from "../../crash/tripwire.ts";
import type { ScenarioName } from "./scenarios.ts";
import type { Target } from "./targets.ts";

interface Place {
  readonly target: Target;
  readonly log: string;
  readonly workflow_id: string;
  readonly leaseMs: number;
  /** The process, as it signs in the log. */
  readonly name: string;
}

/** Many callers of one call, behind the barrier. */
export interface CallersJob extends Place {
  readonly kind: "callers";
  readonly callers: number;
  /** The handler waits until so many have called in all processes. */
  readonly together: number;
  /** Where the first handler stands still until its process is killed; null: nowhere. */
  readonly holds: "start" | "effect" | null;
  /** Times that the handler asks the store before its effect, and after it. */
  readonly pace: readonly [number, number];
}

/** One call, from wherever it stands to its end. */
export interface RunJob extends Place {
  readonly kind: "run";
  readonly scenario: ScenarioName;
  readonly trip?: Trip;
}

export type Job = CallersJob | RunJob;

export interface Reply {
  /** Of the operations that the tripwire has counted. */
  readonly names?: readonly string[];
  /** What callers were given, and how often. */
  readonly given: Readonly<Record<string, number>>;
  /** Codes of what they were thrown. */
  readonly thrown: readonly string[];
}
