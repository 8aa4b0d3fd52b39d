import type { Clock } from "../core/clock.ts";

/**
 * A clock that only moves when a test says so.
 *
 * @example
 * ```ts
 * import { FakeClock } from "holdpoint/testing";
 *
 * const clock = new FakeClock();
 * clock.advance(60_000);
 * ```
 */
export class FakeClock implements Clock {
  #now: number;

  /** @param start Epoch ms. */
  constructor(start = 1_700_000_000_000) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Moves the time forward, and returns it. */
  advance(ms: number): number {
    this.#now += ms;
    return this.#now;
  }

  /** Sets the time, also backwards: clocks of real machines do that. */
  set(epochMs: number): void {
    this.#now = epochMs;
  }
}
