/** What the worker processes are asked to do, and what they say then. */
import type { DriveReport } from "./drive.ts";
import type { Trip } from "./tripwire.ts";
import type { Site } from "./site.ts";

/** The program that does them. */
export const WORKER = "test/crash/worker.child.ts";

export type Job =
  /** The whole round, from wherever the thread stands to its end. */
  | {
      readonly kind: "round";
      readonly site: Site;
      readonly trip?: Trip;
      readonly wakeFirst?: boolean;
      readonly deadlineMs: number;
      /** Look whether all promises were kept, at the end. */
      readonly examine?: boolean;
    }
  /** To the first pause. */
  | { readonly kind: "start"; readonly sites: readonly Site[] }
  /** Behind the barrier, if `together`: one answer with `respondAndResume`. */
  | {
      readonly kind: "answer";
      readonly site: Site;
      readonly question: string;
      readonly response: Readonly<Record<string, unknown>>;
      readonly together?: boolean;
      readonly trip?: Trip;
    }
  /** Behind the barrier: one `resumeThread`. */
  | { readonly kind: "resume"; readonly site: Site; readonly together: boolean };

export interface Reply {
  /** Of the operations counted by the tripwire. */
  readonly names: readonly string[];
  readonly drive?: DriveReport;
  readonly violations?: readonly string[];
  readonly doubts?: number;
  /** What became of the answer, and of the thread. */
  readonly status?: string;
  readonly resume?: string | null;
}
