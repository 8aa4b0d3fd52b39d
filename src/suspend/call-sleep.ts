/** How a call falls asleep: what is left at work ends first, what it holds is given back, what nobody asks any more is withdrawn. */
import type { CommitResult } from "../backends/record-store.ts";
import type { JsonValue } from "../core/json.ts";
import type { CallBatch, CallState } from "./call-batch.ts";
import type { CallClaim } from "./call-claim.ts";
import type { CallQuestions } from "./call-questions.ts";
import type { CallSteps } from "./call-steps.ts";
import { suspendedValue } from "./call-writes.ts";
import { supersedeOp } from "./supersede.ts";
import type { ToolStep } from "./tool-step.ts";

/** Each promise of a round costs as much as a small function: where nothing is waited for, there is none. */
export type Sooner<T> = T | Promise<T>;

interface Asleep {
  readonly status: "suspended";
}

export class CallSleep {
  readonly #step: ToolStep;
  readonly #id: string;
  readonly #state: CallState;
  readonly #claim: CallClaim;
  readonly #questions: CallQuestions;
  readonly #steps: CallSteps;
  readonly #batch: CallBatch;

  constructor(
    step: ToolStep,
    id: string,
    state: CallState,
    claim: CallClaim,
    questions: CallQuestions,
    steps: CallSteps,
    batch: CallBatch,
  ) {
    this.#step = step;
    this.#id = id;
    this.#state = state;
    this.#claim = claim;
    this.#questions = questions;
    this.#steps = steps;
    this.#batch = batch;
  }

  fall(): Sooner<Asleep> {
    const isDone = this.#steps.active === 0 && !this.#claim.record;
    if (isDone && this.#questions.abandoned(this.#state.value).length === 0) return { status: "suspended" };
    return this.#inOrder();
  }

  async #inOrder(): Promise<Asleep> {
    if (this.#steps.active > 0) await this.#steps.idle();
    if (this.#claim.record) {
      await this.#suspend();
      this.#claim.drop();
    }
    const abandoned = this.#questions.abandoned(this.#state.value);
    if (abandoned.length > 0) {
      const { backend } = this.#step.place;
      const { results } = await backend.store.commit(
        abandoned.map((question) => supersedeOp(backend, question)),
      );
      for (const { record } of results) this.#step.note(record);
    }
    return { status: "suspended" };
  }

  /** A graph inside the body is paused: the siblings' outcomes are needed when the step runs again. */
  async nested(interrupts: JsonValue[]): Promise<Asleep> {
    this.#state.mode = "nested";
    this.#state.value = {
      ...suspendedValue(this.#state.value, this.#questions, this.#state.value.asked, this.#state.mode),
      interrupts,
    };
    const { results, status } = await this.#suspend();
    if (status === "committed") this.#state.suspended = results[0]?.record ?? null;
    this.#claim.drop();
    await this.#step.loadQuestions([this.#id]);
    await this.#step.openForOthers();
    return { status: "suspended" };
  }

  /** A user has asked the run to pause: the body does not begin, and what siblings did is kept. */
  async before(interrupts: JsonValue[]): Promise<Asleep> {
    await this.#claim.release();
    this.#state.value = { ...this.#state.value, interrupts };
    await this.#step.openForOthers();
    return { status: "suspended" };
  }

  async #suspend(): Promise<CommitResult> {
    const result = await this.#step.place.backend.store.commit([
      this.#batch.suspendOp(),
      ...this.#batch.takenUp(),
    ]);
    for (const { record } of result.results) this.#step.note(record);
    return result;
  }
}
