/**
 * Runs of this server: one at a time in a thread, by the lease of the thread's record, also with several servers over one
 * store. What is in progress lives in this process; what came of it is in the record.
 */
import type { StoredRecord } from "../../backends/record-store.ts";
import { defaultLeaseOwner } from "../../core/ids.ts";
import type { Graphs, Scope, Served, Settings } from "./context.ts";
import { type Execution, executeRun, settleRun } from "./execution.ts";
import { Feed } from "./feed.ts";
import { HttpError, notFound } from "./http-error.ts";
import { toHttpError } from "./http.ts";
import { errorOf } from "./wire.ts";
import { assertFree } from "./exclusive.ts";
import type { Channels } from "./protocol-channel.ts";
import { type Checked, checkRun } from "./resuming.ts";
import type { RunRequest } from "./run-request.ts";
import { MAX_RUNS, type RunEntry, type RunStatus, type ThreadValue, valueOf } from "./thread-records.ts";

/** What follows the events of a run besides its feed. */
export interface RunListener {
  /** It has the thread now. */
  onBegin(): void;
  onEvent(event: string, data: unknown): void;
  onEnd(outcome: Outcome): void;
}

export interface Outcome {
  readonly status: RunStatus;
  readonly error?: RunEntry["error"];
  /** Interrupts at which the thread rests now. */
  readonly interrupts: readonly unknown[];
}

export interface LiveRun {
  readonly thread_id: string;
  readonly tenant_id: string;
  readonly feed: Feed;
  readonly done: Promise<Outcome>;
  /** As it is now. */
  entry: RunEntry;
  cancel(): void;
}

/** Ended runs whose frames are kept for clients that come back. */
const KEPT = 16;
const POLL_MS = 200;

export class Runs {
  readonly #settings: Settings;
  readonly #graphs: Graphs;
  readonly #channels: Channels;
  readonly #live = new Map<string, LiveRun>();
  readonly #ended = new Map<string, LiveRun>();
  /** The last run that waits for a thread, by thread. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /** Runs that are being looked at, and are not live yet. */
  #starting = 0;
  #closed = false;

  constructor(settings: Settings, graphs: Graphs, channels: Channels) {
    this.#settings = settings;
    this.#graphs = graphs;
    this.#channels = channels;
  }

  find(scope: Scope, thread_id: string, run_id: string): LiveRun | undefined {
    const run = this.#live.get(run_id) ?? this.#ended.get(run_id);
    return run?.thread_id === thread_id && run.tenant_id === scope.records.tenant_id ? run : undefined;
  }

  /** Runs that wait for the thread, or have it. */
  liveOf(scope: Scope, thread_id: string): LiveRun[] {
    return [...this.#live.values()].filter(
      (run) => run.thread_id === thread_id && run.tenant_id === scope.records.tenant_id,
    );
  }

