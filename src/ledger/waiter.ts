/** Waits for an effect to change: by the store's watch, else by looking again, less and less often. */
import type { RecordStore, Watcher } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import type { Concurrency } from "./options.ts";

/** How soon a waiter looks again at a lease that has run out by this clock, and not yet by the store's. */
const OVERDUE_MS = 20;

export class Waiter {
  readonly #store: RecordStore;
  readonly #concurrency: Concurrency;
  readonly #signal: AbortSignal | undefined;
  #watcher: Watcher | undefined;
  #watched = "";
  #isBlind = false;
  #hinted = false;
  #wake: () => void = () => {};
  #intervalMs: number;
  /** What is waited for, and since when, by `performance.now()`: each has a time limit of its own. */
  #phase = "";
  #since = 0;

  constructor(store: RecordStore, concurrency: Concurrency, signal: AbortSignal | undefined) {
    this.#store = store;
    this.#concurrency = concurrency;
    this.#signal = signal;
    this.#intervalMs = concurrency.initialIntervalMs;
  }

  /**
   * Resolves when it is time to read again; at once, if the records were not watched before.
   *
   * @param timeoutMs - null for no limit
   * @param untilMs - when the lease ends that is waited for
   * @returns false if the time is over
   * @throws HoldpointError `ERR_HITL_ABORTED`
   */
  async next(
    phase: string,
    ids: readonly string[],
    timeoutMs: number | null,
    untilMs = Number.POSITIVE_INFINITY,
  ): Promise<boolean> {
    this.#assertGoesOn();
    const now = performance.now();
    if (this.#phase !== phase) {
      this.#phase = phase;
      this.#since = now;
      this.#intervalMs = this.#concurrency.initialIntervalMs;
    }
    if (await this.#watchAnew(ids)) return true;
    const leftMs =
      timeoutMs === null ? Number.POSITIVE_INFINITY : this.#since + timeoutMs - performance.now();
    if (leftMs <= 0) return false;
    await this.#pause(Math.min(this.#nextInterval(), leftMs, Math.max(untilMs, OVERDUE_MS)));
    this.#assertGoesOn();
    return true;
  }

  async close(): Promise<void> {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    await watcher?.close();
  }

  /** True if a watch began: what changed before it is seen by a read from now on. */
  async #watchAnew(ids: readonly string[]): Promise<boolean> {
    const watched = ids.join();
    if (this.#isBlind || this.#watched === watched) return false;
    await this.close();
    try {
      this.#watcher = await this.#store.watch(ids, () => {
        this.#hinted = true;
        this.#wake();
      });
    } catch {
      this.#isBlind = true;
      return false;
    }
    this.#watched = watched;
    return true;
  }

  #nextInterval(): number {
    const { maxIntervalMs, backoffMultiplier, jitterFactor } = this.#concurrency;
    const baseMs = this.#isBlind ? this.#intervalMs : maxIntervalMs;
    this.#intervalMs = Math.min(this.#intervalMs * backoffMultiplier, maxIntervalMs);
    return Math.max(1, baseMs + baseMs * jitterFactor * (2 * Math.random() - 1));
  }

  #assertGoesOn(): void {
    if (!this.#signal?.aborted) return;
    throw new HoldpointError("ERR_HITL_ABORTED", "Waiting for the effect was aborted.", {
      cause: this.#signal.reason,
    });
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#hinted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#signal?.addEventListener("abort", this.#wake, { once: true });
      });
      this.#signal?.removeEventListener("abort", this.#wake);
    }
    this.#hinted = false;
  }
}
