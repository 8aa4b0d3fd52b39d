/**
 * Attempts of a call that failed, where that is no outcome: a middleware around the call may have made a result of
 * it, or run it once more. An execution that finds the call again goes through the same failures without the body (P6).
 */
import type { JsonValue } from "../core/json.ts";
import type { CallValue } from "./call-record.ts";
import type { CallAttempts } from "./call-task.ts";
import { isBubbleUp, isFatal } from "./errors.ts";

/** More than a retry makes; what fails after that is not remembered. */
const MAX_KEPT = 100;

export class CallFailures {
  readonly #attempts: CallAttempts | undefined;
  /** Of this execution, by call; shared by the call's attempts. */
  readonly #all: Map<string, readonly JsonValue[]>;
  readonly #id: string;

  constructor(all: Map<string, readonly JsonValue[]>, id: string, attempts: CallAttempts | undefined) {
    this.#all = all;
    this.#id = id;
    this.#attempts = attempts;
  }

  get #known(): readonly JsonValue[] {
    return this.#all.get(this.#id) ?? [];
  }

  /** The record's value with the failures of this execution in the place of an earlier one's. */
  in(value: CallValue): CallValue {
    const known = this.#known;
    return known.length === 0 && value.failures === undefined ? value : { ...value, failures: known };
  }

  /** What the same attempt of an earlier execution failed with; undefined if the body is to run. */
  async again({ failures = [] }: CallValue): Promise<Error | undefined> {
    const known = this.#known;
    const failure = failures[known.length];
    if (!this.#attempts || failure === undefined || (await this.#attempts.rejected())) return undefined;
    this.#all.set(this.#id, [...known, failure]);
    return this.#attempts.decode(failure);
  }

  /** Keeps one; false if it is none: control flow, or the engine cannot go on. */
  add(error: unknown): boolean {
    if (!this.#attempts || isFatal(error) || isBubbleUp(error)) return false;
    const known = this.#known;
    if (known.length === MAX_KEPT) return false;
    this.#all.set(this.#id, [...known, this.#attempts.encode(error)]);
    return true;
  }
}
