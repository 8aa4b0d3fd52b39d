/** Asking, as the body of one call sees it: the terminal record of a question, or the signal that suspends the call. */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import { interruptIdOf } from "../core/ids.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import type { CallQuestions } from "./call-questions.ts";
import type { CallIdentity, CallValue } from "./call-record.ts";
import { isFatal, unstableCall, unstableQuestion } from "./errors.ts";
import { askedAnew, isWithdrawn, type NamedQuestion, prepareQuestion, type Question } from "./question.ts";
import { HITLSuspend } from "./suspend-signal.ts";
import type { ToolStep } from "./tool-step.ts";

/** How often a question may change between runs before its author has to name it (P2). */
const MAX_CHANGES = 3;

export class CallAsks {
  readonly #step: ToolStep;
  readonly #call: CallIdentity;
  readonly #questions: CallQuestions;
  readonly #value: () => CallValue;
  readonly #underWay = new Set<Promise<unknown>>();
  /** The signal that the engine made: what it stands for is recorded already. */
  #signal: HITLSuspend | undefined;
  /** An error of ours that the body has not thrown (yet). */
  failure: unknown;

  /** @param value - what is recorded of the call at the time */
  constructor(step: ToolStep, call: CallIdentity, questions: CallQuestions, value: () => CallValue) {
    this.#step = step;
    this.#call = call;
    this.#questions = questions;
    this.#value = value;
  }

  /** Asks for the body, which may never await it: what stops the engine is then thrown when the body has ended. */
  ask(question: Question): Promise<HITLRecord> {
    const work = this.askNow(question);
    const tracked: Promise<void> = work.then(
      () => void this.#underWay.delete(tracked),
      (error: unknown) => {
        this.#underWay.delete(tracked);
        if (isFatal(error)) this.failure ??= error;
      },
    );
    this.#underWay.add(tracked);
    return work;
  }

  /** Null if the body asks nothing at the moment. */
  get underWay(): Promise<unknown> | null {
    return this.#underWay.size > 0 ? Promise.all(this.#underWay) : null;
  }

  signal(): HITLSuspend {
    if (this.#signal) return this.#signal;
    const { id, tool_name } = this.#call;
    const data = { message: `${tool_name} waits for a human` };
    const signal = new HITLSuspend({ hitl_id: id, data });
    // As that of LangGraph's own: langchain's streamEvents knows a pause by it, and rejects a promise for any other.
    signal.message = JSON.stringify([{ id: interruptIdOf(id), value: data }]);
    return (this.#signal = signal);
  }

  isOwnSignal(error: unknown): boolean {
    return error !== undefined && error === this.#signal;
  }

  async askNow(question: Question): Promise<HITLRecord> {
    const { place } = this.#step;
    const { open } = this.#questions;
    const named = this.#questions.name(place, this.#call, question);
    const known = this.#step.questions.get(named.id);
    if (known && isWithdrawn(known)) return this.askNow(askedAnew(question));
    if (known && isTerminalHITLStatus(known.status)) return toHITLRecord(known);
    this.#assertStable(question, named);
    const prepared = prepareQuestion(place, this.#call, question, named, this.#step.now());
    const stored = await this.#written(prepared.insert, named, question.key ?? null);
    if (stored) {
      place.backend.remember(stored, prepared.standard);
      if (isTerminalHITLStatus(stored.status)) {
        open.delete(named.id);
        return isWithdrawn(stored) ? this.askNow(askedAnew(question)) : toHITLRecord(stored);
      }
    }
    open.add(named.id);
    throw this.signal();
  }

  /** Waits for a question that was recorded already. @throws the signal, while it is open */
  async waitFor(named: NamedQuestion): Promise<void> {
    const { open } = this.#questions;
    this.#questions.hear(named.id);
    if (this.#questions.isTerminal(named.id)) return;
    const stored = await this.#written({ op: "read", id: named.id }, named, null);
    if (stored && isTerminalHITLStatus(stored.status)) {
      open.delete(named.id);
      return;
    }
    open.add(named.id);
    throw this.signal();
  }

  /** The question as it is once the call waits for it; null if another execution holds the call. */
  #written(operation: StoreOp, named: NamedQuestion, key: string | null): Promise<StoredRecord | null> {
    return new Promise((resolve, reject) => {
      const settle = (record: StoredRecord | null, error?: Error): void =>
        error === undefined ? resolve(record) : reject(error);
      this.#questions.queue.push({ operation, named, key, settle });
      this.#step.flush().catch(reject);
    });
  }

  /** @throws HoldpointError `ERR_HITL_UNSTABLE_QUESTION` */
  #assertStable(question: Question, { id }: NamedQuestion): void {
    const value = this.#value();
    const { asked, changed } = value;
    if (changed < MAX_CHANGES || asked.some((other) => other.id === id)) return;
    // A key is what the error asks for: a call that has none yet is mended by one.
    const mended = question.key !== undefined && asked.every((other) => other.key === null);
    if (mended || !this.#questions.unheard(value)) return;
    const isOfPolicy = question.request.subject?.rule_id !== undefined;
    throw (isOfPolicy ? unstableCall : unstableQuestion)(this.#call, MAX_CHANGES + 1);
  }
}
