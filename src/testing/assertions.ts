import assert from "node:assert/strict";
import { type HoldpointErrorCode, isHoldpointError } from "../core/errors.ts";
import type { FakeClock } from "./fake-clock.ts";

/** The value, which a test knows to be there. */
export function must<T>(value: T | null | undefined, what = "value"): T {
  assert.ok(value !== null && value !== undefined, `expected a ${what}, found ${String(value)}`);
  return value;
}

/** The operation is refused with this code: a typed error, not whatever the datastore says. */
export async function rejectsWith(
  code: HoldpointErrorCode,
  operation: () => Promise<unknown>,
): Promise<void> {
  await assert.rejects(operation, (error) => {
    assert.ok(isHoldpointError(error), `expected ${code}, found ${String(error)}`);
    assert.equal(error.code, code);
    return true;
  });
}

/** How often each outcome came, for races: who wins does not matter, how many do. */
export function tally(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of [...outcomes].sort()) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

/** Rejects when a promise that has to settle soon does not; the time is only spent on failure. */
export async function soon<T>(promise: Promise<T>, what: string, timeoutMs = 8000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** `count` calls that are all under way at the same time. */
export async function together<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)));
}

/** Moves the clock on, a little at a time, until the promise has settled. */
export async function whileTimePasses<T>(clock: FakeClock, promise: Promise<T>, what: string): Promise<T> {
  const timer = setInterval(() => clock.advance(5), 5);
  try {
    return await soon(promise, what);
  } finally {
    clearInterval(timer);
  }
}
