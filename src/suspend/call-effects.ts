/**
 * What an effect behind a call needs of that call: where it is, and how to wait there for a question that the effect has
 * asked itself. The effect's questions are the call's, too: it sleeps until one of them has ended.
 */
import type { CallAsks } from "./call-asks.ts";
import type { CallQuestions } from "./call-questions.ts";
import type { CallIdentity, CallValue } from "./call-record.ts";
import type { CallSteps, StepEffects } from "./call-steps.ts";
import type { Place } from "./place.ts";
import type { ToolStep } from "./tool-step.ts";

/** Told from the questions of the body, which counts and names its own (P2). */
const FINGERPRINT = "effect";

/** The body of the call is at work behind an effect. */
export interface Behind {
  readonly tool_name: string;
  readonly steps: StepEffects;
}

export class CallEffects {
  readonly call: CallIdentity;
  /**
   * Null while no effect has run the body. `over`: it has ended, was stopped, or was lost, and a body that goes on all the
   * same begins no step any more (P6, P9).
   */
  behind: Behind | "over" | null = null;
  readonly #step: ToolStep;
  readonly #asks: CallAsks;
  readonly #questions: CallQuestions;
  readonly #steps: CallSteps;
  readonly #value: () => CallValue;

  constructor(
    step: ToolStep,
    call: CallIdentity,
    asks: CallAsks,
    questions: CallQuestions,
    steps: CallSteps,
    value: () => CallValue,
  ) {
    this.call = call;
    this.#step = step;
    this.#asks = asks;
    this.#questions = questions;
    this.#steps = steps;
    this.#value = value;
  }

  get place(): Place {
    return this.#step.place;
  }

  /** Steps of the body have begun, and each says itself what became of it. */
  get hasSteps(): boolean {
    return this.#value().step_effects === true;
  }

  /** A step begins, and is an effect. False if the call's record says so already, or if it is none. */
  markSteps(state: { value: CallValue }): boolean {
    if (!this.behind || this.hasSteps) return false;
    state.value = { ...state.value, step_effects: true };
    return true;
  }

  /** @throws HoldpointError as `assertResumable` */
  async assertCanAsk(): Promise<void> {
    await this.#step.assertResumable();
  }

  /** The effect has heard what was answered to it: that the body does not ask it again is no change of the body (P2). */
  hear(): void {
    const { asked } = this.#value();
    for (const { id, fingerprint } of asked)
      if (fingerprint === FINGERPRINT && this.#questions.isTerminal(id)) this.#questions.hear(id);
  }

  /** Resolves if the question has ended. @throws the signal that suspends the call */
  wait(question_id: string): Promise<void> {
    return this.#asks.waitFor({ id: question_id, fingerprint: FINGERPRINT, occurrence: 0 });
  }

  /** What a body leaves behind that did not wait for it. @throws what it asked, or what stopped the engine */
  async bodyEnded(): Promise<void> {
    if (this.#asks.underWay) await this.#asks.underWay;
    if (this.#steps.active > 0) await this.#steps.idle();
    if (this.#asks.failure !== undefined) throw this.#asks.failure as Error;
    if (this.#questions.open.size > 0) throw this.#asks.signal();
  }
}
