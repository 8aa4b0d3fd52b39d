/**
 * The questions whether a call may run, or go on: asked by a policy that is around its body, one after the other. Each has
 * a number, so that the same arguments can be asked about again after others (P2, P7).
 */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import { questionRemovableIn } from "../backends/retention/options.ts";
import type { HITLRecord } from "../core/record.ts";
import type { PermissionAnswer, PermissionRequest } from "./ask.ts";
import type { CallParts } from "./call-parts.ts";
import type { AskedQuestion, CallIdentity } from "./call-record.ts";
import type { Place } from "./place.ts";
import { isWithdrawn, prepareQuestion, type Question } from "./question.ts";

/** What the policy around a body makes of a `requestPermission` in it. */
export type PermissionJudge = (
  request: PermissionRequest & Required<Pick<PermissionRequest, "allowed_decisions">>,
) => Promise<PermissionAnswer>;

/** As {@link Question}, before it is named. */
export interface PermissionQuestion {
  readonly request: Question["request"];
  readonly expiresInMs?: number | undefined;
}

/** Why a dry run's question is over. */
const DRY_RUN = "dry_run";

export class CallPermissions {
  readonly call: CallIdentity;
  /** Of the innermost policy around the body that runs now. */
  judge: PermissionJudge | undefined;
  /** How many policies are around what runs now. */
  depth = 0;
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.call = parts.call;
    this.#parts = parts;
  }

  get place(): Place {
    return this.#parts.step.place;
  }

  /** The last question of this name, ended or not; one that the engine has withdrawn was not asked. */
  newest(name: string): HITLRecord | null {
    const asked = this.#asked(name).at(-1);
    const stored = asked && this.#parts.step.questions.get(asked.id);
    return stored && !isWithdrawn(stored) ? toHITLRecord(stored) : null;
  }

  /** Its answer is used: that it is not asked again is no change of the body (P2). */
  hear(hitl_id: string): void {
    this.#parts.questions.hear(hitl_id);
  }

  /** The next question of this name, once it has ended. @throws the signal that suspends the call */
  ask(name: string, question: PermissionQuestion): Promise<HITLRecord> {
    return this.#parts.asks.askNow(this.#named(name, question));
  }

  /** The newest question of this name, once it has ended. @throws the signal that suspends the call */
  async wait(name: string, hitl_id: string): Promise<HITLRecord> {
    const asked = this.#asked(name).find(({ id }) => id === hitl_id) as AskedQuestion;
    await this.#parts.asks.waitFor(asked);
    return this.newest(name) as HITLRecord;
  }

  /** What would have been asked, as a question that is over: nobody is to answer it, and the call does not wait. */
  async noteDryRun(name: string, given: PermissionQuestion): Promise<void> {
    const { place } = this.#parts.step;
    const question = this.#named(name, given);
    const named = this.#parts.questions.name(place, this.call, question);
    const { insert } = prepareQuestion(place, this.call, question, named, this.#parts.step.now());
    const { record } = insert;
    const removable = questionRemovableIn(place.backend.retention, "cancelled") ?? null;
    const due_at =
      typeof removable === "object" && removable ? this.#parts.step.now() + removable.inMs : removable;
    await place.backend.store.commit([
      {
        ...insert,
        record: { ...record, status: "cancelled", due_at, value: { ...record.value, reason: DRY_RUN } },
        event: { type: "cancelled", reason: DRY_RUN },
      },
    ]);
  }

  #named(name: string, { request, expiresInMs }: PermissionQuestion): Question {
    const key = `${prefixOf(name)}${this.#asked(name).length}`;
    return { request, expiresInMs, key, alias: undefined };
  }

  #asked(name: string): AskedQuestion[] {
    const prefix = prefixOf(name);
    return this.#parts.state.value.asked.filter(({ key }) => key?.startsWith(prefix) === true);
  }
}

function prefixOf(name: string): string {
  return `holdpoint:${name}#`;
}
