/** How a call falls asleep: what is left at work ends first, what it holds is given back, what nobody asks any more is withdrawn. */
import type { CommitResult } from "../backends/record-store.ts";
import type { JsonValue } from "../core/json.ts";
import type { CallBatch } from "./call-batch.ts";
import type { CallParts } from "./call-parts.ts";
import { suspendedValue } from "./call-writes.ts";
import { supersedeOp } from "./supersede.ts";

/** Each promise of a round costs as much as a small function: where nothing is waited for, there is none. */
export type Sooner<T> = T | Promise<T>;

interface Asleep {
  readonly status: "suspended";
}

export class CallSleep {
  readonly #parts: CallParts;
  readonly #batch: CallBatch;

  constructor(parts: CallParts, batch: CallBatch) {
    this.#parts = parts;
    this.#batch = batch;
  }

  fall(): Sooner<Asleep> {
    const { steps, claim, questions, state } = this.#parts;
    const isDone = steps.active === 0 && !claim.record;
    if (isDone && questions.abandoned(state.value).length === 0) return { status: "suspended" };
    return this.#inOrder();
  }

  async #inOrder(): Promise<Asleep> {
    const { step, steps, claim, questions, state } = this.#parts;
    if (steps.active > 0) await steps.idle();
    if (claim.record) {
      await this.#suspend();
      claim.drop();
    }
    const abandoned = questions.abandoned(state.value);
    if (abandoned.length > 0) {
      const { backend } = step.place;
      const { results } = await backend.store.commit(
        abandoned.map((question) => supersedeOp(backend, question)),
      );
      for (const { record } of results) step.note(record);
    }
    return { status: "suspended" };
  }

  /** A graph inside the body is paused: the siblings' outcomes are needed when the step runs again. */
  async nested(interrupts: JsonValue[]): Promise<Asleep> {
    const { step, call, state, claim, questions } = this.#parts;
    state.mode = "nested";
    state.value = {
      ...suspendedValue(state.value, questions, state.value.asked, state.mode),
      interrupts,
    };
    const { results, status } = await this.#suspend();
    if (status === "committed") state.suspended = results[0]?.record ?? null;
    claim.drop();
    await step.loadQuestions([call.id]);
    await step.openForOthers();
    return { status: "suspended" };
  }

  /** A user has asked the run to pause: the body does not begin, and what siblings did is kept. */
  async before(interrupts: JsonValue[]): Promise<Asleep> {
    const { step, state, claim } = this.#parts;
    await claim.release();
    state.value = { ...state.value, interrupts };
    await step.openForOthers();
    return { status: "suspended" };
  }

  async #suspend(): Promise<CommitResult> {
    const { step } = this.#parts;
    const ops = [this.#batch.suspendOp(), ...this.#batch.takenUp()];
    const result = await step.place.backend.store.commit(ops);
    for (const { record } of result.results) step.note(record);
    return result;
  }
}
