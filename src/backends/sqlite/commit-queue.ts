/**
 * Commits of one turn of the event loop share a transaction, so that flows that write at the same time wait for the
 * disk once and not one after the other. A lone commit does not wait for others.
 */
import type { CommitResult, StoreOp } from "../record-store.ts";

export interface Queued {
  readonly ops: readonly StoreOp[];
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Transactions stay short: other processes wait for the lock. */
const MOST_TOGETHER = 64;

export class CommitQueue {
  readonly #flush: (queued: readonly Queued[]) => Promise<void>;
  #waiting: Queued[] = [];
  #turn = false;
  /** How many came in this turn, or in the last one that had any. */
  #together = 0;

  /** @param flush - runs them, and settles each; does not reject */
  constructor(flush: (queued: readonly Queued[]) => Promise<void>) {
    this.#flush = flush;
  }

  add(ops: readonly StoreOp[]): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      const queued = { ops, resolve, reject };
      const alone = !this.#turn && this.#together <= 1;
      this.#together = this.#turn ? this.#together + 1 : 1;
      if (!this.#turn) {
        this.#turn = true;
        setImmediate(() => {
          this.#turn = false;
          this.drain();
        });
      }
      if (alone) void this.#flush([queued]);
      else this.#waiting.push(queued);
    });
  }

  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Runs what waits now. */
  drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let at = 0; at < waiting.length; at += MOST_TOGETHER)
      void this.#flush(waiting.slice(at, at + MOST_TOGETHER));
  }
}