  /**
   * Begins a run, or queues it. All that can be wrong with it is said before anything is written.
   *
   * @throws HttpError 404, 409, 422, 429
   */
  async start(
    scope: Scope,
    thread_id: string,
    request: RunRequest,
    listener?: RunListener,
  ): Promise<LiveRun> {
    const served = this.#graphs.get(request.assistant_id);
    if (this.#closed) throw new HttpError(503, "The server is closing.", { "retry-after": "1" });
    if (this.#live.size + this.#starting >= this.#settings.maxRuns)
      throw new HttpError(429, `${this.#settings.maxRuns} runs are in progress. Try again.`, {
        "retry-after": "1",
      });
    this.#starting += 1;
    try {
      return await this.#start(scope, thread_id, request, served, listener);
    } finally {
      this.#starting -= 1;
    }
  }

  async #start(
    scope: Scope,
    thread_id: string,
    request: RunRequest,
    served: Served,
    listener: RunListener | undefined,
  ): Promise<LiveRun> {
    const record = await this.#threadFor(scope, thread_id, served, request);
    // Whoever waits for the thread already comes first.
    const isHeld = this.#queues.has(queueName(scope, thread_id)) || (await scope.records.isHeld(record));
    if (isHeld && request.multitask === "reject") throw busy();
    // What waits is looked at when it begins.
    const checked = isHeld ? undefined : await checkRun(served.graph, thread_id, request);
    const entry = this.#entryOf(served, request);
    const first = isHeld ? null : await this.#acquire(scope, record, served, entry);
    if (!first && request.multitask === "reject") throw busy();
    if (!first && request.multitask === "interrupt") await this.#cancelHolder(scope, thread_id);
    const controller = new AbortController();
    const feed = new Feed(this.#settings.maxFeedBytes);
    const execution: Execution = {
      scope,
      served,
      thread_id,
      request,
      run_id: entry.run_id,
      feed,
      listener,
      signal: controller.signal,
      settings: this.#settings,
    };
    const run: LiveRun = {
      thread_id,
      tenant_id: scope.records.tenant_id,
      feed,
      entry: first ? { ...entry, status: "running" } : entry,
      cancel: () => controller.abort(),
      done: Promise.resolve({ status: "success", interrupts: [] }),
    };
    this.#live.set(entry.run_id, run);
    const work = first
      ? this.#run(execution, run, first, controller, checked)
      : this.#queue(execution, run, controller);
    const done = work
      .catch((error: unknown) => this.#failed(execution, error))
      .then((outcome) => this.#retire(run, outcome));
    Object.assign(run, { done });
    return run;
  }

  /** Stops a run here or, by the next renewal of its lease, in another server. @throws HttpError 404 */
  async cancel(scope: Scope, thread_id: string, run_id: string): Promise<void> {
    const live = this.find(scope, thread_id, run_id);
    if (live) return live.cancel();
    await scope.records.modify(thread_id, (value) => {
      if (!value.runs.some((run) => run.run_id === run_id)) throw notFound(`Run ${run_id}`);
      return value.runs.at(-1)?.run_id === run_id && value.runs.at(-1)?.status === "running"
        ? { value: { ...value, cancel: run_id } }
        : null;
    });
  }

  /** Resolves when the run is over, wherever it runs. @throws HttpError 404 */
  async ended(scope: Scope, thread_id: string, run_id: string, signal: AbortSignal): Promise<void> {
    const live = this.find(scope, thread_id, run_id);
    if (live) return void (await Promise.race([live.done, aborted(signal)]));
    for (;;) {
      const record = await scope.records.get(thread_id);
      const entry = valueOf(record).runs.find((run) => run.run_id === run_id);
      if (!entry) throw notFound(`Run ${run_id}`);
      if (entry.status !== "running" || signal.aborted || !(await scope.records.isHeld(record))) return;
      await pause(POLL_MS);
    }
  }

  /** Stops all runs, and waits for them. */
  async close(): Promise<void> {
    this.#closed = true;
    const runs = [...this.#live.values()];
    for (const run of runs) run.cancel();
    await Promise.allSettled(runs.map((run) => run.done));
  }

  async #threadFor(
    scope: Scope,
    thread_id: string,
    { graph_id, graph }: Served,
    request: RunRequest,
  ): Promise<StoredRecord> {
    const { records } = scope;
    const found = await records.find(thread_id);
    if (found) {
      const known = valueOf(found).graph_id;
      if (known !== null && known !== graph_id)
        throw new HttpError(409, `Thread ${thread_id} is of the graph "${known}", not of "${graph_id}".`);
      return found;
    }
    if (!request.createThread) throw notFound(`Thread ${thread_id}`);
    await assertFree([graph], thread_id, this.#settings);
    return (await records.create(thread_id, { graph_id, metadata: request.metadata }, this.#settings.now()))
      .record;
  }

  #entryOf({ assistant_id }: Served, { metadata, multitask }: RunRequest): RunEntry {
    const now = this.#settings.now();
    return {
      run_id: this.#settings.randomUuid(),
      assistant_id,
      status: "pending",
      created_at: now,
      updated_at: now,
      metadata,
      multitask_strategy: multitask,
    };
  }

  /** The record with the thread's lease; null if somebody else has it. */
  async #acquire(
    { records, backend }: Scope,
    record: StoredRecord,
    { graph_id }: Served,
    entry: RunEntry,
  ): Promise<StoredRecord | null> {
    const now = await backend.store.now();
    const { leaseMs } = this.#settings;
    return records.modify(
      valueOf(record).thread_id,
      (value, current) => {
        if (current.lease && current.lease.expires_at > now) return null;
        return {
          value: {
            ...withRun(value, { ...entry, status: "running", updated_at: this.#settings.now() }),
            graph_id,
            cancel: null,
          },
          status: "busy",
          lease: { owner: defaultLeaseOwner(), durationMs: leaseMs },
          guard: { lease: "free" },
        };
      },
      record,
    );
  }

  async #cancelHolder(scope: Scope, thread_id: string): Promise<void> {
    const [live] = this.liveOf(scope, thread_id).filter((run) => run.entry.status === "running");
    if (live) return live.cancel();
    const last = valueOf(await scope.records.get(thread_id)).runs.at(-1);
    if (last) await this.cancel(scope, thread_id, last.run_id);
  }

  async #queue(execution: Execution, run: LiveRun, controller: AbortController): Promise<Outcome> {
    const { thread_id, scope } = execution;
    const name = queueName(scope, thread_id);
    const before = this.#queues.get(name);
    const work = (async () => {
      await before;
      const record = await this.#awaitThread(execution, run);
      return record ? this.#run(execution, run, record, controller, undefined) : this.#given(execution);
    })();
    const settled = work.then(
      () => {},
      () => {},
    );
    this.#queues.set(name, settled);
    void settled.then(() => {
      if (this.#queues.get(name) === settled) this.#queues.delete(name);
    });
    return work;
  }

  /** Null if the run was cancelled before it came to its turn. */
  async #awaitThread(
    { scope, thread_id, served, signal }: Execution,
    run: LiveRun,
  ): Promise<StoredRecord | null> {
    const stopped = aborted(signal);
    while (!signal.aborted) {
      const record = await scope.records.get(thread_id);
      const acquired = await this.#acquire(scope, record, served, run.entry);
      if (acquired) {
        run.entry = { ...run.entry, status: "running" };
        return acquired;
      }
      const [holder] = this.liveOf(scope, thread_id).filter((other) => other.entry.status === "running");
      await Promise.race([holder ? holder.done : pause(POLL_MS), stopped]);
    }
    return null;
  }

  /** A run that was cancelled before it came to its turn. */
  #given({ feed, listener }: Execution): Outcome {
    const outcome: Outcome = { status: "interrupted", interrupts: [] };
    feed.end();
    listener?.onEnd(outcome);
    return outcome;
  }

  /** A run that did not come to its turn: its thread was deleted, or the store is away. */
  #failed({ feed, listener, thread_id, run_id, settings }: Execution, reason: unknown): Outcome {
    settings.onError(reason, { thread_id, run_id });
    const error = errorOf(toHttpError(reason) ?? new HttpError(500, "The run could not begin."));
    const outcome: Outcome = { status: "error", error, interrupts: [] };
    feed.push("error", error);
    feed.end();
    listener?.onEnd(outcome);
    return outcome;
  }

  async #run(
    execution: Execution,
    run: LiveRun,
    lease: StoredRecord,
    controller: AbortController,
    checked: Checked | undefined,
  ): Promise<Outcome> {
    const { scope, settings } = execution;
    const beat = setInterval(() => {
      void scope.records.renew(lease, settings.leaseMs).then(
        (renewed) => {
          // Somebody else has the thread, or asks this run to stop.
          if (!renewed || valueOf(renewed).cancel === run.entry.run_id) controller.abort();
        },
        (error: unknown) =>
          settings.onError(error, { thread_id: execution.thread_id, run_id: execution.run_id }),
      );
    }, settings.leaseMs / 3);
    beat.unref();
    if (!execution.listener) this.#channels.reset(scope.records.tenant_id, execution.thread_id);
    try {
      const failed = await executeRun(execution, checked);
      return await settleRun(execution, lease, failed);
    } finally {
      clearInterval(beat);
    }
  }

  #retire(run: LiveRun, outcome: Outcome): Outcome {
    const { run_id } = run.entry;
    run.entry = { ...run.entry, status: outcome.status, updated_at: this.#settings.now() };
    this.#live.delete(run_id);
    this.#ended.set(run_id, run);
    if (this.#ended.size > KEPT) this.#ended.delete(this.#ended.keys().next().value as string);
    return outcome;
  }
}

function queueName({ records }: Scope, thread_id: string): string {
  return JSON.stringify([records.tenant_id, thread_id]);
}

function busy(): HttpError {
  return new HttpError(
    409,
    "Thread is already running a task. Wait for it to finish or choose a different multitask strategy.",
  );
}

/** What runs without a lease is lost. */
function withRun(value: ThreadValue, entry: RunEntry): ThreadValue {
  const lost = { error: "RunLost", message: "The server stopped in the middle of the run." };
  const before = value.runs.map(
    (run): RunEntry => (run.status === "running" ? { ...run, status: "error", error: lost } : run),
  );
  return { ...value, runs: [...before, entry].slice(-MAX_RUNS), updated_at: entry.updated_at };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref?.();
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
