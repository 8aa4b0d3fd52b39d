/** The seam between a host (a node, a wrapped tool) and the engine that runs its calls. */
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import type { CallIdentity } from "./call-record.ts";

/** For hosts to which a failed body is no outcome: somebody around the call may run it once more, or make a result of it. */
export interface CallAttempts {
  readonly encode: (error: unknown) => JsonValue;
  readonly decode: (failure: JsonValue) => Error;
  /** The last execution of the step ended with an error: it is tried again as a whole. */
  readonly rejected: () => Promise<boolean>;
}

/** How a host runs one call and keeps its output. */
export interface CallTask<Output> {
  readonly call: CallIdentity;
  /** The run's: once it is aborted, nobody hears what the body does. */
  readonly signal: AbortSignal | undefined;
  readonly execute: () => Promise<Output>;
  /** A promise only where the host's serializer makes one. */
  readonly encode: (output: Output) => JsonValue | Promise<JsonValue>;
  readonly decode: (outcome: JsonValue) => Promise<Output>;
  readonly attempts?: CallAttempts | undefined;
  /** The body is behind an effect: when the call is in doubt it runs again, and the effect says what became of it. */
  readonly behindEffect?: boolean | undefined;
  /** Response mode: the output that an ended question comes to. */
  readonly answer: (record: HITLRecord) => Output;
  /** The output for a call that was given up, or of which a human says that it happened. */
  readonly settled: (text: string, happened: boolean) => Output;
}

export type CallResult<Output> =
  | { readonly status: "finished"; readonly output: Output; readonly replayed: boolean }
  | { readonly status: "suspended" };
