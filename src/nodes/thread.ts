/**
 * One thread under its lease: which of its answers are due, and running its graph until none is left (P9).
 */
import { HITL_KIND, hitlValue, toHITLRecord } from "../backends/hitl-codec.ts";
import { takenUp } from "../backends/hitl-transitions.ts";
import {
  MAX_PAGE_LIMIT,
  type OpResult,
  type Patch,
  type StoredRecord,
  type StoreOp,
} from "../backends/record-store.ts";
import type { BlockEvent } from "../blocks/events.ts";
import { looksLikeBlockEvent } from "../blocks/parse.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { defaultLeaseOwner, interruptIdOf, slotOf } from "../core/ids.ts";
import type { HITLRecord } from "../core/record.ts";
import { HITL_STATUSES } from "../core/states.ts";
import { CALL_KIND } from "../suspend/call-record.ts";
import { takeUpCaught } from "./caught.ts";
import { claimOp, HandedClaim } from "../suspend/handed-claim.ts";
import { SILENT } from "../suspend/emit.ts";
import { callRecordId, pauseRecordId, type ThreadPlace } from "../suspend/place.ts";
import { newestPause, pauseInserts, pauseValue, supersede } from "../suspend/supersede.ts";
import {
  assertGraphCanAsk,
  type CheckpointTuple,
  headOf,
  type ResumableGraph,
  startingAt,
  wentOnFrom,
} from "./graph.ts";
import { interruptsOf, isBusy, isOurs } from "./interrupts.ts";
import type { ResumeResult } from "./resume.ts";
import { type AnsweredAsk, type Wake, WAKE_KEY } from "./wake.ts";

export interface ThreadOptions {
  readonly backend: StoreHITLBackend;
  readonly thread_id: string;
  readonly session_id: string;
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  readonly leaseMs?: number | undefined;
  readonly onBlock?: ((event: BlockEvent) => void) | undefined;
}

const LEASE_MS = 60_000;
/** Where LangGraph looks for a run's checkpointer before it takes the graph's own. */
const CHECKPOINTER_KEY = "__pregel_checkpointer";
/** Characters of an error that a record keeps. */
const MAX_ERROR = 1000;

/** PROTOCOL.md §9.1. */
interface PauseValue {
  readonly checkpoint_id: string | null;
  readonly unfinished?: boolean;
}

export interface Lease {
  readonly id: string;
  readonly checkpoint_id: string | null;
  readonly fence: number;
  touches: number;
  /** The run of an earlier holder failed. */
  readonly unfinished: boolean;
}

export class Thread<Output> {
  readonly #graph: ResumableGraph<Output>;
  readonly #backend: StoreHITLBackend;
  readonly #options: ThreadOptions;
  readonly #session_id: string;
  readonly #place: ThreadPlace;
  readonly #leaseMs: number;
  #claim: HandedClaim | undefined;
  /** Answers that were handed to a run and are due all the same. */
  #left: readonly StoredRecord[] = [];
  /** The end of the lease that was in the way, epoch ms. */
  #heldUntil: number | null = null;

  constructor(graph: ResumableGraph<Output>, options: ThreadOptions) {
    assertGraphCanAsk(graph);
    this.#graph = graph;
    this.#backend = options.backend;
    this.#options = options;
    this.#session_id = options.session_id;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
    this.#place = {
      tenant_id: this.#backend.tenant_id,
      session_id: options.session_id,
      thread_id: options.thread_id,
      slot: slotOf(this.#backend.tenant_id, options.session_id),
    };
  }

