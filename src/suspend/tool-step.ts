/**
 * One step of a graph: the tool calls that run side by side in one task. It keeps what they share: what was
 * recorded before, the questions and outcomes to be written together, and whether anybody has asked.
 *
 * - A step in which nobody asks writes nothing (P6).
 * - With the first question everything that is known is written in one commit: the questions, the calls that
 *   asked, the outcomes of finished siblings, and a lease for each sibling that still runs (P6, P10).
 */
import { HITL_KIND, toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord, StoreOp } from "../backends/record-store.ts";
import { defaultLeaseOwner, type LeaseOwner } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import type { CallRun } from "./call-run.ts";
import { CALL_KIND, callValueOf } from "./call-record.ts";
import { emitQuestion, nodeRunIdOf } from "./emit.ts";
import { nestedIds } from "./errors.ts";
import { claimOp, type HandedClaim } from "./handed-claim.ts";
import { assertResumable, isSurelyResumable, type Place } from "./place.ts";
import { hasOlder, pauseInserts, supersede } from "./supersede.ts";

/** What to do with a call whose holder died in its middle (P9): `ask` a human, run it again, or give it up. */
export type InDoubtPolicy = "ask" | "retry" | "fail";

export interface ToolStepOptions {
  /** Milliseconds after which a holder that gives no sign of life is taken for dead. Default 60 000. */
  readonly leaseMs?: number | undefined;
  readonly inDoubt?: ((tool_name: string) => InDoubtPolicy) | undefined;
  readonly leaseOwner?: LeaseOwner | undefined;
  /** All calls of the step run in this task. False for one call per `Send`, and for wrapped tools. */
  readonly seesWholeStep?: boolean | undefined;
}

/** Handed to a run by whoever wakes it: which call is likely ready. A hint; the claim in the store decides. */
export interface WakeHint {
  readonly call_id: string;
  readonly hitl_id: string;
  /** Taken with the answer already. */
  readonly claim?: HandedClaim | undefined;
}

export class ToolStep {
  readonly place: Place;
  readonly leaseMs: number;
  readonly inDoubt: (tool_name: string) => InDoubtPolicy;
  readonly leaseOwner: LeaseOwner;
  readonly now: () => number;
  /** LangGraph 1.4 forgets what a task of a nested graph returned when another one pauses: we must not. */
  readonly #keepAtOnce: boolean;
  /** Call records as last seen, by id. */
  readonly records: Map<string, StoredRecord> = new Map();
  /** HITL records as last seen, by id. */
  readonly questions: Map<string, StoredRecord> = new Map();
  /** The calls of this execution, in their order. */
  readonly runs: Set<CallRun<unknown>> = new Set();
  /** Calls that `load` has claimed for this execution. */
  readonly #claims = new Map<string, StoredRecord>();
  /** Some call of this step was recorded before this execution. */
  suspendedBefore = false;
  /** A question of this execution was written. */
  asked = false;
  /** How often a call finished, or was found at work elsewhere, after some call was recorded. */
  changes = 0;
  /** How attempts failed in this execution, by call: see {@link CallFailures}. */
  readonly failures = new Map<string, readonly JsonValue[]>();
  readonly #finished = new Map<string, () => Promise<StoreOp>>();
  #writing: Promise<void> | null = null;
  #scheduled: Promise<void> | null = null;
  #resumable: Promise<void> | null = null;

  constructor(place: Place, options: ToolStepOptions = {}) {
    this.place = place;
    this.leaseMs = options.leaseMs ?? 60_000;
    this.inDoubt = options.inDoubt ?? (() => "ask");
    this.leaseOwner = options.leaseOwner ?? defaultLeaseOwner;
    this.now = () => place.backend.now();
    this.#keepAtOnce = options.seesWholeStep === false && Object.keys(place.checkpointMap).length > 1;
  }

  /** Reads what is recorded of these calls. Not needed where the host has surely not run the task before. */
  async load(ids: readonly string[], hint?: WakeHint): Promise<void> {
    if (ids.length === 0) return;
    const claimed = hint && ids.includes(hint.call_id) ? hint : undefined;
    const others = claimed ? ids.filter((id) => id !== claimed.call_id) : ids;
    const claim = claimed?.claim;
    const handed = claim?.take() ? this.#takeHanded(claim) : false;
    if (handed instanceof Promise ? await handed : handed) {
      if (others.length > 0) await this.#read(others);
    } else if (claimed) await this.#claimAndRead(claimed, others);
    else await this.#read(ids);
    this.suspendedBefore = ids.some((id) => this.records.has(id));
    if (this.lacksQuestions(ids)) await this.loadQuestions(ids);
  }

