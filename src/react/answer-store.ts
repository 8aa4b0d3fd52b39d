/**
 * What became of the answers that were given here, beside the React tree: one entry for each `hitl_id`, so that an
 * unmounted row, StrictMode or a second list changes nothing of it.
 */
import { HoldpointError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";
import type { ResponseIssue } from "../core/response-schema.ts";
import type { AnswerState, Cancel, CancelOutcome, Ending, Respond, RespondOutcome } from "./types.ts";

export interface AnswerStoreOptions {
  readonly respond: Respond;
  /** Without it nobody can cancel here. */
  readonly cancel?: Cancel | undefined;
}

/** Made by {@link createAnswerStore}; `subscribe` and `getSnapshot` fit `useSyncExternalStore`. */
export interface AnswerStore {
  /** Sends an answer; while one is on its way, a second is not sent and its promise is that of the first. */
  respond(hitl_id: string, response: JsonValue): Promise<AnswerState>;
  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` (as a rejection) if the store was made without `cancel`. */
  cancel(hitl_id: string, reason?: string): Promise<AnswerState>;
  /** The same object until it changes. */
  getState(hitl_id: string): AnswerState;
  /** All that is not idle; the same object until something changes. */
  getSnapshot(): ReadonlyMap<string, AnswerState>;
  subscribe(listener: () => void): () => void;
}

const IDLE: AnswerState = { state: "idle" };

const NOT_SAID: Ending = { status: "completed" };

/** Terminal means terminal: how a record has ended, as a state. */
export function stateOfEnding(ending: Ending, ours: "answered" | "conflict"): AnswerState {
  switch (ending.status) {
    case "expired":
      return { state: "expired", ending };
    case "cancelled":
      return { state: "cancelled", ending };
    default:
      return { state: ours, ending };
  }
}

function issuesOf(outcome: RespondOutcome): readonly ResponseIssue[] {
  const issues: unknown = outcome.issues;
  if (!Array.isArray(issues)) return [];
  return (issues as Partial<ResponseIssue>[]).map(({ path, message }) => ({
    path: Array.isArray(path) ? (path as (string | number)[]) : [],
    message: typeof message === "string" ? message : "",
  }));
}

function stateOfOutcome(outcome: RespondOutcome | CancelOutcome, retry: () => void): AnswerState {
  const record = outcome?.record;
  const error = (cause: "forbidden" | "not_found" | "indeterminate"): AnswerState => ({
    state: "error",
    cause,
    error: undefined,
    retry,
  });
  switch (outcome?.status) {
    case "accepted":
    case "duplicate":
      return { state: "answered", ending: record ?? NOT_SAID };
    case "conflict":
      return stateOfEnding(record ?? NOT_SAID, "conflict");
    case "invalid":
      return { state: "invalid", issues: issuesOf(outcome) };
    case "expired":
      return { state: "expired", ending: record ?? { status: "expired" } };
    case "cancelled":
      return { state: "cancelled", ending: record ?? { status: "cancelled" } };
    case "forbidden":
    case "not_found":
    case "indeterminate":
      return error(outcome.status);
    default:
      // P8: what cannot be read is never taken for an answer.
      throw new HoldpointError(
        "ERR_HITL_INVALID_INPUT",
        "The function that sends answers has to give what HITLBackend.respond gives: an object with a status (PROTOCOL.md §5.1).",
      );
  }
}

/**
 * @example
 * ```ts
 * import { InMemoryHITLBackend } from "holdpoint";
 * import { createAnswerStore } from "holdpoint/react";
 *
 * const backend = new InMemoryHITLBackend();
 * const { record } = await backend.create({ hitl_type: "confirm", session_id: "s1", data: { message: "Deploy?" } });
 * const answers = createAnswerStore({ respond: (hitl_id, response) => backend.respond(hitl_id, response) });
 *
 * console.log((await answers.respond(record.hitl_id, { confirmed: "yes" })).state); // prints: invalid
 * console.log((await answers.respond(record.hitl_id, { confirmed: true })).state); // prints: answered
 * ```
 */
export function createAnswerStore(options: AnswerStoreOptions): AnswerStore {
  const listeners = new Set<() => void>();
  const sending = new Map<string, Promise<AnswerState>>();
  let states: ReadonlyMap<string, AnswerState> = new Map();

  const set = (hitl_id: string, state: AnswerState): AnswerState => {
    states = new Map(states).set(hitl_id, state);
    for (const listener of listeners) {
      try {
        listener();
      } catch (error) {
        // It may not keep an answer from being sent; it is still to be seen.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
    return state;
  };

  const run = async (
    hitl_id: string,
    action: "respond" | "cancel",
    send: () => Promise<RespondOutcome | CancelOutcome>,
  ): Promise<AnswerState> => {
    const retry = (): void => void attempt(hitl_id, action, send);
    set(hitl_id, { state: "sending", action });
    let state: AnswerState;
    try {
      state = stateOfOutcome(await send(), retry);
    } catch (error) {
      state = { state: "error", cause: "failed", error, retry };
    }
    sending.delete(hitl_id);
    return set(hitl_id, state);
  };

  const attempt = (
    hitl_id: string,
    action: "respond" | "cancel",
    send: () => Promise<RespondOutcome | CancelOutcome>,
  ): Promise<AnswerState> => {
    const before = sending.get(hitl_id);
    if (before) return before;
    // Listeners run inside of `run`; one that answers at once has to find this attempt.
    let settle: (state: AnswerState) => void = () => undefined;
    const promise = new Promise<AnswerState>((resolve) => {
      settle = resolve;
    });
    sending.set(hitl_id, promise);
    void run(hitl_id, action, send).then(settle);
    return promise;
  };

  return {
    respond: (hitl_id, response) =>
      attempt(hitl_id, "respond", async () => options.respond(hitl_id, response)),
    cancel: (hitl_id, reason) => {
      const { cancel } = options;
      if (!cancel)
        return Promise.reject(
          new HoldpointError("ERR_HITL_INVALID_INPUT", "To cancel, give the function `cancel` too."),
        );
      return attempt(hitl_id, "cancel", async () => cancel(hitl_id, reason));
    },
    getState: (hitl_id) => states.get(hitl_id) ?? IDLE,
    getSnapshot: () => states,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
