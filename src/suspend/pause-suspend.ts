/**
 * `PauseSuspend`: a user asks the run to pause. Nobody is asked anything and there is no HITL record; the thread
 * rests until somebody resumes it. Hosts pause for it as for LangGraph's own interrupt.
 */
import { HoldpointError } from "../core/errors.ts";
import { defaultRandomId } from "../core/ids.ts";
import type { HostInterrupt } from "./interrupt-payload.ts";

const BRAND: unique symbol = Symbol.for("holdpoint.pause") as never;
const DEFAULT_REASON = "User requested pause";
/** Characters of a reason that are shown. It is for people, and goes through the checkpointer. */
const MAX_REASON = 1000;

/** What the interrupt of a pause shows. */
export interface PausePayload {
  readonly schema_version: 1;
  readonly paused: true;
  readonly reason: string;
  readonly message: string;
}

/**
 * Throw it in a tool or a node when a user wants the run to pause there. `resumeThread` goes on: the tool or node
 * runs again, finished siblings and finished `step`s do not (P6).
 *
 * To pause a run from outside, before its next tool call begins, give the run an `AbortSignal` instead:
 * `configurable.holdpoint.pause`.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if the reason is no text
 *
 * @example
 * ```ts
 * import { PauseSuspend } from "holdpoint";
 *
 * export function checkpoint(wanted: { readonly pause: boolean }): void {
 *   if (wanted.pause) throw new PauseSuspend("Lunch");
 * }
 * ```
 */
export class PauseSuspend extends Error {
  /** @internal The signal of any copy of the package. */
  get [BRAND](): true {
    return true;
  }

  /** LangGraph tells an interrupt by this name; another one turns the pause into an error for the model. */
  override readonly name: string = "GraphInterrupt";
  readonly is_bubble_up: true = true;
  readonly reason: string;
  readonly interrupts: readonly HostInterrupt<PausePayload>[];

  constructor(reason: string = DEFAULT_REASON) {
    if (typeof reason !== "string") {
      throw new HoldpointError("ERR_HITL_INVALID_INPUT", "The reason of a PauseSuspend has to be text.");
    }
    const shown = reason.slice(0, MAX_REASON).toWellFormed();
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(`Paused: ${shown}`);
    Error.stackTraceLimit = limit;
    this.reason = shown;
    const value: PausePayload = { schema_version: 1, paused: true, reason: shown, message: this.message };
    // LangGraph takes 32 hexadecimal digits for the id of an interrupt, and nothing else.
    this.interrupts = [{ id: defaultRandomId().padEnd(32, "0"), value }];
  }
}

/** True for the signal of any copy of the package. Let it pass wherever you catch errors around a tool. */
export function isPauseSuspend(error: unknown): error is PauseSuspend {
  return typeof error === "object" && error !== null && (error as Record<symbol, unknown>)[BRAND] === true;
}

/** True for the value of an interrupt that shows a pause. */
export function showsPause(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as { paused?: unknown }).paused === true;
}

/** The pause that was asked for by `configurable.holdpoint.pause`; undefined if there is none. */
export function requestedPause(signal: AbortSignal | undefined): PauseSuspend | undefined {
  if (signal?.aborted !== true) return undefined;
  const reason: unknown = signal.reason;
  return new PauseSuspend(typeof reason === "string" ? reason : undefined);
}
