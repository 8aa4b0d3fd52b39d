/** How long records are kept: the options, checked, and the marks that they come to. */
import { HoldpointError } from "../../core/errors.ts";
import type { Patch } from "../record-store.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_MS = 30 * DAY_MS;
const SWEEP_EVERY_MS = 60_000;
/** A century; the sum with the time of today is still an exact number. */
const MAX_MS = 100 * 365 * DAY_MS;
/** What a timer can wait for, with room for the spread of turns. */
const SWEEP_MS = { min: 1000, max: 7 * DAY_MS };
/** P6: outcomes are needed until the host has saved what came out, by whatever process. */
const MIN_CALLS_MS = 60 * 60 * 1000;

/** Milliseconds, or without an end. */
export type Keep = number | "forever";

/** Runs something once, later, without keeping the process alive. Returns how to call it off. */
export type Schedule = (run: () => void, delayMs: number) => () => void;

/**
 * How long a backend keeps what has ended; what is pending it keeps always. Default: 30 days each.
 *
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 *
 * const completedMs = 90 * 24 * 60 * 60 * 1000;
 * export const backend = new InMemoryHITLBackend({ retention: { completedMs, expiredMs: "forever" } });
 * ```
 */
export interface RetentionOptions {
  /** Questions that were answered; of a thread, from when its graph has taken the answer up. */
  readonly completedMs?: Keep | undefined;
  readonly cancelledMs?: Keep | undefined;
  readonly expiredMs?: Keep | undefined;
  /**
   * Tool calls, from the last change of their step, and pauses and thread records with them; and which grant a call has used.
   * At least an hour.
   */
  readonly callsMs?: Keep | undefined;
  /** Messages that were delivered, answered with, or withdrawn. */
  readonly messagesMs?: Keep | undefined;
  /** Effects of the ledger that have ended. A call whose effect was removed runs again: at least an hour. */
  readonly effectsMs?: Keep | undefined;
  /** Grants of `holdpoint/policy` that were revoked, have expired, or are used up. */
  readonly grantsMs?: Keep | undefined;
  /** How often a backend sweeps by itself, about: from a second to a week. 0: never; call `sweep`. Default 60 000. */
  readonly sweepEveryMs?: number | undefined;
  /** Hears of a sweep in the background that failed. Default: a warning of the process. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** The timer of the sweeps in the background. */
  readonly schedule?: Schedule | undefined;
}

/** The options with their defaults. */
export interface Retention {
  /** By the status of a question. */
  readonly questions: { readonly completed: Keep; readonly cancelled: Keep; readonly expired: Keep };
  readonly calls: Keep;
  readonly messages: Keep;
  readonly effects: Keep;
  readonly grants: Keep;
  readonly sweepEveryMs: number;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function retentionOf(options: RetentionOptions = {}): Retention {
  const sweepEveryMs = options.sweepEveryMs ?? SWEEP_EVERY_MS;
  if (sweepEveryMs !== 0) assertDuration("sweepEveryMs", sweepEveryMs, SWEEP_MS, "0 for never");
  return {
    questions: {
      completed: keepOf("completedMs", options.completedMs),
      cancelled: keepOf("cancelledMs", options.cancelledMs),
      expired: keepOf("expiredMs", options.expiredMs),
    },
    calls: keepOf("callsMs", options.callsMs, MIN_CALLS_MS),
    messages: keepOf("messagesMs", options.messagesMs),
    effects: keepOf("effectsMs", options.effectsMs, MIN_CALLS_MS),
    grants: keepOf("grantsMs", options.grantsMs),
    sweepEveryMs,
  };
}

function keepOf(name: string, given: Keep | undefined, min = 0): Keep {
  if (given === undefined) return DEFAULT_MS;
  if (given !== "forever") assertDuration(name, given, { min, max: MAX_MS }, '"forever"');
  return given;
}

function assertDuration(
  name: string,
  value: number,
  { min, max }: { readonly min: number; readonly max: number },
  other: string,
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `retention.${name} is ${String(value)}; it has to be a whole number of milliseconds from ${min} to ${max}, or ${other}.`,
    { details: { name } },
  );
}

/** The `due_at` of a record that has ended: from then on it may be removed. */
export function removableIn(keep: Keep): NonNullable<Patch["due_at"]> | null {
  return keep === "forever" ? null : { inMs: keep };
}

/** As {@link removableIn}, by the status that a question ends with. */
export function questionRemovableIn({ questions }: Retention, status: string): Patch["due_at"] {
  return removableIn(questions[status as keyof Retention["questions"]]);
}
