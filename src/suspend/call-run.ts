/**
 * One execution of one tool call: what is recorded decides whether its body runs at all, goes on after an
 * answer, or gives its recorded outcome again (P6, P9).
 */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";
import { cloneJson, type JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { CallAsks } from "./call-asks.ts";
import { CallClaim } from "./call-claim.ts";
import { CallQuestions, type QueuedAsk } from "./call-questions.ts";
import {
  type CallMode,
  type CallValue,
  callValueOf,
  emptyCall,
  insertCall,
  statusOf,
} from "./call-record.ts";
import { type CallScope, callScope, type Resumption, type StepContext } from "./call-scope.ts";
import { CallSteps } from "./call-steps.ts";
import type { CallResult, CallTask } from "./call-task.ts";
import { interruptsOf, isFatal, leaseLost, nestedIds } from "./errors.ts";
import { finishOp, keepOp, suspendedValue, suspendOp, takenUpOps } from "./call-writes.ts";
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
  #value: CallValue;
  /** The call as this execution itself has suspended it. */
  #suspended: StoredRecord | null = null;
  #executing = false;
  #mode: CallMode = "await";
  #resumption: Resumption | undefined;
  /** Questions of the commit that is under way. */
  #writing: QueuedAsk[] = [];
  /** The call asked while a step was at work: the claim is kept until that is done. */
  #stepsAtWork = false;

  constructor(step: ToolStep, task: CallTask<Output>) {
    this.#step = step;
    this.#task = task;
    this.#claim = new CallClaim(step, task.call);
    this.#questions = new CallQuestions(step.questions);
    this.#asks = new CallAsks(step, task.call, this.#questions, () => this.#value);
    this.#steps = new CallSteps(task.call, (enter) => this.#beginStep(enter));
    this.#value = emptyCall(step.place, task.call);
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
    return cloneJson(this.#value.interrupts.filter((entry) => nestedIds([entry]).length === 0));
  }

  /** What the call waits for, graphs inside its body included. */
  openQuestions(): StoredRecord[] {
    return this.#waitsFor()
      .map((id) => this.#step.questions.get(id))
      .filter((stored): stored is StoredRecord => stored?.status === "pending");
  }

  /** Runs, continues, replays or leaves asleep: by the record alone (P1). */
  settle(): Promise<CallResult<Output>> {
    const isNew = !this.#step.suspendedBefore && !this.#step.records.has(this.#task.call.id);
    return isNew ? this.#run() : this.#settleRecorded();
  }

  async #settleRecorded(): Promise<CallResult<Output>> {
    const { id, tool_name } = this.#task.call;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const claimed = this.#step.takeClaim(id);
      const stored = claimed ?? this.#step.records.get(id);
      if (!stored) {
        if (!this.#step.suspendedBefore || (await this.#claim.start(this.#value))) return this.#run();
        continue;
      }
      this.#value = callValueOf(stored);
      if (claimed) {
        this.#claim.record = claimed;
        if (this.#isReady()) return this.#goOn();
        await this.#claim.release();
        return { status: "suspended" };
      }
      switch (statusOf(stored)) {
        case "finished":
          return { status: "finished", output: await this.#task.decode(this.#value.outcome), replayed: true };
        case "suspended":
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
    return this.#steps.run(name, run, this.#value.steps, async (steps) => {
      this.#value = { ...this.#value, steps };
      await this.#claim.save(this.#value);
    });
  }

  restart(): void {
    this.#questions.restart(this.#value.round);
    this.#steps.restart();
  }

  get asleep(): boolean {
    return this.#questions.open.size > 0;
  }

  // ── what the step writes for this run ────────────────────────────────────────────────────────────────────

  /** Questions are queued to be written. */
  get hasAsked(): boolean {
    return this.#questions.queue.length > 0;
  }

  /** The operations for all that is queued; empty if there is nothing to write. */
  takeOps(): StoreOp[] {
    const { queue, open } = this.#questions;
    if (queue.length === 0) {
      if (this.#step.asked || !this.#executing || this.#claim.record || this.#suspended) return [];
      // A sibling at work when the first question is asked: whoever resumes must not start it again.
      return [this.#claim.insert(this.#value)];
    }
    const asked = this.#questions.withQueued(this.#value);
    for (const { named } of queue) open.add(named.id);
    this.#value = suspendedValue(this.#value, this.#questions, asked, this.#mode);
    this.#writing = queue.splice(0);
    const inserts = this.#writing.map((queued) => queued.insert);
    this.#stepsAtWork = this.#claim.record !== null && this.#steps.active > 0;
    if (this.#stepsAtWork) return [keepOp(this.#task.call.id, this.#value, this.#claim.fence), ...inserts];
    return [this.#suspendOp(), ...inserts, ...this.#takenUp()];
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
      this.#suspended = own?.record ?? null;
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

  #suspendOp(): StoreOp {
    const { record } = this.#claim;
    return suspendOp(this.#step.place, this.#task.call.id, this.#value, this.#suspended, record);
  }

  #takenUp(): StoreOp[] {
    return takenUpOps(this.#claim.record, this.#step.questions);
  }

  async #beginStep(enter: () => void): Promise<{ fence: number }> {
    // A question that is being written suspends the call: the step then runs after the answer.
    if (this.#questions.queue.length > 0) await this.#step.flush();
    if (this.#questions.open.size > 0) throw this.#asks.signal();
    enter();
    if (!(await this.#claim.startOnce(this.#value))) throw this.#asks.signal();
    this.#claim.beat();
    return { fence: this.#claim.fence };
  }

  // ── sleeping and waking ──────────────────────────────────────────────────────────────────────────────────

  #waitsFor(): string[] {
    if (this.#questions.open.size > 0) return [...this.#questions.open];
    if (this.#value.doubt !== null) return [this.#value.doubt];
    return [...this.#value.open, ...nestedIds(this.#value.interrupts)];
  }

  #isReady(): boolean {
    const ids = this.#waitsFor();
    // Nothing of ours to wait for: it failed and may be tried again, or an interrupt that is not ours knows itself.
    return ids.length === 0 || this.interrupts.length > 0 || ids.some((id) => this.#questions.isTerminal(id));
  }

  // ── in doubt ─────────────────────────────────────────────────────────────────────────────────────────────

  async #decide(stored: StoredRecord): Promise<CallResult<Output> | null> {
    const { call, settled } = this.#task;
    const doubt = await decide(this.#step, call, this.#value, stored);
    if (doubt === "open") {
      this.#value = callValueOf(this.#step.records.get(call.id) ?? stored);
      return { status: "suspended" };
    }
    if (doubt.decision === "run_again") {
      return (await this.#claim.takeAgain(stored, this.#value)) ? this.#goOn() : null;
    }
    return this.#writeOutcome(stored, settled(doubtText(doubt), doubt.decision === "happened"));
  }

  // ── running ──────────────────────────────────────────────────────────────────────────────────────────────

  /** The call is claimed: by its mode the answer is the output, or the body goes on. */
  async #goOn(): Promise<CallResult<Output>> {
    const held = this.#claim.record as StoredRecord;
    this.#value = callValueOf(held);
    const { mode, open, round, resumed } = this.#value;
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
    this.#value = { ...this.#value, round, resumed: answered.id };
  }

  async #run(): Promise<CallResult<Output>> {
    const pause = requestedPause(this.#step.place.pause);
    if (pause) return this.#pauseBefore(pause.interrupts as unknown as JsonValue[]);
    this.#executing = true;
    this.#claim.beat();
    try {
      for (;;) {
        this.restart();
        this.#mode = "await";
        let output: Output;
        try {
          output = await callScope.run(this, () => this.#task.execute());
          if (this.#asks.underWay) await this.#asks.underWay;
          if (this.#steps.active > 0) await this.#steps.idle();
          if (this.#asks.failure !== undefined) throw this.#asks.failure as Error;
        } catch (error) {
          if (this.#asks.underWay) await this.#asks.underWay;
          const next = await this.#caught(this.#asks.failure ?? error);
          if (next) return next;
          continue;
        }
        // A body that caught the signal and went on has still asked: its answer decides, not what it returned.
        return this.#questions.open.size > 0 ? await this.#sleep() : await this.#finish(output);
      }
    } finally {
      this.#executing = false;
      this.#claim.stopBeat();
    }
  }

  /** What an error of the body comes to; null: the body runs again, with an answer that was there already. */
  async #caught(error: unknown): Promise<CallResult<Output> | null> {
    const own = this.#asks.isOwnSignal(error);
    if (own || (this.#questions.open.size > 0 && !isFatal(error))) return this.#sleep();
    if (isHITLSuspend(error)) return this.#thrown(error);
    const interrupts = interruptsOf(error);
    if (interrupts) return this.#sleepNested(interrupts);
    const { record } = this.#claim;
    // The call failed, it did not vanish: it may be tried again, and its finished steps are not.
    if (record) await this.#claim.release({ ...callValueOf(record), steps: this.#value.steps });
    throw error;
  }

  /** The author threw the signal himself: response or continuation mode. */
  async #thrown(signal: HITLSuspend): Promise<CallResult<Output> | null> {
    this.#mode = signal.resume_mode;
    let record: HITLRecord;
    try {
      record = await this.#asks.askNow(withCheckpoint(questionOf(signal), this.#task.call));
    } catch (error) {
      if (isHITLSuspend(error)) return this.#sleep();
      throw error;
    }
    if (signal.resume_mode === "response" || record.status !== "completed")
      return this.#finish(this.#task.answer(record));
    this.#resumeFrom(this.#step.questions.get(record.hitl_id) as StoredRecord, this.#value.round + 1);
    return null;
  }

  async #sleep(): Promise<CallResult<Output>> {
    if (this.#steps.active > 0) await this.#steps.idle();
    if (this.#claim.record) {
      const { results } = await this.#step.place.backend.store.commit([
        this.#suspendOp(),
        ...this.#takenUp(),
      ]);
      for (const { record } of results) this.#step.note(record);
      this.#claim.drop();
    }
    const abandoned = this.#questions.abandoned(this.#value);
    if (abandoned.length > 0) {
      const { results } = await this.#step.place.backend.store.commit(abandoned.map(supersedeOp));
      for (const { record } of results) this.#step.note(record);
    }
    return { status: "suspended" };
  }

  /** A graph inside the body is paused: the siblings' outcomes are needed when the step runs again. */
  async #sleepNested(interrupts: JsonValue[]): Promise<CallResult<Output>> {
    this.#mode = "nested";
    this.#value = {
      ...suspendedValue(this.#value, this.#questions, this.#value.asked, this.#mode),
      interrupts,
    };
    const { results, status } = await this.#step.place.backend.store.commit([
      this.#suspendOp(),
      ...this.#takenUp(),
    ]);
    for (const { record } of results) this.#step.note(record);
    if (status === "committed") this.#suspended = results[0]?.record ?? null;
    this.#claim.drop();
    await this.#step.loadQuestions([this.#task.call.id]);
    await this.#step.openForOthers();
    return { status: "suspended" };
  }

  /** A user has asked the run to pause: the body does not begin, and what siblings did is kept. */
  async #pauseBefore(interrupts: JsonValue[]): Promise<CallResult<Output>> {
    await this.#claim.release();
    this.#value = { ...this.#value, interrupts };
    await this.#step.openForOthers();
    return { status: "suspended" };
  }

  async #finish(output: Output): Promise<CallResult<Output>> {
    const { id } = this.#task.call;
    if (this.#step.asked || this.#step.suspendedBefore) this.#step.changes += 1;
    const held = this.#claim.record ?? this.#suspended;
    if (held) return (await this.#writeOutcome(held, output)) ?? this.settle();
    await this.#step.keepOutcome(id, async () => {
      const value: CallValue = { ...this.#value, outcome: await this.#task.encode(output) };
      return { ...insertCall(this.#step.place, id, "finished", value), if_exists: "keep" };
    });
    return { status: "finished", output, replayed: false };
  }

  /** Null: somebody else has written an outcome meanwhile. @throws HoldpointError `ERR_HITL_LEASE_LOST` */
  async #writeOutcome(held: StoredRecord, output: Output): Promise<CallResult<Output> | null> {
    const outcome = await this.#task.encode(output);
    const value: CallValue = { ...this.#value, open: [], interrupts: [], doubt: null, outcome };
    const running = held.status === "running";
    const { results, status } = await this.#step.place.backend.store.commit([
      finishOp(held, value),
      ...takenUpOps(held, this.#step.questions),
      ...this.#questions.abandoned(this.#value).map(supersedeOp),
    ]);
    this.#claim.drop();
    for (const { record } of results) this.#step.note(record);
    if (status === "committed") return { status: "finished", output, replayed: false };
    // P9: whoever lost the call does not go on with another's outcome; that one runs the next node.
    if (running) throw leaseLost(this.#task.call);
    return null;
  }
}
