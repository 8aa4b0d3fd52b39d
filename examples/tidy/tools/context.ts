/** What the tools of one run share. */
import type { Effect } from "../files.ts";
import type { Problem } from "../survey.ts";

export interface TidyContext {
  /** The folder's real path. */
  readonly root: string;
  /** Names this run's folder in the trash. */
  readonly run: string;
  readonly largeBytes: number;
  /** Files that were last changed before this moment (epoch milliseconds) are stale. */
  readonly staleBefore: number;
  /** Told of each change as it happens. */
  readonly onEffect: (effect: Effect) => void;
}

/** What a tool that changes something tells the planner, and what the summary is made of. */
export interface Report {
  readonly effects: readonly Effect[];
  readonly left: readonly Problem[];
  readonly note?: string;
}

export function report(effects: readonly Effect[], left: readonly Problem[] = [], note?: string): string {
  return JSON.stringify({ effects, left, ...(note === undefined ? {} : { note }) } satisfies Report);
}
