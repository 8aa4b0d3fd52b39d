/**
 * Waking a thread whose questions were answered. The wake-up carries no answer (P1); the thread's lease keeps
 * a second resumer from running the same nodes, and counts its attempt so that nobody's answer is left lying
 * (P9).
 */
import type { HITLBackend, RespondOptions, RespondResult } from "../backends/hitl-backend.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import type { BlockEvent } from "../blocks/events.ts";
import { HoldpointError } from "../core/errors.ts";
import type { HITLRecord } from "../core/record.ts";
import { resolveBackend } from "../suspend/configure.ts";
import { assertNotCached, headOf, readHead, type ResumableGraph } from "./graph.ts";
import { showsPause } from "../suspend/pause-suspend.ts";
import { askedAt } from "../suspend/supersede.ts";
import { withCalledOff, withMessages } from "./message/go-on.ts";
import { mailboxRead } from "./message/mailbox.ts";
import { sessionOf, takeUp } from "./take-up.ts";
import { isCurrent, isCurrentRecord, type Lease, Thread } from "./thread.ts";

export interface ResumeThreadOptions {
  readonly thread_id: string;
  readonly backend?: HITLBackend;
  /** Default: the session of the thread's newest question. */
  readonly session_id?: string;
  /** Further config of the run: callbacks, context, recursionLimit, configurable … */
  readonly config?: Readonly<Record<string, unknown>>;
  /**
   * Called with each block event of the run, as `custom` chunks of a stream would be, for user interfaces that show
   * what goes on.
   */
  readonly onBlock?: (event: BlockEvent) => void;
  /** Milliseconds for which a resumer that gives no sign of life keeps others away. Default 60 000. */
  readonly leaseMs?: number;
}

export type ResumeResult<Output = unknown> =
  /** The graph went on. `result` is what `invoke` returned; `pending` what is open now. */
  | { readonly status: "resumed"; readonly result: Output; readonly pending: readonly HITLRecord[] }
  /** Nothing was answered that the graph has not taken up, and it is not stranded; it did not run. */
  | { readonly status: "nothing_to_resume"; readonly pending: readonly HITLRecord[] }
  /**
   * Another process runs the thread, or calls of its step; it takes up these answers, or leaves them in doubt.
   * `until`: epoch ms by the store's clock at which its lease ends if it gives no more sign of life, so that it is
   * worth to resume again; null if it has ended already.
   */
  | { readonly status: "busy"; readonly until: number | null; readonly pending: readonly HITLRecord[] };

export interface RespondAndResumeOptions extends Omit<ResumeThreadOptions, "thread_id">, RespondOptions {
  readonly hitl_id: string;
  readonly response: unknown;
  /** Checked against the record; tells threads apart that use one alias. */
  readonly thread_id?: string;
}

/** What became of the answer, and then of the thread: `resume` is null if the graph was not touched. */
export type RespondAndResumeResult<Output = unknown> = RespondResult & {
  readonly resume: ResumeResult<Output> | null;
};

/**
 * Lets a thread go on whose questions were answered (or expired, or cancelled) since it paused.
 *
 * @throws HoldpointError `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_CACHE_POLICY`, `ERR_HITL_UNRECORDED_SUSPEND`
 *
 * @example
 * ```ts
 * import { type HITLBackend, resumeThread, type ResumableGraph } from "holdpoint";
 *
 * export async function wake(graph: ResumableGraph, backend: HITLBackend): Promise<void> {
 *   const { status, pending } = await resumeThread(graph, { thread_id: "order-42", backend });
 *   console.log(status, pending.length);
 * }
 * ```
 */
export async function resumeThread<Output = unknown>(
  graph: ResumableGraph<Output>,
  options: ResumeThreadOptions,
): Promise<ResumeResult<Output>> {
  const backend = resolveBackend(undefined, options.backend);
  const session_id = options.session_id ?? (await sessionOf(backend, options.thread_id));
  const own = { ...options, backend, session_id };
  const taken = await takeUp(graph, own, () => withCalledOff(graph, own));
  const resumed = await withMessages(graph, own, taken);
  if (resumed) return resumed;
  const thread = new Thread(graph, own);
  const shown = await shownBy(graph, options.thread_id);
  // A user's pause waits for nobody but whoever resumes the thread.
  if (shown.some(showsPause)) {
    const lease = await thread.acquire(await headOf(graph, options.thread_id));
    return withMessages(graph, own, await (lease ? thread.run([], lease) : thread.busy()));
  }
  assertNothingUnrecorded(shown, options.thread_id);
  return { status: "nothing_to_resume", pending: await thread.pending() };
}

