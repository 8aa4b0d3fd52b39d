/**
 * One execution of one tool call: what is recorded decides whether its body runs at all, goes on after an
 * answer, or gives its recorded outcome again (P6, P9).
 */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { InsertOp, StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import { cloneJson, type JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { CallAsks } from "./call-asks.ts";
import { CallBatch } from "./call-batch.ts";
import { CallBlocks } from "./call-blocks.ts";
import { CallClaim } from "./call-claim.ts";
import { CallEffects } from "./call-effects.ts";
import { CallFailures } from "./call-failures.ts";
import type { CallParts, CallState } from "./call-parts.ts";
import { CallPermissions } from "./call-permissions.ts";
import { CallQuestions } from "./call-questions.ts";
import { type CallValue, callValueOf, emptyCall, insertCall, statusOf } from "./call-record.ts";
import { type CallScope, callScope, type Resumption, type StepContext } from "./call-scope.ts";
import { CallSleep, type Sooner } from "./call-sleep.ts";
import { CallSteps } from "./call-steps.ts";
import type { CallResult, CallTask } from "./call-task.ts";
import { interruptsOf, isFatal, leaseLost, nestedIds } from "./errors.ts";
import { finishOp, takenUpOps } from "./call-writes.ts";
import { decide, doubtText } from "./in-doubt.ts";
import { requestedPause } from "./pause-suspend.ts";
import { type Question, questionOf, withCheckpoint } from "./question.ts";
import { isHITLSuspend, type HITLSuspend } from "./suspend-signal.ts";
import { supersedeOp } from "./supersede.ts";
import type { ToolStep } from "./tool-step.ts";

/** Lost claims and re-reads in one execution; more means that the store misbehaves. */
const MAX_TURNS = 50;

export class CallRun<Output> implements CallScope {
  readonly #step: ToolStep;
  readonly #task: CallTask<Output>;
  readonly #claim: CallClaim;
  readonly #questions: CallQuestions;
  readonly #asks: CallAsks;
  readonly #steps: CallSteps;
  readonly #blocks: CallBlocks | undefined;
  readonly #failures: CallFailures;
  readonly #sleep: CallSleep;
  readonly #state: CallState;
  readonly #parts: CallParts;
  /** What the step writes for this run. */
  readonly batch: CallBatch;
  #resumption: Resumption | undefined;
  #effects: CallEffects | undefined;
  #permissions: CallPermissions | undefined;

  constructor(step: ToolStep, task: CallTask<Output>) {
    const { call } = task;
    this.#step = step;
    this.#task = task;
    const claim = (this.#claim = new CallClaim(step, call));
    const questions = (this.#questions = new CallQuestions(step.questions));
    const state: CallState = (this.#state = {
      value: emptyCall(step.place, call),
      suspended: null,
      executing: false,
      mode: "await",
    });
    const asks = (this.#asks = new CallAsks(step, call, questions, () => state.value));
    const steps = (this.#steps = new CallSteps(call, (enter) => this.#beginStep(enter)));
    this.#parts = { step, call, state, claim, questions, asks, steps };
    this.batch = new CallBatch(this.#parts);
    this.#blocks = CallBlocks.of(step, task);
    this.#sleep = new CallSleep(this.#parts, this.batch);
    this.#failures = new CallFailures(step.failures, call.id, task.attempts);
    step.runs.add(this as CallRun<unknown>);
  }

  get checkpoint_ns(): string {
    return this.#step.place.checkpoint_ns;
  }

  get call_id(): string {
    return this.#task.call.id;
  }

  get resumption(): Resumption | undefined {
    return this.#resumption;
  }

  /** Interrupts of graphs inside the body that are not ours, to be thrown on. */
  get interrupts(): readonly JsonValue[] {
    return cloneJson(this.#state.value.interrupts.filter((entry) => nestedIds([entry]).length === 0));
  }

  /** What the call waits for, graphs inside its body included. */
  openQuestions(): StoredRecord[] {
    return this.#questions
      .waitsFor(this.#state.value)
      .map((id) => this.#step.questions.get(id))
      .filter((stored): stored is StoredRecord => stored?.status === "pending");
  }

  /** Runs, continues, replays or leaves asleep: by the record alone (P1). */
  settle(): Promise<CallResult<Output>> {
    return this.#blocks ? this.#blocks.ended(this.#settle()) : this.#settle();
  }

  #settle(): Promise<CallResult<Output>> {
    const isNew = !this.#step.suspendedBefore && !this.#step.records.has(this.#task.call.id);
    return isNew ? this.#run() : this.#settleRecorded();
  }

  async #settleRecorded(): Promise<CallResult<Output>> {
    const { id, tool_name } = this.#task.call;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const claimed = this.#step.takeClaim(id);
      const stored = claimed ?? this.#step.records.get(id);
      if (!stored) {
        if (!this.#step.suspendedBefore || (await this.#claim.start(this.#state.value))) return this.#run();
        continue;
      }
      this.#state.value = callValueOf(stored);
      if (claimed) {
        this.#claim.record = claimed;
        if (this.#state.value.failures) await this.#failAgain(claimed);
        if (this.#isReady()) return this.#goOn();
        await this.#claim.release();
        return { status: "suspended" };
      }
      switch (statusOf(stored)) {
        case "finished":
          return {
            status: "finished",
            output: await this.#task.decode(this.#state.value.outcome),
            replayed: true,
          };
        case "suspended":
          if (this.#state.value.failures) await this.#failAgain(stored);
          if (!this.#isReady()) return { status: "suspended" };
          if (await this.#claim.take(stored)) return this.#goOn();
          await this.#step.loadQuestions([id]);
          break;
        case "in_doubt": {
          const result = await this.#decide(stored);
          if (result) return result;
          break;
        }
        case "running":
          if (await this.#claim.markInDoubt(stored)) break;
          this.#step.changes += 1;
          return { status: "suspended" };
      }
    }
    throw new HoldpointError(
      "ERR_HITL_STORE",
      `The call of ${tool_name} changed hands ${MAX_TURNS} times in one execution.`,
    );
  }

  // ── what the body sees ───────────────────────────────────────────────────────────────────────────────────

  ask(question: Question): Promise<HITLRecord> {
    return this.#asks.ask(question);
  }

  step<T>(name: string, run: (context: StepContext) => Promise<T> | T): Promise<T> {
    const behind = this.#effects?.behind;
    if (behind === "over") return Promise.reject(leaseLost(this.#task.call));
    const save = async (steps: CallValue["steps"]): Promise<void> => {
      this.#state.value = { ...this.#state.value, steps };
      await this.#claim.save(this.#state.value);
    };
    return this.#steps.run(name, run, this.#state.value.steps, save, behind?.steps);
  }

  get effects(): CallEffects {
    return (this.#effects ??= new CallEffects(this.#parts));
  }

  get permissions(): CallPermissions {
    return (this.#permissions ??= new CallPermissions(this.#parts));
  }

  progress(progress: JsonValue): void {
    this.#blocks?.progress(progress);
  }

  restart(): void {
    this.#questions.restart(this.#state.value.round);
    this.#steps.restart();
  }

  get asleep(): boolean {
    return this.#questions.open.size > 0;
  }

  async #beginStep(enter: () => void): Promise<{ fence: number }> {
    // A question that is being written suspends the call: the step then runs after the answer.
    if (this.#questions.queue.length > 0) await this.#step.flush();
    if (this.#questions.open.size > 0) throw this.#asks.signal();
    enter();
    const { record } = this.#claim;
    const isMarked = this.#effects?.markSteps(this.#state) === true;
    if (!(await this.#claim.startOnce(this.#state.value))) throw this.#asks.signal();
    if (isMarked && record) await this.#claim.save(this.#state.value);
    // A body that goes on after its run was stopped is not to keep the call for good: its lease runs out.
    if (this.#state.executing) this.#claim.beat();
    return { fence: this.#claim.fence };
  }

  // ── sleeping and waking ──────────────────────────────────────────────────────────────────────────────────

  #isReady(): boolean {
    const ids = this.#questions.waitsFor(this.#state.value);
    // Nothing of ours to wait for: it failed and may be tried again, or an interrupt that is not ours knows itself.
    return ids.length === 0 || this.interrupts.length > 0 || ids.some((id) => this.#questions.isTerminal(id));
  }

  /** Throws what this attempt threw when it was made; its answers are due no more. */
  async #failAgain(stored: StoredRecord): Promise<void> {
    const failure = await this.#failures.again(this.#state.value);
    if (failure === undefined) return;
    if (this.#step.lacksQuestions([stored.id])) await this.#step.loadQuestions([stored.id]);
    await this.#claim.release();
    const takenUp = takenUpOps(this.#step.place.backend, stored, this.#step.questions);
    if (takenUp.length > 0) await this.#step.place.backend.store.commit(takenUp);
    throw failure;
  }

  // ── in doubt ─────────────────────────────────────────────────────────────────────────────────────────────

  async #decide(stored: StoredRecord): Promise<CallResult<Output> | null> {
    const { call, settled, behindEffect } = this.#task;
    if (behindEffect) return (await this.#claim.takeAgain(stored, this.#state.value)) ? this.#goOn() : null;
    const doubt = await decide(this.#step, call, this.#state.value, stored);
    if (doubt === "open") {
      this.#state.value = callValueOf(this.#step.records.get(call.id) ?? stored);
      return { status: "suspended" };
    }
    if (doubt.decision === "run_again") {
      return (await this.#claim.takeAgain(stored, this.#state.value)) ? this.#goOn() : null;
    }
    return this.#writeOutcome(stored, settled(doubtText(doubt), doubt.decision === "happened"));
  }

  // ── running ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The call is claimed: by its mode the answer is the output, or the body goes on. */
  async #goOn(): Promise<CallResult<Output>> {
    const held = this.#claim.record as StoredRecord;
    this.#state.value = callValueOf(held);
    const { mode, open, round, resumed } = this.#state.value;
    if (this.#step.lacksQuestions([held.id])) await this.#step.loadQuestions([held.id]);
    const answered = open
      .map((id) => this.#step.questions.get(id))
      .find((stored) => stored && isTerminalHITLStatus(stored.status));
    if (answered && (mode === "response" || (mode === "continuation" && answered.status !== "completed"))) {
      return this.#finish(this.#task.answer(toHITLRecord(answered)));
    }
    if (mode === "continuation" && answered) this.#resumeFrom(answered, round + 1);
    else if (resumed !== null) this.#resumeFrom(this.#step.questions.get(resumed) as StoredRecord, round);
    return this.#run();
  }

  #resumeFrom(answered: StoredRecord, round: number): void {
    const { hitl_id, user_response, tool_state, checkpoint_id } = toHITLRecord(answered);
    // The author may change what he is given, and his body may run once more on this record.
    this.#resumption = {
      hitl_id,
      response: cloneJson(user_response),
      tool_state: cloneJson(tool_state),
      checkpoint_id,
    };
    this.#state.value = { ...this.#state.value, round, resumed: answered.id };
  }

  async #run(): Promise<CallResult<Output>> {
    const pause = requestedPause(this.#step.place.pause);
    if (pause) return this.#sleep.before(pause.interrupts as unknown as JsonValue[]);
    this.#state.executing = true;
    this.#state.value = this.#failures.in(this.#state.value);
    this.#step.dropOutcome(this.#task.call.id);
    this.#claim.beat();
    try {
      for (;;) {
        this.restart();
        this.#state.mode = "await";
        let output: Output;
        try {
          this.#blocks?.running();
          output = await callScope.run(this, () => this.#task.execute());
          if (this.#asks.underWay) await this.#asks.underWay;
          if (this.#steps.active > 0) await this.#steps.idle();
          if (this.#asks.failure !== undefined) throw this.#asks.failure as Error;
          if (this.#step.writing) await this.#step.written();
        } catch (error) {
          if (this.#asks.underWay) await this.#asks.underWay;
          if (this.#step.writing) await this.#step.written();
          const caught = this.#caught(this.#asks.failure ?? error);
          const next = caught instanceof Promise ? await caught : caught;
          if (next) return next;
          continue;
        }
        // A body that caught the signal and went on has still asked: its answer decides, not what it returned.
        if (this.#questions.open.size === 0) return await this.#finish(output);
        return await this.#sleep.fall();
      }
    } finally {
      this.#state.executing = false;
      this.#claim.stopBeat();
    }
  }

  /** What an error of the body comes to; null: the body runs again, with an answer that was there already. */
  #caught(error: unknown): Sooner<CallResult<Output> | null> {
    const own = this.#asks.isOwnSignal(error);
    if (own || (this.#questions.open.size > 0 && !isFatal(error))) return this.#sleep.fall();
    if (isHITLSuspend(error)) return this.#thrown(error);
    const interrupts = interruptsOf(error);
    return interrupts ? this.#sleep.nested(interrupts) : this.#failed(error);
  }

  /** The call failed, it did not vanish: it may be tried again, and its finished steps are not. */
  async #failed(error: unknown): Promise<never> {
    // A body whose run was aborted may be at work still: its claim runs out, and the call is in doubt (P6).
    if (!this.#task.signal?.aborted) await this.#keepFailure(error);
    throw error;
  }

  async #keepFailure(error: unknown): Promise<void> {
    const isKept = this.#failures.add(error);
    const { record } = this.#claim;
    if (record) {
      const { steps } = this.#state.value;
      await this.#claim.release(this.#failures.in({ ...callValueOf(record), steps }));
    } else if (isKept && !this.#state.suspended) {
      const value = this.#failures.in(this.#state.value);
      await this.#keep(async () => insertCall(this.#step.place, this.#task.call.id, "suspended", value));
    }
  }

  /** The author threw the signal himself: response or continuation mode. */
  async #thrown(signal: HITLSuspend): Promise<CallResult<Output> | null> {
    this.#state.mode = signal.resume_mode;
    let record: HITLRecord;
    try {
      record = await this.#asks.askNow(withCheckpoint(questionOf(signal), this.#task.call));
    } catch (error) {
      if (isHITLSuspend(error)) return this.#sleep.fall();
      throw error;
    }
    if (signal.resume_mode === "response" || record.status !== "completed")
      return this.#finish(this.#task.answer(record));
    this.#resumeFrom(this.#step.questions.get(record.hitl_id) as StoredRecord, this.#state.value.round + 1);
    return null;
  }

  async #finish(output: Output): Promise<CallResult<Output>> {
    const { id } = this.#task.call;
    if (this.#step.asked || this.#step.suspendedBefore) this.#step.changes += 1;
    const held = this.#claim.record ?? this.#state.suspended;
    if (held) return (await this.#writeOutcome(held, output)) ?? this.#settle();
    await this.#keep(async () => {
      const value: CallValue = { ...this.#state.value, outcome: await this.#task.encode(output) };
      return insertCall(this.#step.place, id, "finished", value);
    });
    return { status: "finished", output, replayed: false };
  }

  /** What an unrecorded call came to. */
  async #keep(makeInsert: () => Promise<InsertOp>): Promise<void> {
    // From here on a sibling's question is written beside it, not beside a call at work.
    this.#state.executing = false;
    await this.#step.keepOutcome(this.#task.call.id, async () => ({
      ...(await makeInsert()),
      if_exists: "keep",
    }));
  }

  /** Null: somebody else has written an outcome meanwhile. @throws HoldpointError `ERR_HITL_LEASE_LOST` */
  async #writeOutcome(held: StoredRecord, output: Output): Promise<CallResult<Output> | null> {
    const encoded = this.#task.encode(output);
    const outcome = encoded instanceof Promise ? await encoded : encoded;
    const value: CallValue = { ...this.#state.value, open: [], interrupts: [], doubt: null, outcome };
    const running = held.status === "running";
    const { backend } = this.#step.place;
    const { results, status } = await backend.store.commit([
      finishOp(held, value),
      ...takenUpOps(backend, held, this.#step.questions),
      ...this.#questions.abandoned(this.#state.value).map((question) => supersedeOp(backend, question)),
    ]);
    this.#claim.drop();
    for (const { record } of results) this.#step.note(record);
    if (status === "committed") return { status: "finished", output, replayed: false };
    // P9: whoever lost the call does not go on with another's outcome; that one runs the next node.
    if (running) throw leaseLost(this.#task.call);
    return null;
  }
}