  /**
   * Questions of the thread that are terminal and not taken up, and that it still waits for. Answers to others
   * are nobody's: they are marked so, and never looked at again.
   */
  async answered(head: string | null): Promise<StoredRecord[]> {
    await this.pending();
    const { store, tenant_id } = this.#backend;
    const { items } = await store.page({
      kind: HITL_KIND,
      tenant_id,
      statuses: HITL_STATUSES.filter((status) => status !== "pending"),
      key: { name: "wake", value: this.#options.thread_id },
      slot: this.#slot,
      limit: MAX_PAGE_LIMIT,
    });
    for (const { id, status } of items.filter((item) => !isCurrent(item, head))) {
      const patch = takenUp(status, this.#backend.retention);
      await store.commit([{ op: "update", id, optional: true, patch, event: { type: "orphaned" } }]);
    }
    return items.filter((item) => isCurrent(item, head));
  }

  pending(): Promise<readonly HITLRecord[]> {
    return this.#backend.openInThread(this.#options.thread_id, this.#slot);
  }

  get #slot(): number {
    return this.#place.slot;
  }

  async superseded(head: string | null): Promise<void> {
    if (head === null) return;
    const { thread_id } = this.#options;
    await supersede(
      { backend: this.#backend, tenant_id: this.#backend.tenant_id, thread_id, slot: this.#slot },
      head,
    );
  }

  /** Takes the lease of a pause, or counts the attempt: its holder then looks for answers once more. */
  acquireOp(checkpoint_id: string | null, options: { readonly optional: boolean }): StoreOp {
    return {
      op: "update",
      id: pauseRecordId(this.#place, checkpoint_id),
      ...(options.optional ? { optional: true, touch: true } : {}),
      guard: { lease: "free" },
      patch: { lease: { owner: defaultLeaseOwner(), durationMs: this.#leaseMs } },
    };
  }

  /** Claims the call of a question for the run of this resumer, with the answer and the lease (P5). */
  claimOp(question: StoredRecord): StoreOp | null {
    const { checkpoint_ns, tool_call_id } = question.value as {
      checkpoint_ns?: string | null;
      tool_call_id?: string | null;
    };
    if (typeof checkpoint_ns !== "string") return null;
    const { tenant_id, thread_id } = this.#place;
    const id = callRecordId({ slot: this.#slot, tenant_id, thread_id, checkpoint_ns }, tool_call_id ?? null);
    return claimOp(id, { owner: defaultLeaseOwner(), durationMs: this.#leaseMs });
  }

  /** From the results of a commit that accepted the answer, began at `claimedAt`, and tried {@link claimOp}. */
  handClaim(question: StoredRecord, claim: OpResult | undefined, claimedAt: number): void {
    if (claim?.status !== "updated" || !claim.record) return;
    this.#claim = new HandedClaim(claim.record, question, this.#leaseMs, claimedAt);
  }

  leaseOf(result: Pick<OpResult, "status" | "record"> | undefined): Lease | null {
    if (result?.status !== "updated" || !result.record) {
      this.#heldUntil = result?.record?.lease?.expires_at ?? null;
      return null;
    }
    const { id, fence, touches, value } = result.record;
    const { checkpoint_id, unfinished } = value as unknown as PauseValue;
    return { id, fence, touches, checkpoint_id, unfinished: unfinished === true };
  }

  async acquire(checkpoint_id: string | null): Promise<Lease | null> {
    const { store } = this.#backend;
    const op = this.acquireOp(checkpoint_id, { optional: true });
    const [result] = (await store.commit([op])).results;
    if (result?.status !== "missing") return this.leaseOf(result);
    // A question that was recorded by hand has no pause yet.
    await store.commit(pauseInserts(this.#backend, this.#place, checkpoint_id));
    return this.leaseOf((await store.commit([op])).results[0]);
  }

  /**
   * Runs the graph until nothing answered is left, then gives the lease back.
   *
   * @param start - the thread's head, as it was read before the lease was taken. The first run begins with it if
   * this is the first lease of the pause: an earlier holder may have finished tasks of the step since it was read.
   */
  async run(
    first: readonly HITLRecord[],
    lease: Lease,
    start?: CheckpointTuple,
  ): Promise<ResumeResult<Output>> {
    let head = lease.fence === 1 ? start : undefined;
    const beat = setInterval(() => this.#renew(lease), this.#leaseMs / 3);
    beat.unref();
    // An answer is handed to one run; one whose call somebody else holds stays due, and is his.
    const handed = new Set<string>();
    let due: readonly AnsweredAsk[] = first.map(askOf);
    try {
      for (;;) {
        for (const { interrupt_id } of due) handed.add(interrupt_id);
        const result = await this.#invoke(due, head);
        head = undefined;
        const released = this.#releaseClaim();
        if (released) await released;
        const interrupts = interruptsOf(result);
        // The graph has gone on: nobody can resume it from this pause any more, so its lease is left to run out.
        if (interrupts === null) return { status: "resumed", result, pending: [] };
        const reached = await headOf(this.#graph, this.#options.thread_id);
        if (interrupts.length > 0 && reached !== lease.checkpoint_id) return await this.#ended(result);
        do {
          due = await this.#dueExcept(handed);
        } while (due.length === 0 && !(await this.#release(lease)));
        if (due.length > 0) continue;
        await takeUpCaught(this.#backend, this.#left);
        return await this.#ended(result);
      }
    } catch (error) {
      await this.#releaseClaim()?.catch(() => {});
      await this.#giveUp(lease).catch(() => {});
      await this.#noteError(handed, error).catch(() => {});
      throw error;
    } finally {
      clearInterval(beat);
    }
  }

  async #dueExcept(handed: ReadonlySet<string>): Promise<readonly AnsweredAsk[]> {
    const answered = await this.answered(await headOf(this.#graph, this.#options.thread_id));
    const isHanded = (stored: StoredRecord): boolean => handed.has(askOf(toHITLRecord(stored)).interrupt_id);
    this.#left = answered.filter(isHanded);
    return answered.filter((stored) => !isHanded(stored)).map((stored) => askOf(toHITLRecord(stored)));
  }

  async #ended(result: Output): Promise<ResumeResult<Output>> {
    const pending = await this.pending();
    // Paused without a question: somebody else is running calls of the step.
    return pending.length === 0 && isBusy(result) ? this.busy() : { status: "resumed", result, pending };
  }

  /** What to tell whoever cannot run the thread now. */
  async busy(): Promise<ResumeResult<Output>> {
    const pending = await this.pending();
    return { status: "busy", until: this.#heldUntil ?? (await this.#callsEnd()), pending };
  }

  /** When the first lease of the thread's running calls ends. */
  async #callsEnd(): Promise<number | null> {
    const { store, tenant_id } = this.#backend;
    const key = { name: "thread", value: this.#options.thread_id } as const;
    const query = { kind: CALL_KIND, tenant_id, statuses: ["running"], key, slot: this.#slot };
    const { items } = await store.page({ ...query, limit: MAX_PAGE_LIMIT });
    const ends = items.flatMap(({ lease }) => (lease ? [lease.expires_at] : []));
    return ends.length === 0 ? null : Math.min(...ends);
  }

  #invoke(due: readonly AnsweredAsk[], head: CheckpointTuple | undefined): Promise<Output> {
    const { config = {}, thread_id } = this.#options;
    const configurable = config["configurable"] as Record<string, unknown> | undefined;
    const own = (configurable?.["holdpoint"] ?? {}) as Record<string, unknown>;
    // No resume value: nobody would read it (P1), and a checkpointer would have to keep it.
    return this.#graph.invoke(null, {
      durability: "sync",
      ...config,
      ...this.#writer(),
      configurable: {
        ...configurable,
        thread_id,
        holdpoint: { backend: this.#backend, session_id: this.#session_id, ...own },
        ...(head ? { [CHECKPOINTER_KEY]: startingAt(this.#graph, thread_id, head) } : {}),
        [WAKE_KEY]: { asks: due, claim: this.#claim } satisfies Wake,
      },
    });
  }

  /** Where the run's `custom` chunks go. */
  #writer(): { readonly writer?: (chunk: unknown) => void } {
    const { config = {}, onBlock } = this.#options;
    const given = config["writer"] as ((chunk: unknown) => void) | undefined;
    if (!onBlock) return given || config["streamMode"] !== undefined ? {} : { writer: SILENT };
    return {
      writer: (chunk) => {
        given?.(chunk);
        if (looksLikeBlockEvent(chunk)) onBlock(chunk as BlockEvent);
      },
    };
  }

  #renew({ id, fence }: Lease): void {
    const renewMs = this.#leaseMs;
    const ops: StoreOp[] = [
      { op: "update", id, optional: true, guard: { fence }, patch: { lease: { renewMs } } },
    ];
    // A graph around the call may take its time before the call's own run looks after the claim.
    if (this.#claim && !this.#claim.taken) ops.push(this.#claim.renewOp(renewMs));
    this.#backend.store.commit(ops).catch(() => {
      // The next renewal, or the guarded release, decides.
    });
  }

  /** The run did not come to the call: it waits again. */
  #releaseClaim(): Promise<unknown> | null {
    const claim = this.#claim;
    this.#claim = undefined;
    return claim?.take() ? this.#backend.store.commit([claim.releaseOp()]) : null;
  }

  /** False if somebody found the lease held meanwhile: his answer may not have been seen by the last run. */
  async #release(lease: Lease): Promise<boolean> {
    const { id, fence, touches, checkpoint_id, unfinished } = lease;
    const patch: Patch = {
      lease: "release",
      ...(unfinished ? { value: pauseValue(this.#place, checkpoint_id) } : {}),
    };
    const { results } = await this.#backend.store.commit([
      { op: "update", id, optional: true, guard: { fence, touches }, patch },
    ]);
    const [result] = results;
    // With the touches that we know it is a lease that ran out: there is nothing to give back.
    if (result?.status !== "stale" || result.record?.fence !== fence || result.record.touches === touches)
      return true;
    lease.touches = result.record.touches;
    return false;
  }

  /** The run failed: whoever resumes the thread next may try again. */
  async #giveUp({ id, fence, checkpoint_id }: Lease): Promise<void> {
    const value = { ...pauseValue(this.#place, checkpoint_id), unfinished: true };
    await this.#backend.store.commit([
      { op: "update", id, optional: true, guard: { fence }, patch: { lease: "release", value } },
    ]);
  }

  /** Answers that the failed run has not used say why: `resume.last_error` of their records. */
  async #noteError(handed: ReadonlySet<string>, error: unknown): Promise<void> {
    const { store } = this.#backend;
    const { name, message } = error as Partial<Error>;
    const last_error = `${name ?? "Error"}: ${message ?? String(error)}`.slice(0, MAX_ERROR).toWellFormed();
    const stored = await store.get([...handed].map((id) => `${HITL_KIND}_${id}`));
    const unused = stored.filter((record) => record !== null && record.keys.wake !== undefined);
    if (unused.length === 0) return;
    await store.commit(
      unused.map((record) => {
        const { id, version } = record as StoredRecord;
        const value = { ...hitlValue(record as StoredRecord), last_error };
        return { op: "update", id, optional: true, guard: { version }, patch: { value } };
      }),
    );
  }

  /**
   * The pause from which to resume a thread that nobody will move: answers were taken up, but the run that did so
   * died, or failed, before the graph went on. Undefined if it is not so.
   */
  async stranded(head: string | null): Promise<{ readonly checkpoint_id: string | null } | undefined> {
    const { thread_id } = this.#place;
    const pause = await newestPause(this.#backend, this.#place);
    if (!pause || head === null) return undefined;
    const { checkpoint_id, unfinished } = pause.value as unknown as PauseValue;
    const abandoned = pause.lease !== null || unfinished === true;
    // A thread that rests at its pause waits for humans, unless nobody is asked.
    if (!abandoned && (checkpoint_id !== head || (await this.pending()).length > 0)) return undefined;
    if (checkpoint_id !== head && !(await wentOnFrom(this.#graph, thread_id, checkpoint_id)))
      return undefined;
    const state = await this.#graph.getState({ configurable: { thread_id } });
    const waits = state.tasks.flatMap((task) => task.interrupts).every((entry) => isOurs(entry.value));
    // `next` leaves out tasks whose writes are saved: a run that died before the next checkpoint has tasks all the same.
    return state.tasks.length > 0 && waits ? { checkpoint_id } : undefined;
  }
}

export function isCurrentRecord(
  record: { readonly metadata: Readonly<Record<string, unknown>> },
  head: string | null,
): boolean {
  const asked = record.metadata["root_checkpoint_id"];
  return typeof asked !== "string" || head === null || asked === head;
}

/** The thread still stands where the question was asked; an answer to any other is nobody's. */
export function isCurrent(stored: StoredRecord, head: string | null): boolean {
  return isCurrentRecord(stored.value as unknown as HITLRecord, head);
}

function askOf(record: HITLRecord): AnsweredAsk {
  const { hitl_id, checkpoint_ns, tool_call_id, interrupt_id } = record;
  return { hitl_id, checkpoint_ns, tool_call_id, interrupt_id: interrupt_id ?? interruptIdOf(hitl_id) };
}
