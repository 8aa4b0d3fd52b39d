/**
 * One execution of one tool call: what is recorded decides whether its body runs at all, goes on after an
 * answer, or gives its recorded outcome again (P6, P9).
 */
import { TAKEN_UP } from "../backends/hitl-transitions.ts";
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { NewEvent, OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import { type JsonValue, toJson } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { callJson, type CallIdentity, type CallMode, type CallValue, callValueOf, emptyCall, insertCall, statusOf } from "./call-record.ts";
import { type CallScope, callScope, type Resumption, type StepContext } from "./call-scope.ts";
import { type Doubt, doubtOf, doubtQuestion } from "./in-doubt.ts";
import { type NamedQuestion, prepareQuestion, type Question, questionOf, QuestionNames } from "./question.ts";
import { HITLSuspend, isHITLSuspend } from "./suspend-signal.ts";
import { leaseLost, nestedIds, supersedeOp, type ToolStep } from "./tool-step.ts";

/** How a host runs one call and keeps its output. */
export interface CallTask<Output> {
  readonly call: CallIdentity;
  readonly execute: () => Promise<Output>;
  readonly encode: (output: Output) => Promise<JsonValue>;
  readonly decode: (outcome: JsonValue) => Promise<Output>;
  /** Response mode: the output that an ended question comes to. */
  readonly answer: (record: HITLRecord) => Output;
  /** The output for a call that was given up, or of which a human says that it happened. */
  readonly settled: (text: string, happened: boolean) => Output;
}

export type CallResult<Output> =
  | { readonly status: "finished"; readonly output: Output; readonly replayed: boolean }
  | { readonly status: "suspended" };

/** How often a question may change between runs before its author has to name it (P2). */
const MAX_CHANGES = 3;
/** Lost claims and re-reads in one execution; more means that the store misbehaves. */
const MAX_TURNS = 50;

interface QueuedAsk {
  readonly insert: StoreOp;
  readonly named: NamedQuestion;
  readonly question: Question;
  readonly settle: (stored: StoredRecord | null, error?: unknown) => void;
}

export class CallRun<Output> implements CallScope {
  readonly #step: ToolStep;
  readonly #task: CallTask<Output>;
  #value: CallValue;
  /** The record of which this run holds the lease; null while it runs unclaimed. */
  #claim: StoredRecord | null = null;
  /** The record that this execution itself wrote as suspended. */
  #suspended: StoredRecord | null = null;
  #executing = false;
  #mode: CallMode = "await";
  #names = new QuestionNames(0);
  #resumption: Resumption | undefined;
  #interrupts: JsonValue[] = [];
  readonly #queue: QueuedAsk[] = [];
  readonly #askedNow = new Set<string>();
  readonly #open = new Set<string>();
  readonly #stepCounts = new Map<string, number>();
  #saving: Promise<void> = Promise.resolve();
  #inFlight = new Set<Promise<unknown>>();

  constructor(step: ToolStep, task: CallTask<Output>) {
    this.#step = step;
    this.#task = task;
    this.#value = emptyCall(step.place, task.call);
    step.add(this as CallRun<unknown>);
  }

  get checkpoint_ns(): string {
    return this.#step.place.checkpoint_ns;
  }

  get resumption(): Resumption | undefined {
    return this.#resumption;
  }

  /** Interrupts of graphs inside the body, to be thrown on. */
  get interrupts(): readonly JsonValue[] {
    return this.#interrupts;
  }

  openQuestions(): StoredRecord[] {
    const ids = this.#open.size > 0 ? [...this.#open] : this.#waitsFor();
    return ids.map((id) => this.#step.questions.get(id)).filter((stored) => stored?.status === "pending") as StoredRecord[];
  }

  /** Runs, continues, replays or leaves asleep: by the record alone (P1). */
  async settle(): Promise<CallResult<Output>> {
    const { id } = this.#task.call;
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const claimed = this.#step.claims.get(id);
      this.#step.claims.delete(id);
      const stored = claimed ?? this.#step.records.get(id);
      if (!stored) {
        if (!this.#step.suspendedBefore || (await this.#claimNew())) return this.#run();
        continue;
      }
      this.#value = callValueOf(stored);
      if (claimed) {
        if (this.#isReady()) return this.#continueWith(stored);
        await this.#release(stored);
        return this.#asleep();
      }
      const status = statusOf(stored);
      if (status === "finished") {
        return { status: "finished", output: await this.#task.decode(this.#value.outcome), replayed: true };
      }
      if (status === "suspended") {
        if (!this.#isReady()) return this.#asleep();
        const held = await this.#take(stored, "suspended", "claimed");
        if (held) return this.#continueWith(held);
      } else if (status === "in_doubt") {
        const result = await this.#decide(stored);
        if (result) return result;
      } else if (!(await this.#markInDoubt(stored))) {
        this.#step.lateChange = true;
        return this.#asleep();
      }
    }
    throw new HoldpointError("ERR_HITL_STORE", `The call of ${this.#task.call.tool_name} changed hands ${MAX_TURNS} times in one execution.`);
  }

  async ask(question: Question): Promise<HITLRecord> {
    const work = this.#ask(question);
    const tracked = work.catch(() => {});
    this.#inFlight.add(tracked);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(tracked);
    }
  }

  async step<T>(name: string, run: (context: StepContext) => Promise<T> | T): Promise<T> {
    const count = this.#stepCounts.get(name) ?? 0;
    this.#stepCounts.set(name, count + 1);
    const key = `${name}#${count}`;
    const known = Object.hasOwn(this.#value.steps, key) ? this.#value.steps[key] : undefined;
    if (known) return known.value as T;
    if (this.#open.size > 0) throw this.#signal();
    await this.#ensureClaimed();
    const fence = this.#claim?.fence ?? 0;
    const result = await run({ fence, idempotency_key: `${this.#task.call.id}:${key}` });
    let kept: { value?: JsonValue };
    try {
      kept = result === undefined ? {} : { value: toJson(result, `the result of step "${name}"`) };
    } catch (cause) {
      throw new HoldpointError("ERR_HITL_STEP", `step "${name}" has run, but its result cannot be kept: ${(cause as Error).message}`, {
        cause,
        details: { name },
      });
    }
    this.#value = { ...this.#value, steps: { ...this.#value.steps, [key]: kept } };
    await this.#save();
    return kept.value as T;
  }

  // ── what the step writes for this run ────────────────────────────────────────────────────────────────────

  /** The operations for all that is queued; empty if there is nothing to write. */
  takeOps(): StoreOp[] {
    const { id } = this.#task.call;
    if (this.#queue.length === 0) {
      if (this.#step.asked || !this.#executing || this.#claim || this.#suspended) return [];
      // A sibling at work when the first question is asked: whoever resumes must not start it again.
      return [insertCall(this.#step.place, id, "running", this.#value, this.#newLease())];
    }
    const asked = [...this.#value.asked];
    for (const { named, question } of this.#queue) {
      if (!asked.some((known) => known.id === named.id)) {
        asked.push({ id: named.id, fingerprint: named.fingerprint, key: question.key ?? null, occurrence: named.occurrence });
      }
      this.#open.add(named.id);
    }
    this.#value = this.#suspendedValue(asked);
    return [this.#suspendOp(), ...this.#queue.map((queued) => queued.insert), ...this.#takenUp()];
  }

  /** The commit of {@link takeOps} went through. */
  written(results: readonly OpResult[]): void {
    const [own, ...others] = results;
    if (this.#queue.length === 0) {
      this.#claim = own?.record ?? null;
      this.#beat();
      return;
    }
    this.#suspended = own?.record ?? null;
    this.#claim = null;
    for (const [index, queued] of this.#queue.splice(0).entries()) queued.settle(others[index]?.record ?? null);
  }

  /** Another execution holds the call: this one goes back to sleep. */
  lost(): void {
    this.#claim = null;
    for (const queued of this.#queue.splice(0)) queued.settle(null);
  }

  refuse(error: unknown): void {
    for (const queued of this.#queue.splice(0)) queued.settle(null, error);
  }

  // ── asking ───────────────────────────────────────────────────────────────────────────────────────────────

  async #ask(question: Question): Promise<HITLRecord> {
    const { place } = this.#step;
    const named = this.#names.next(place, this.#task.call, question);
    this.#askedNow.add(named.id);
    const known = this.#step.questions.get(named.id);
    if (known && isTerminalHITLStatus(known.status)) return toHITLRecord(known);
    if (known && !this.#claim && this.#suspended === null && this.#step.records.has(this.#task.call.id)) {
      this.#open.add(named.id);
      throw this.#signal();
    }
    const unheard = this.#answeredButNotAsked().length > 0 && !this.#value.asked.some((asked) => asked.id === named.id);
    if (unheard && this.#value.changed >= MAX_CHANGES) {
      throw new HoldpointError(
        "ERR_HITL_UNSTABLE_QUESTION",
        `The question of ${this.#task.call.tool_name} changed ${MAX_CHANGES + 1} times between runs, so its answers were never used. Give it a key: askUser({ key: "…", … }).`,
        { details: { tool_name: this.#task.call.tool_name } },
      );
    }
    const prepared = prepareQuestion(place, this.#task.call, question, named, this.#step.now());
    const stored = await new Promise<StoredRecord | null>((resolve, reject) => {
      const settle = (record: StoredRecord | null, error?: unknown): void =>
        error === undefined ? resolve(record) : reject(error);
      this.#queue.push({ insert: prepared.insert, named, question, settle });
      this.#step.flush().catch(reject);
    });
    if (stored) {
      place.backend.remember(stored, prepared.standard);
      if (isTerminalHITLStatus(stored.status)) {
        this.#open.delete(named.id);
        return toHITLRecord(stored);
      }
    }
    this.#open.add(named.id);
    throw this.#signal();
  }

  #signal(): HITLSuspend {
    return new HITLSuspend({ hitl_type: "ask_user", data: { message: `${this.#task.call.tool_name} waits for a human` } });
  }

  #answeredButNotAsked(): string[] {
    return this.#value.open.filter((id) => {
      const status = this.#step.questions.get(id)?.status ?? "pending";
      return isTerminalHITLStatus(status) && !this.#askedNow.has(id);
    });
  }

  #suspendedValue(asked: CallValue["asked"]): CallValue {
    const fresh = [...this.#open].some((id) => !this.#value.asked.some((known) => known.id === id));
    const unheard = this.#mode === "await" && this.#value.mode === "await" && this.#answeredButNotAsked().length > 0;
    return {
      ...this.#value,
      asked,
      open: [...this.#open],
      mode: this.#mode,
      interrupts: this.#interrupts,
      changed: this.#value.changed + (fresh && unheard ? 1 : 0),
    };
  }

  #suspendOp(): StoreOp {
    const { id } = this.#task.call;
    const event: NewEvent = { type: "suspended" };
    const patch = { status: "suspended", value: callJson(this.#value) } as const;
    if (this.#suspended) {
      const guard = { status: ["suspended"], version: this.#suspended.version };
      return { op: "update", id, guard, patch, event };
    }
    if (this.#claim) {
      return { op: "update", id, guard: { fence: this.#claim.fence }, patch: { ...patch, lease: "release" }, event };
    }
    return insertCall(this.#step.place, id, "suspended", this.#value);
  }

  /** Answers that this run has used are due no more; with the call's own transition, so that none is forgotten. */
  #takenUp(): StoreOp[] {
    if (!this.#claim) return [];
    return this.#consumed.map((id) => ({ op: "update", id, optional: true, patch: TAKEN_UP, event: { type: "taken_up" } }));
  }

  get #consumed(): string[] {
    const recorded = callValueOf(this.#claim as StoredRecord);
    const ids = [...recorded.open, ...(recorded.doubt === null ? [] : [recorded.doubt])];
    return ids.filter((id) => {
      const stored = this.#step.questions.get(id);
      return stored !== undefined && isTerminalHITLStatus(stored.status) && stored.keys.wake !== undefined;
    });
  }

  // ── claiming ─────────────────────────────────────────────────────────────────────────────────────────────

  #newLease(): { owner: string; durationMs: number } {
    return { owner: this.#step.randomId(), durationMs: this.#step.leaseMs };
  }

  /** A call that nobody has recorded, in a step that has suspended: only one execution may start it. */
  async #claimNew(): Promise<boolean> {
    const insert = { ...insertCall(this.#step.place, this.#task.call.id, "running", this.#value, this.#newLease()), if_exists: "keep" as const };
    const { results } = await this.#step.place.backend.store.commit([insert]);
    const [result] = results;
    if (result?.record) this.#step.note(result.record);
    if (result?.status !== "inserted") return false;
    this.#claim = result.record;
    return true;
  }

  async #ensureClaimed(): Promise<void> {
    if (this.#claim) return;
    if (!(await this.#claimNew())) throw this.#signal();
    this.#step.asked = true;
    this.#beat();
  }

  async #take(stored: StoredRecord, from: "suspended" | "in_doubt", type: string): Promise<StoredRecord | null> {
    const { results } = await this.#step.place.backend.store.commit([
      {
        op: "update",
        id: stored.id,
        optional: true,
        guard: { status: [from], lease: "free", version: stored.version },
        patch: { status: "running", lease: this.#newLease() },
        event: { type },
      },
    ]);
    const [result] = results;
    if (result?.record) this.#step.note(result.record);
    if (result?.status === "updated") return result.record;
    await this.#step.loadQuestions([stored.id]);
    return null;
  }

  async #release(stored: StoredRecord): Promise<void> {
    const { results } = await this.#step.place.backend.store.commit([
      {
        op: "update",
        id: stored.id,
        optional: true,
        guard: { fence: stored.fence },
        patch: { status: "suspended", lease: "release" },
        event: { type: "released" },
      },
    ]);
    if (results[0]?.record) this.#step.note(results[0].record);
  }

  /** True if the holder's lease has run out: the call is in doubt now. False while it is at work. */
  async #markInDoubt(stored: StoredRecord): Promise<boolean> {
    if (stored.lease && stored.lease.expires_at > this.#step.now()) return false;
    const { results } = await this.#step.place.backend.store.commit([
      {
        op: "update",
        id: stored.id,
        optional: true,
        guard: { status: ["running"], lease: "free", version: stored.version },
        patch: { status: "in_doubt", lease: "release" },
        event: { type: "in_doubt", reason: "the holder's lease ran out" },
      },
    ]);
    const [result] = results;
    if (result?.record) this.#step.note(result.record);
    return result?.status === "updated" || result?.record?.status !== "running";
  }

  #waitsFor(): string[] {
    if (this.#value.doubt !== null) return [this.#value.doubt];
    return [...this.#value.open, ...nestedIds(this.#value.interrupts)];
  }

  #isReady(): boolean {
    const { interrupts } = this.#value;
    const ids = this.#waitsFor();
    // An interrupt that is not ours carries no record: the graph that threw it knows whether it can go on.
    if (interrupts.length > 0 && interrupts.some((entry) => nestedIds([entry]).length === 0)) return true;
    return ids.some((id) => {
      const stored = this.#step.questions.get(id);
      return stored !== undefined && isTerminalHITLStatus(stored.status);
    });
  }

  #asleep(): CallResult<Output> {
    this.#interrupts = [...this.#value.interrupts];
    return { status: "suspended" };
  }

  // ── in doubt ─────────────────────────────────────────────────────────────────────────────────────────────

  async #decide(stored: StoredRecord): Promise<CallResult<Output> | null> {
    const { call } = this.#task;
    const policy = this.#step.inDoubt(call.tool_name);
    let doubt: Doubt | null = policy === "retry" ? { decision: "run_again" } : policy === "fail" ? { decision: "give_up" } : null;
    if (!doubt) {
      const known = this.#value.doubt === null ? undefined : this.#step.questions.get(this.#value.doubt);
      if (known && !isTerminalHITLStatus(known.status)) return this.#asleep();
      if (!known) return this.#askDoubt(stored);
      doubt = doubtOf(toHITLRecord(known));
    }
    if (doubt.decision === "run_again") {
      const held = await this.#take(stored, "in_doubt", "run_again");
      return held ? this.#continueWith(held) : null;
    }
    const happened = doubt.decision === "happened";
    const text = happened
      ? (doubt.result ?? "The call had taken effect before it was interrupted.")
      : "The call was interrupted and may or may not have taken effect. It was given up; do not assume either.";
    return this.#finishFrom(stored, this.#task.settled(text, happened));
  }

  async #askDoubt(stored: StoredRecord): Promise<CallResult<Output> | null> {
    const { place } = this.#step;
    const question = doubtQuestion(this.#task.call, stored.fence);
    const named = new QuestionNames(0).next(place, this.#task.call, question);
    const prepared = prepareQuestion(place, this.#task.call, question, named, this.#step.now());
    this.#value = { ...this.#value, doubt: named.id };
    const { results } = await place.backend.store.commit([
      prepared.insert,
      {
        op: "update",
        id: stored.id,
        optional: true,
        guard: { status: ["in_doubt"], version: stored.version },
        patch: { value: callJson(this.#value) },
      },
    ]);
    for (const { record } of results) this.#step.note(record);
    const asked = results[0]?.record;
    if (asked && isTerminalHITLStatus(asked.status)) return null;
    return this.#asleep();
  }

  // ── running ──────────────────────────────────────────────────────────────────────────────────────────────

  async #continueWith(held: StoredRecord): Promise<CallResult<Output>> {
    this.#claim = held;
    this.#value = callValueOf(held);
    const { mode, open, round, resumed } = this.#value;
    await this.#step.loadQuestions([held.id]);
    const answered = open.map((id) => this.#step.questions.get(id)).find((stored) => stored && isTerminalHITLStatus(stored.status));
    if (answered && (mode === "response" || (mode === "continuation" && answered.status !== "completed"))) {
      return this.#finish(this.#task.answer(toHITLRecord(answered)));
    }
    if (mode === "continuation" && answered) this.#resumeFrom(toHITLRecord(answered), round + 1);
    else if (resumed !== null) this.#resumeFrom(toHITLRecord(this.#step.questions.get(resumed) as StoredRecord), round);
    return this.#run();
  }

  #resumeFrom(record: HITLRecord, round: number): void {
    const { hitl_id, user_response, tool_state, checkpoint_id } = record;
    this.#resumption = { hitl_id, response: user_response, tool_state, checkpoint_id };
    this.#value = { ...this.#value, round, resumed: hitl_id };
  }

  async #run(): Promise<CallResult<Output>> {
    this.#executing = true;
    this.#names = new QuestionNames(this.#value.round);
    this.#beat();
    try {
      for (;;) {
        let output: Output;
        try {
          output = await callScope.run(this, () => this.#task.execute());
        } catch (error) {
          const next = await this.#caught(error);
          if (next) return next;
          continue;
        }
        await Promise.all(this.#inFlight);
        // A body that caught the signal and went on has still asked: its answer decides, not what it returned.
        if (this.#open.size > 0) return await this.#sleepNow();
        return await this.#finish(output);
      }
    } finally {
      this.#executing = false;
      this.#stopBeat();
    }
  }

  /** What an error of the body comes to; null: the body runs again, with an answer that was there already. */
  async #caught(error: unknown): Promise<CallResult<Output> | null> {
    await Promise.all(this.#inFlight);
    if (this.#open.size > 0 && (isHITLSuspend(error) || !isFatal(error))) return this.#sleepNow();
    if (isHITLSuspend(error)) return this.#thrown(error);
    const interrupts = interruptsOf(error);
    if (interrupts) {
      this.#mode = "nested";
      this.#interrupts = interrupts;
      this.#value = { ...this.#suspendedValue(this.#value.asked), mode: "nested" };
      await this.#suspendNested();
      return { status: "suspended" };
    }
    if (this.#claim) await this.#putBack();
    throw error;
  }

  /** The author threw the signal himself: response or continuation mode. */
  async #thrown(signal: HITLSuspend): Promise<CallResult<Output> | null> {
    this.#mode = signal.resume_mode;
    try {
      const record = await this.#ask(withCheckpoint(questionOf(signal), this.#task.call));
      if (signal.resume_mode === "response" || record.status !== "completed") return await this.#finish(this.#task.answer(record));
      this.#resumeFrom(record, this.#value.round + 1);
      this.#names = new QuestionNames(this.#value.round);
      this.#mode = "await";
      return null;
    } catch (error) {
      if (isHITLSuspend(error)) return this.#sleepNow();
      throw error;
    }
  }

  async #sleepNow(): Promise<CallResult<Output>> {
    await this.#saving;
    const abandoned = this.#abandoned();
    if (abandoned.length > 0) await this.#step.place.backend.store.commit(abandoned.map(supersedeOp));
    return { status: "suspended" };
  }

  /** Questions that are still open although the body, run to its next stop, asked others. */
  #abandoned(): StoredRecord[] {
    return this.#value.asked
      .filter(({ id }) => !this.#open.has(id) && !this.#askedNow.has(id))
      .map(({ id }) => this.#step.questions.get(id))
      .filter((stored): stored is StoredRecord => stored?.status === "pending");
  }

  async #suspendNested(): Promise<void> {
    const { store } = this.#step.place.backend;
    const { results, status } = await store.commit([this.#suspendOp(), ...this.#takenUp()]);
    for (const { record } of results) this.#step.note(record);
    if (status === "committed") this.#suspended = results[0]?.record ?? null;
    this.#claim = null;
    // The siblings' outcomes are needed when the step is executed again.
    this.#step.asked = true;
    await this.#step.loadQuestions([this.#task.call.id]);
    await this.#step.flush();
  }

  /** The body failed by an error of ours or of the host: the call stays as it was, to be tried again. */
  async #putBack(): Promise<void> {
    const held = this.#claim as StoredRecord;
    const recorded = callValueOf(held);
    if (recorded.mode === null) return;
    await this.#release({ ...held, value: callJson(recorded) });
    this.#claim = null;
  }

  async #finish(output: Output): Promise<CallResult<Output>> {
    await this.#saving;
    const outcome = await this.#task.encode(output);
    this.#value = { ...this.#value, open: [], interrupts: [], doubt: null, outcome };
    const { id } = this.#task.call;
    if (!this.#claim && this.#suspended) return (await this.#finishFrom(this.#suspended, output)) ?? this.settle();
    if (!this.#claim) {
      if (this.#step.asked) this.#step.lateChange = true;
      await this.#step.keepOutcome(id, this.#step.insertOutcome(id, this.#value));
      return { status: "finished", output, replayed: false };
    }
    return (await this.#finishFrom(this.#claim, output)) ?? this.settle();
  }

  async #finishFrom(stored: StoredRecord, output: Output): Promise<CallResult<Output> | null> {
    const { store } = this.#step.place.backend;
    const value: CallValue = { ...this.#value, outcome: await this.#task.encode(output) };
    const running = stored.status === "running";
    const guard = running ? { fence: stored.fence } : { status: [stored.status], version: stored.version };
    this.#claim = stored;
    const { results, status } = await store.commit([
      {
        op: "update",
        id: stored.id,
        guard,
        patch: { status: "finished", value: callJson(value), lease: "release" },
        event: { type: "finished" },
      },
      ...this.#takenUp(),
      ...this.#abandoned().map(supersedeOp),
    ]);
    this.#claim = null;
    for (const { record } of results) this.#step.note(record);
    if (this.#step.asked) this.#step.lateChange = true;
    if (status === "committed") return { status: "finished", output, replayed: false };
    if (running && results[0]?.record?.status !== "finished") throw leaseLost(this.#task.call.tool_name, { call_id: stored.id });
    return null;
  }

  /** Writes the steps' results; one write after the other, each with all that is known by then. */
  async #save(): Promise<void> {
    const write = this.#saving.then(async () => {
      const claim = this.#claim;
      if (!claim) throw leaseLost(this.#task.call.tool_name, { call_id: this.#task.call.id });
      const { status, results } = await this.#step.place.backend.store.commit([
        { op: "update", id: claim.id, guard: { fence: claim.fence }, patch: { value: callJson(this.#value) } },
      ]);
      if (status === "refused") throw leaseLost(this.#task.call.tool_name, { call_id: claim.id });
      const record = results[0]?.record;
      if (record && this.#claim) this.#claim = { ...record, value: claim.value };
    });
    this.#saving = write.catch(() => {});
    await write;
  }

  // ── signs of life ────────────────────────────────────────────────────────────────────────────────────────

  #timer: NodeJS.Timeout | undefined;

  #beat(): void {
    if (this.#timer || !this.#claim || !this.#executing) return;
    this.#timer = setInterval(() => {
      const claim = this.#claim;
      if (!claim) return;
      const renewal: StoreOp = {
        op: "update",
        id: claim.id,
        optional: true,
        guard: { fence: claim.fence },
        patch: { lease: { renewMs: this.#step.leaseMs } },
      };
      // A renewal that fails is not the end: the next one, or the guarded write of the outcome, decides.
      this.#step.place.backend.store.commit([renewal]).catch(() => {});
    }, this.#step.leaseMs / 3);
    this.#timer.unref();
  }

  #stopBeat(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

function withCheckpoint(question: Question, call: CallIdentity): Question {
  const { request } = question;
  if (request.resume_mode !== "continuation" || request.checkpoint_id) return question;
  return { ...question, request: { ...request, checkpoint_id: `ckpt_${call.id.slice(-12)}` } };
}

/** Errors of ours that say that the engine cannot go on; an expired or cancelled question is the tool's business. */
export function isFatal(error: unknown): boolean {
  return (
    isHoldpointError(error) &&
    !isHoldpointError(error, "ERR_HITL_EXPIRED") &&
    !isHoldpointError(error, "ERR_HITL_CANCELLED")
  );
}

/** The interrupts that a graph inside the body threw, as JSON; null if the error is something else. */
function interruptsOf(error: unknown): JsonValue[] | null {
  if (typeof error !== "object" || error === null) return null;
  const { name, interrupts } = error as { name?: unknown; interrupts?: unknown };
  if ((name !== "GraphInterrupt" && name !== "NodeInterrupt") || !Array.isArray(interrupts)) return null;
  return JSON.parse(JSON.stringify(interrupts)) as JsonValue[];
}
