/**
 * What an effect behind a call needs of that call: where it is, and how to wait there for a question that the effect has
 * asked itself. The effect's questions are the call's, too: it sleeps until one of them has ended.
 */
import type { JsonValue } from "../core/json.ts";
import type { CallParts } from "./call-parts.ts";
import type { CallIdentity, CallValue } from "./call-record.ts";
import type { StepEffects } from "./call-steps.ts";
import { approversOf } from "./in-doubt.ts";
import type { Place } from "./place.ts";

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
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.call = parts.call;
    this.#parts = parts;
  }

  get place(): Place {
    return this.#parts.step.place;
  }

  /** Of the last permission of the call: who may say that it runs again. */
  get approvers(): { readonly answerers?: JsonValue } {
    return approversOf(this.#parts.step.questions, this.#parts.state.value);
  }

  /** Steps of the body have begun, and each says itself what became of it. */
  get hasSteps(): boolean {
    return this.#parts.state.value.step_effects === true;
  }

  /** A step begins, and is an effect. False if the call's record says so already, or if it is none. */
  markSteps(state: { value: CallValue }): boolean {
    if (!this.behind || this.hasSteps) return false;
    state.value = { ...state.value, step_effects: true };
    return true;
  }

  /** @throws HoldpointError as `assertResumable` */
  async assertCanAsk(): Promise<void> {
    await this.#parts.step.assertResumable();
  }

  /** The effect has heard what was answered to it: that the body does not ask it again is no change of the body (P2). */
  hear(): void {
    const { asked } = this.#parts.state.value;
    for (const { id, fingerprint } of asked)
      if (fingerprint === FINGERPRINT && this.#parts.questions.isTerminal(id)) this.#parts.questions.hear(id);
  }

  /** Resolves if the question has ended. @throws the signal that suspends the call */
  wait(question_id: string): Promise<void> {
    return this.#parts.asks.waitFor({ id: question_id, fingerprint: FINGERPRINT, occurrence: 0 });
  }

  /** What a body leaves behind that did not wait for it. @throws what it asked, or what stopped the engine */
  async bodyEnded(): Promise<void> {
    if (this.#parts.asks.underWay) await this.#parts.asks.underWay;
    if (this.#parts.steps.active > 0) await this.#parts.steps.idle();
    if (this.#parts.asks.failure !== undefined) throw this.#parts.asks.failure as Error;
    if (this.#parts.questions.open.size > 0) throw this.#parts.asks.signal();
  }
}