/**
 * Answers a question and lets its graph go on, in one call: accepted once, run once, whoever calls how often.
 *
 * @throws HoldpointError as {@link resumeThread}; `ERR_HITL_INVALID_INPUT` if the record is of another thread
 *
 * @example
 * ```ts
 * import { type HITLBackend, respondAndResume, type ResumableGraph } from "holdpoint";
 *
 * export async function yes(graph: ResumableGraph, backend: HITLBackend, hitl_id: string): Promise<string> {
 *   const { status, resume } = await respondAndResume(graph, { backend, hitl_id, response: { confirmed: true } });
 *   return `${status}, ${resume?.status ?? "not resumed"}`;
 * }
 * ```
 */
export async function respondAndResume<Output = unknown>(
  graph: ResumableGraph<Output>,
  options: RespondAndResumeOptions,
): Promise<RespondAndResumeResult<Output>> {
  const backend = resolveBackend(undefined, options.backend);
  const known = backend.recall(options.hitl_id) ?? (await backend.find(options.hitl_id, options.thread_id));
  if (!known) return { status: "not_found", resume: null };
  // What was just read need not be read again to be answered (P5).
  if (known.status === "pending") backend.remember(known);
  const thread_id = known.keys.thread;
  if (thread_id === undefined || (options.thread_id !== undefined && options.thread_id !== thread_id)) {
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      thread_id === undefined
        ? `${options.hitl_id} belongs to no thread; answer it by backend.respond.`
        : `${options.hitl_id} belongs to thread ${thread_id}, not to ${options.thread_id}.`,
      { details: { hitl_id: options.hitl_id, thread_id: thread_id ?? null } },
    );
  }
  assertNotCached(graph, known);
  const session_id = known.keys.session as string;
  const own = { ...options, backend, thread_id, session_id };
  const thread = new Thread(graph, own);
  const found = await readHead(graph, thread_id);
  const head = found?.checkpoint.id ?? null;
  const current = isCurrent(known, head);
  if (known.status === "pending" && !current) await thread.superseded(head);
  const asked_at = askedAt(known);
  const { actor, idempotency_key, response } = options;
  const claim = thread.claimOp(known);
  const began = backend.now();
  const mailbox = mailboxRead(backend, known.id, thread_id);
  let lease: Lease | null = null;
  let missing = false;
  // Until it is known that no message was ever sent to the thread.
  let mayHaveMessages = true;
  const outcome = await backend.respondWith(
    known.id,
    response,
    { actor, idempotency_key },
    [
      // Whoever gets the thread's lease gets the call too; whoever does not leaves it to the one who has it.
      ...(current && claim ? [[...mailbox, thread.acquireOp(asked_at, { optional: false }), claim]] : []),
      [...mailbox, thread.acquireOp(asked_at, { optional: true })],
    ],
    ({ record: question }, beside) => {
      const [leased, claimed] = beside.slice(mailbox.length);
      lease = thread.leaseOf(leased);
      missing = leased?.status === "missing";
      mayHaveMessages = mailbox.length === 0 || beside[0]?.record !== null;
      thread.handClaim(question as StoredRecord, claimed, began);
    },
  );
  const record = outcome.record;
  if (!record || (outcome.status !== "accepted" && record.resume.state !== "waiting"))
    return { ...outcome, resume: null };
  if (outcome.status === "invalid" || outcome.status === "forbidden" || outcome.status === "indeterminate") {
    return { ...outcome, resume: null };
  }
  if (!isCurrentRecord(record, head)) return { ...outcome, resume: null };
  if (outcome.status !== "accepted" || missing) lease = await thread.acquire(asked_at);
  const resume = await (lease ? thread.run([record], lease, found) : thread.busy());
  return { ...outcome, resume: mayHaveMessages ? await withMessages(graph, own, resume) : resume };
}

/** What the interrupts show at which the thread rests. */
async function shownBy(graph: ResumableGraph, thread_id: string): Promise<readonly unknown[]> {
  const state = await graph.getState({ configurable: { thread_id } });
  return state.tasks.flatMap((task) => task.interrupts).map((entry) => entry.value);
}

/** A signal that no record stands behind can never be answered: say so instead of doing nothing. */
function assertNothingUnrecorded(shown: readonly unknown[], thread_id: string): void {
  if (!shown.some((value) => (value as { recorded?: unknown } | null)?.recorded === false)) return;
  throw new HoldpointError(
    "ERR_HITL_UNRECORDED_SUSPEND",
    `Thread ${thread_id} waits for a HITLSuspend that nobody recorded: its tool runs in a stock ToolNode. Use HITLToolNode, or wrap the tool by holdpointTools, and run the step again.`,
    { details: { thread_id } },
  );
}
