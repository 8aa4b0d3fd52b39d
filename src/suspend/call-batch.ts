/** What a step writes for one of its calls, together with the others: its questions, and itself as it waits for them. */
import type { OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { CallClaim } from "./call-claim.ts";
import type { CallQuestions, QueuedAsk } from "./call-questions.ts";
import type { CallMode, CallValue } from "./call-record.ts";
import type { CallSteps } from "./call-steps.ts";
import { keepOp, suspendedValue, suspendOp, takenUpOps } from "./call-writes.ts";
import type { ToolStep } from "./tool-step.ts";

/** What one execution of a call knows of it. */
export interface CallState {
  value: CallValue;
  /** The call as this execution itself has suspended it. */
  suspended: StoredRecord | null;
  executing: boolean;
  mode: CallMode;
}

export class CallBatch {
  readonly #step: ToolStep;
  readonly #id: string;
  readonly #state: CallState;
  readonly #claim: CallClaim;
  readonly #questions: CallQuestions;
  readonly #steps: CallSteps;
  /** Questions of the commit that is under way. */
  #writing: QueuedAsk[] = [];
  /** The call asked while a step was at work: the claim is kept until that is done. */
  #stepsAtWork = false;

  constructor(
    step: ToolStep,
    id: string,
    state: CallState,
    claim: CallClaim,
    questions: CallQuestions,
    steps: CallSteps,
  ) {
    this.#step = step;
    this.#id = id;
    this.#state = state;
    this.#claim = claim;
    this.#questions = questions;
    this.#steps = steps;
  }

  /** Questions are queued to be written. */
  get hasAsked(): boolean {
    return this.#questions.queue.length > 0;
  }

  /** The operations for all that is queued; empty if there is nothing to write. */
  takeOps(): StoreOp[] {
    const { queue, open } = this.#questions;
    const { value, executing, suspended, mode } = this.#state;
    if (queue.length === 0) {
      if (this.#step.asked || !executing || this.#claim.record || suspended) return [];
      // A sibling at work when the first question is asked: whoever resumes must not start it again.
      return [this.#claim.insert(value)];
    }
    const asked = this.#questions.withQueued(value);
    for (const { named } of queue) open.add(named.id);
    const waiting = suspendedValue(value, this.#questions, asked, mode);
    this.#state.value = waiting;
    this.#writing = queue.splice(0);
    const inserts = this.#writing.map((queued) => queued.operation);
    this.#stepsAtWork = this.#claim.record !== null && this.#steps.active > 0;
    if (this.#stepsAtWork) return [keepOp(this.#id, waiting, this.#claim.fence), ...inserts];
    return [this.suspendOp(), ...inserts, ...this.takenUp()];
  }

  /** The commit of {@link takeOps} went through. */
  written(results: readonly OpResult[]): void {
    const [own, ...inserted] = results;
    const written = this.#writing.splice(0);
    if (written.length === 0) {
      this.#claim.record = own?.record ?? null;
      this.#claim.beat();
      return;
    }
    if (!this.#stepsAtWork) {
      this.#state.suspended = own?.record ?? null;
      this.#claim.drop();
    }
    for (const [index, queued] of written.entries()) queued.settle(inserted[index]?.record ?? null);
  }

  /** A claim that is being taken: it decides how this run is written. */
  get starting(): Promise<unknown> | null {
    return this.#claim.starting;
  }

  /** Another execution holds the call: this one goes back to sleep. */
  lost(): void {
    this.#claim.drop();
    for (const queued of this.#writing.splice(0)) queued.settle(null);
  }

  /** The questions that are queued cannot be written: whoever asks them hears why. */
  refuse(error: unknown): void {
    for (const queued of [...this.#writing.splice(0), ...this.#questions.queue.splice(0)])
      queued.settle(null, error as Error);
  }

  suspendOp(): StoreOp {
    const { value, suspended } = this.#state;
    return suspendOp(this.#step.place, this.#id, value, suspended, this.#claim.record);
  }

  takenUp(): StoreOp[] {
    return takenUpOps(this.#step.place.backend, this.#claim.record, this.#step.questions);
  }
}