  async #read(ids: readonly string[]): Promise<void> {
    for (const record of await this.place.backend.store.get(ids)) this.note(record);
  }

  /** P5: the claim of the call that was answered reads everything else in the same round trip. */
  async #claimAndRead({ call_id, hitl_id }: WakeHint, others: readonly string[]): Promise<void> {
    const { results } = await this.place.backend.store.commit([
      claimOp(call_id, { owner: this.leaseOwner(), durationMs: this.leaseMs }),
      ...[hitl_id, ...others].map((id) => ({ op: "read", id }) as const),
    ]);
    for (const { record } of results) this.note(record);
    const [claim] = results;
    if (claim?.status === "updated" && claim.record) this.#claims.set(call_id, claim.record);
  }

  /** Of a claim that was taken with the answer: false if its lease ran out on the way here. */
  #takeHanded(claim: HandedClaim): boolean | Promise<boolean> {
    const { question, record: asTaken } = claim;
    const take = (record: StoredRecord | null): boolean => {
      if (!record) return false;
      this.note(record);
      this.note(question);
      this.#claims.set(record.id, record);
      return true;
    };
    return claim.lasts(this.leaseMs, this.now()) ? take(asTaken) : this.#keptClaim(claim).then(take);
  }

  /** The claim with a new term. The body has not begun: one that ran out is no reason to doubt, if nobody took it. */
  async #keptClaim(claim: HandedClaim): Promise<StoredRecord | null> {
    const { store } = this.place.backend;
    const [renewed] = (await store.commit([claim.renewOp(this.leaseMs)])).results;
    if (renewed?.status === "updated") return renewed.record;
    const found = renewed?.record;
    if (found?.status !== "running" || found.fence !== claim.record.fence) return null;
    const [again] = (
      await store.commit([
        {
          op: "update",
          id: found.id,
          optional: true,
          guard: { version: found.version, lease: "free" },
          patch: { lease: { owner: this.leaseOwner(), durationMs: this.leaseMs } },
        },
      ])
    ).results;
    return again?.status === "updated" ? again.record : null;
  }

  /** Some question of these calls may have ended since it was read. */
  lacksQuestions(ids: readonly string[]): boolean {
    return this.#unknownQuestions(ids).length > 0;
  }

  /** Reads the questions of the calls that are not known as terminal; terminal ones never change. */
  async loadQuestions(ids: readonly string[]): Promise<void> {
    const unknown = this.#unknownQuestions(ids);
    if (unknown.length === 0) return;
    const { backend } = this.place;
    for (const record of await backend.store.get(unknown))
      this.note(record && (await backend.settled(record)));
  }

  #unknownQuestions(ids: readonly string[]): string[] {
    const unknown = new Set<string>();
    const want = (id: string): void => {
      if ((this.questions.get(id)?.status ?? "pending") === "pending") unknown.add(id);
    };
    for (const id of ids) {
      const record = this.records.get(id);
      if (!record || record.status === "finished") continue;
      const { asked, doubt, interrupts } = callValueOf(record);
      for (const question of asked) want(question.id);
      if (doubt !== null) want(doubt);
      if (interrupts.length > 0) for (const nested of nestedIds(interrupts)) want(nested);
    }
    return [...unknown];
  }

  /** Reads the calls and their questions again; true if one of them can go on, or has finished elsewhere. */
  async refresh(ids: readonly string[]): Promise<boolean> {
    const before = new Set(this.#states());
    await this.#read(ids);
    await this.loadQuestions(ids);
    this.suspendedBefore = true;
    return this.#states().some(
      (state) => !before.has(state) && !state.endsWith(":running") && !state.endsWith(":pending"),
    );
  }

  #states(): string[] {
    return [...this.records.values(), ...this.questions.values()].map(({ id, status }) => `${id}:${status}`);
  }

  note(record: StoredRecord | null): void {
    if (record?.kind === HITL_KIND) {
      const before = this.questions.get(record.id);
      this.questions.set(record.id, record);
      if (this.place.emit && before?.version !== record.version) this.#emit(record);
    } else if (record) this.records.set(record.id, record);
  }

  #emit(record: StoredRecord): void {
    const asks = (call: StoredRecord): boolean =>
      call.kind === CALL_KIND &&
      (callValueOf(call).doubt === record.id || callValueOf(call).asked.some(({ id }) => id === record.id));
    const call = [...this.records.values()].find((known) => asks(known));
    const isNode = call !== undefined && callValueOf(call).tool_call_id === null;
    const asker = isNode ? nodeRunIdOf(this.place.checkpoint_ns) : (call?.id ?? null);
    emitQuestion(this.place, () => toHITLRecord(record), asker);
  }

  /** The claim that `load` took for this call, handed over once. */
  takeClaim(id: string): StoredRecord | undefined {
    const claimed = this.#claims.get(id);
    this.#claims.delete(id);
    return claimed;
  }

  /** A call is paused without a question of its own: its siblings' outcomes are written all the same (P6). */
  async openForOthers(): Promise<void> {
    await this.flush();
    this.asked = true;
  }

  /** Keeps the outcome of a call that ran unclaimed, until somebody asks; only then it is made and written. */
  async keepOutcome(id: string, makeInsert: () => Promise<StoreOp>): Promise<void> {
    this.#finished.set(id, makeInsert);
    if (this.asked || this.#keepAtOnce) await this.flush();
  }

  /** The call runs once more: what was kept of its last attempt is not written. */
  dropOutcome(id: string): void {
    this.#finished.delete(id);
  }

  /** A commit of the step is under way. */
  get writing(): boolean {
    return this.#writing !== null;
  }

  /**
   * Resolves when no commit is under way. A body that ends meanwhile may stand in it as one at work: only then is it
   * known whether there is a record to finish (P6).
   */
  async written(): Promise<void> {
    while (this.#writing) await this.#writing.catch(() => {});
  }

  /** Writes what the runs have queued; asks of one turn of the event loop go together (P10). */
  flush(): Promise<void> {
    return (this.#scheduled ??= this.#flushSoon());
  }

  async #flushSoon(): Promise<void> {
    // Siblings that start together ask within one turn; a lone call has nobody to wait for.
    await (this.runs.size > 1 ? new Promise((resolve) => setImmediate(resolve)) : null);
    this.#scheduled = null;
    const write = (): Promise<void> => this.#write();
    const turn = this.#writing === null ? write() : this.#writing.then(write, write);
    this.#writing = turn;
    try {
      await turn;
    } finally {
      if (this.#writing === turn) this.#writing = null;
    }
  }

  async #write(): Promise<void> {
    const runs = [...this.runs];
    const starting = runs.map((run) => run.batch.starting).filter((start) => start !== null);
    if (starting.length > 0) await Promise.allSettled(starting);
    const asks = runs.some((run) => run.batch.hasAsked);
    if (asks && !isSurelyResumable(this.place) && !(await this.#isResumable())) return;
    const ids = [...this.#finished.keys()];
    const outcomes =
      ids.length === 0
        ? []
        : await Promise.all([...this.#finished.values()].map((makeInsert) => makeInsert()));
    const batches = asks
      ? runs.map((run) => ({ run, ops: run.batch.takeOps() })).filter(({ ops }) => ops.length > 0)
      : [];
    if (batches.length === 0 && outcomes.length === 0) return;
    const first = asks && !this.asked;
    const pause = first ? this.#pauseInserts() : [];
    const { status, results } = await this.place.backend.store.commit([
      ...batches.flatMap(({ ops }) => ops),
      ...outcomes,
      ...pause,
    ]);
    for (const id of ids) this.#finished.delete(id);
    this.asked ||= asks;
    if (status === "refused") return this.#writeApart(batches, outcomes);
    let at = 0;
    for (const { run, ops } of batches) run.batch.written(results.slice(at, (at += ops.length)));
    for (const { record } of results) this.note(record);
    if (first && hasOlder(results.slice(-2))) await supersede(this.place, this.place.root_checkpoint_id);
  }

  /** Before something that will be asked here is recorded elsewhere. @throws HoldpointError as `assertResumable` */
  async assertResumable(): Promise<void> {
    if (isSurelyResumable(this.place)) return;
    this.#resumable ??= assertResumable(this.place);
    try {
      await this.#resumable;
    } catch (error) {
      this.#resumable = null;
      throw error;
    }
  }

  /** If not, whoever asks hears why, and may try again. */
  async #isResumable(): Promise<boolean> {
    try {
      await this.assertResumable();
      return true;
    } catch (error) {
      for (const run of this.runs) run.batch.refuse(error);
      return false;
    }
  }

  /** Somebody else holds one of the calls: the others must not suffer. */
  async #writeApart(
    batches: readonly { run: CallRun<unknown>; ops: StoreOp[] }[],
    outcomes: readonly StoreOp[],
  ): Promise<void> {
    const { store } = this.place.backend;
    for (const { run, ops } of batches) {
      const { status, results } = await store.commit(ops);
      for (const { record } of results) this.note(record);
      if (status === "committed") run.batch.written(results);
      else run.batch.lost();
    }
    for (const insert of outcomes) this.note((await store.commit([insert])).results[0]?.record ?? null);
    const { results } = await store.commit(this.#pauseInserts());
    if (hasOlder(results)) await supersede(this.place, this.place.root_checkpoint_id);
  }

  #pauseInserts(): StoreOp[] {
    return pauseInserts(this.place.backend, this.place, this.place.root_checkpoint_id);
  }

  /** Open questions of all runs that are suspended, in the order of the calls; one that several wait for once. */
  pending(): HITLRecord[] {
    const open = [...this.runs].flatMap((run) => run.openQuestions());
    return [...new Map(open.map((record) => [record.id, record])).values()].map(toHITLRecord);
  }
}
