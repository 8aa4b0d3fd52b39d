/** Time and randomness are handed in, so that tests and fault plans can own them. */

export interface Clock {
  /** Epoch milliseconds. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
