/** What a step writes for one of its calls, together with the others: its questions, and itself as it waits for them. */
import type { OpResult, StoreOp } from "../backends/record-store.ts";
import type { CallParts } from "./call-parts.ts";
import type { QueuedAsk } from "./call-questions.ts";
import { keepOp, suspendedValue, suspendOp, takenUpOps } from "./call-writes.ts";

export class CallBatch {
  readonly #parts: CallParts;
  /** Questions of the commit that is under way. */
  #writing: QueuedAsk[] = [];
  /** The call asked while a step was at work: the claim is kept until that is done. */
  #stepsAtWork = false;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Questions are queued to be written. */
  get hasAsked(): boolean {
    return this.#parts.questions.queue.length > 0;
  }

  /** The operations for all that is queued; empty if there is nothing to write. */
  takeOps(): StoreOp[] {
    const { step, call, state, claim, questions, steps } = this.#parts;
    const { queue, open } = questions;
    const { value, executing, suspended, mode } = state;
    if (queue.length === 0) {
      if (step.asked || !executing || claim.record || suspended) return [];
      // A sibling at work when the first question is asked: whoever resumes must not start it again.
      return [claim.insert(value)];
    }
    const asked = questions.withQueued(value);
    for (const { named } of queue) open.add(named.id);
    const waiting = suspendedValue(value, questions, asked, mode);
    state.value = waiting;
    this.#writing = queue.splice(0);
    const inserts = this.#writing.map((queued) => queued.operation);
    this.#stepsAtWork = claim.record !== null && steps.active > 0;
    if (this.#stepsAtWork) return [keepOp(call.id, waiting, claim.fence), ...inserts];
    return [this.suspendOp(), ...inserts, ...this.takenUp()];
  }

  /** The commit of {@link takeOps} went through. */
  written(results: readonly OpResult[]): void {
    const { state, claim } = this.#parts;
    const [own, ...inserted] = results;
    const written = this.#writing.splice(0);
    if (written.length === 0) {
      claim.record = own?.record ?? null;
      claim.beat();
      return;
    }
    if (!this.#stepsAtWork) {
      state.suspended = own?.record ?? null;
      claim.drop();
    }
    for (const [index, queued] of written.entries()) queued.settle(inserted[index]?.record ?? null);
  }

  /** A claim that is being taken: it decides how this run is written. */
  get starting(): Promise<unknown> | null {
    return this.#parts.claim.starting;
  }

  /** Another execution holds the call: this one goes back to sleep. */
  lost(): void {
    this.#parts.claim.drop();
    for (const queued of this.#writing.splice(0)) queued.settle(null);
  }

  /** The questions that are queued cannot be written: whoever asks them hears why. */
  refuse(error: unknown): void {
    for (const queued of [...this.#writing.splice(0), ...this.#parts.questions.queue.splice(0)])
      queued.settle(null, error as Error);
  }

  suspendOp(): StoreOp {
    const { step, call, state, claim } = this.#parts;
    return suspendOp(step.place, call.id, state.value, state.suspended, claim.record);
  }

  takenUp(): StoreOp[] {
    const { step, claim } = this.#parts;
    return takenUpOps(step.place.backend, claim.record, step.questions);
  }
}
