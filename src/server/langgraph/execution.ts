/** One run of a graph under the thread's lease, and what is written when it is over. */
import type { StoredRecord } from "../../backends/record-store.ts";
import type { Scope, Served, Settings } from "./context.ts";
import type { Feed } from "./feed.ts";
import { type RunEvent, runEvents } from "./frames.ts";
import type { ServedState } from "./options.ts";
import { cancelOrphans } from "./orphans.ts";
import { protocolEvents } from "./protocol-events.ts";
import { type Checked, checkRun } from "./resuming.ts";
import { commandOf, END, isGotoEnd, type RunRequest } from "./run-request.ts";
import type { Outcome, RunListener } from "./runs.ts";
import type { RunEntry, RunStatus, ThreadStatus } from "./thread-records.ts";
import { checkpointOf, interruptsOfState } from "./thread-view.ts";
import { errorOf } from "./wire.ts";

export interface Execution {
  readonly scope: Scope;
  readonly served: Served;
  readonly thread_id: string;
  readonly run_id: string;
  readonly request: RunRequest;
  readonly feed: Feed;
  readonly listener: RunListener | undefined;
  readonly signal: AbortSignal;
  readonly settings: Settings;
}

type RunError = NonNullable<RunEntry["error"]>;

/** Runs the graph. Resolves to the error, or to `cancelled`, or to null. */
export async function executeRun(
  execution: Execution,
  known: Checked | undefined,
): Promise<RunError | "cancelled" | null> {
  const { feed, listener, run_id, signal, settings, thread_id } = execution;
  const emit = ({ event, data }: RunEvent): void => {
    if (listener) listener.onEvent(event, data);
    else feed.push(event, data);
  };
  listener?.onBegin();
  feed.push("metadata", { run_id, attempt: 1 });
  try {
    for await (const event of eventsOf(execution, known)) emit(event);
    return signal.aborted ? "cancelled" : null;
  } catch (error) {
    if (signal.aborted) return "cancelled";
    settings.onError(error, { thread_id, run_id });
    const told = errorOf(error);
    feed.push("error", told);
    return told;
  }
}

async function* eventsOf(execution: Execution, known: Checked | undefined): AsyncGenerator<RunEvent> {
  const { served, thread_id, run_id, listener } = execution;
  const { graph } = served;
  // A run that has waited finds another thread than the one that it was sent to.
  const { request, state } = known ?? (await checkRun(graph, thread_id, execution.request));
  const { command, modes, subgraphs } = request;
  let input: unknown = command ? commandOf(command) : request.input;
  if (command && isGotoEnd(command)) {
    yield* endThread(execution, state);
    if (command.update === undefined || command.update === null) return;
    input = commandOf({ update: command.update });
  }
  const run = { graph, input, options: optionsOf(execution, request), modes, subgraphs, run_id };
  yield* listener ? protocolEvents(run) : runEvents(run);
}

/**
 * "Mark as resolved". As a command LangGraph would run the paused step once more, which asks again; as an update it drops
 * the step.
 */
async function* endThread(
  { served, thread_id, request }: Execution,
  state: ServedState | null,
): AsyncGenerator<RunEvent> {
  const config = { configurable: { thread_id } };
  if (state && state.tasks.length > 0) await served.graph.updateState(config, null, END);
  if (request.modes.includes("values"))
    yield { event: "values", data: (await served.graph.getState(config)).values };
}

function optionsOf(
  { scope, served, thread_id, run_id, signal, settings }: Execution,
  request: RunRequest,
): Record<string, unknown> {
  const { caller, backend } = scope;
  const {
    configurable,
    tags,
    recursion_limit,
    context,
    metadata,
    checkpoint_id,
    interruptBefore,
    interruptAfter,
    durability,
  } = request;
  const own = {
    ...configurable,
    thread_id,
    run_id,
    graph_id: served.graph_id,
    assistant_id: served.assistant_id,
    ...(checkpoint_id === null ? {} : { checkpoint_id }),
    ...(caller.user_id === undefined ? {} : { langgraph_auth_user_id: caller.user_id }),
    holdpoint: { backend, ...(caller.user_id === undefined ? {} : { user_id: caller.user_id }) },
  };
  const optional = { tags, recursionLimit: recursion_limit, context, interruptBefore, interruptAfter };
  return {
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    configurable: own,
    metadata: { ...metadata, run_id, graph_id: served.graph_id, assistant_id: served.assistant_id },
    runId: run_id,
    durability: durability ?? settings.durability,
    signal,
  };
}

/** A run that moves the thread other than by an answer may leave questions behind. */
function mayOrphan({ input, command, checkpoint_id }: RunRequest): boolean {
  if (checkpoint_id !== null) return true;
  return command
    ? (command.goto ?? undefined) !== undefined || (command.update ?? undefined) !== undefined
    : input !== null;
}

/** Characters of an error that the thread's record keeps. */
const MAX_ERROR = 1000;

function kept({ error, message }: RunError): RunError {
  return { error: error.slice(0, 100).toWellFormed(), message: message.slice(0, MAX_ERROR).toWellFormed() };
}

/** Writes what came of a run, gives the thread back, and tells its listeners. */
export async function settleRun(
  execution: Execution,
  lease: StoredRecord,
  failed: RunError | "cancelled" | null,
): Promise<Outcome> {
  const { scope, served, thread_id, run_id, request, feed, listener, settings } = execution;
  let outcome: Outcome = {
    status: failed === "cancelled" ? "interrupted" : failed ? "error" : "success",
    interrupts: [],
  };
  try {
    if (mayOrphan(request)) await cancelOrphans(scope.backend, served.graph, thread_id);
    const state = await served.graph.getState({ configurable: { thread_id } });
    const waits = state.next.length > 0;
    const status: RunStatus =
      failed === "cancelled" ? "interrupted" : failed ? "error" : waits ? "interrupted" : "success";
    outcome = {
      status,
      interrupts: interruptsOfState(state),
      ...(failed && failed !== "cancelled" ? { error: failed } : {}),
    };
    const hint: ThreadStatus =
      outcome.interrupts.length > 0
        ? "interrupted"
        : failed && failed !== "cancelled"
          ? "error"
          : waits
            ? "interrupted"
            : "idle";
    const now = settings.now();
    await scope.records.modify(thread_id, (value, current) => {
      if (current.fence !== lease.fence) return null;
      const runs = value.runs.map((run) =>
        run.run_id === run_id
          ? { ...run, status, updated_at: now, ...(outcome.error ? { error: kept(outcome.error) } : {}) }
          : run,
      );
      return {
        value: {
          ...value,
          runs,
          updated_at: now,
          checkpoint_id: checkpointOf(state.config)?.checkpoint_id ?? null,
          cancel: null,
        },
        status: hint,
        lease: "release",
      };
    });
  } catch (error) {
    // The lease runs out by itself; what the thread is, its checkpoint says.
    settings.onError(error, { thread_id, run_id });
  }
  feed.end();
  listener?.onEnd(outcome);
  return outcome;
}
