/** What a worker is told to do, and what it says in the end. */
import type { Target } from "./setup.ts";

export interface Job {
  readonly setup: string;
  readonly target: Target;
  /** Unique for each process of a round. */
  readonly name: string;
  readonly ledger: string;
  readonly seed: number;
  readonly writers: number;
  readonly readers: number;
}

export interface Reply {
  readonly calls: number;
  /** Why its own connection was of no use when all faults were over; null if it was. */
  readonly stuck: string | null;
}
