/** The questions of one execution of a call: what it asked, what it waits for, what is still to be written. */
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { AskedQuestion, CallIdentity, CallValue } from "./call-record.ts";
import { nestedIds } from "./errors.ts";
import type { Place } from "./place.ts";
import { type NamedQuestion, type Question, QuestionNames } from "./question.ts";

export interface QueuedAsk {
  /** Its insert; a read of one that is recorded already. */
  readonly operation: StoreOp;
  readonly named: NamedQuestion;
  readonly key: string | null;
  /** With the written record; with null if another execution holds the call. */
  readonly settle: (stored: StoredRecord | null, error?: Error) => void;
}

export class CallQuestions {
  /** Ids for which the call waits now. */
  readonly open: Set<string> = new Set();
  readonly queue: QueuedAsk[] = [];
  readonly #known: ReadonlyMap<string, StoredRecord>;
  readonly #asked = new Set<string>();
  #names: QuestionNames | undefined;

  /** @param known - HITL records as last seen, by id; the step keeps them up to date. */
  constructor(known: ReadonlyMap<string, StoredRecord>) {
    this.#known = known;
  }

  /** A body that starts (again) counts its questions anew. */
  restart(round: number): void {
    this.#names = new QuestionNames(round);
  }

  name(place: Place, call: CallIdentity, question: Question): NamedQuestion {
    this.#names ??= new QuestionNames(0);
    const named = this.#names.next(place, call, question);
    this.#asked.add(named.id);
    return named;
  }

  /** As asked by this execution. */
  hear(id: string): void {
    this.#asked.add(id);
  }

  status(id: string): string | undefined {
    return this.#known.get(id)?.status;
  }

  isTerminal(id: string): boolean {
    const status = this.status(id);
    return status !== undefined && isTerminalHITLStatus(status);
  }

  /** What the call waits for, graphs inside its body included. */
  waitsFor({ doubt, open, interrupts }: CallValue): string[] {
    if (this.open.size > 0) return [...this.open];
    return doubt === null ? [...open, ...nestedIds(interrupts)] : [doubt];
  }

  /** Answers are there for questions that this execution, so far, has not asked. */
  unheard(value: CallValue): boolean {
    return value.open.some((id) => this.isTerminal(id) && !this.#asked.has(id));
  }

  /** Pending questions of earlier executions that this one, run to its next stop, no longer asked. */
  abandoned(value: CallValue): StoredRecord[] {
    return value.asked
      .filter(({ id }) => !this.open.has(id) && !this.#asked.has(id))
      .map(({ id }) => this.#known.get(id))
      .filter((stored): stored is StoredRecord => stored?.status === "pending");
  }

  /** All that the call ever asked, with what is queued. */
  withQueued(value: CallValue): readonly AskedQuestion[] {
    const fresh = this.queue
      .filter(({ named }) => !value.asked.some((known) => known.id === named.id))
      .map(({ named, key }) => ({
        id: named.id,
        fingerprint: named.fingerprint,
        key,
        occurrence: named.occurrence,
      }));
    return [...value.asked, ...fresh];
  }
}
