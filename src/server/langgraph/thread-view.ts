/** Threads, states and runs as LangGraph's clients read them. A thread's status is computed from its checkpoint. */
import type { StoredRecord } from "../../backends/record-store.ts";
import type { JsonObject } from "../../core/json.ts";
import { assistantIdOf } from "./ids.ts";
import type { ServedGraph, ServedState, ServedTask } from "./options.ts";
import {
  type RunEntry,
  type RunStatus,
  type ThreadRecords,
  type ThreadStatus,
  valueOf,
} from "./thread-records.ts";
import { errorOf } from "./wire.ts";

export interface CheckpointView {
  readonly thread_id: string;
  readonly checkpoint_id: string | null;
  readonly checkpoint_ns: string;
  readonly checkpoint_map: unknown;
}

export interface StateView {
  readonly values: unknown;
  readonly next: readonly string[];
  readonly tasks: readonly object[];
  readonly metadata: unknown;
  readonly created_at: string | null;
  readonly checkpoint: CheckpointView | null;
  readonly parent_checkpoint: CheckpointView | null;
}

export interface ThreadView {
  readonly thread_id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly state_updated_at: string;
  readonly metadata: JsonObject;
  readonly status: ThreadStatus;
  readonly config: object;
  readonly values: unknown;
  readonly interrupts: Readonly<Record<string, readonly unknown[]>>;
  readonly error: object | null;
}

export interface RunView {
  readonly run_id: string;
  readonly thread_id: string;
  readonly assistant_id: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly status: RunStatus;
  readonly metadata: JsonObject;
  readonly multitask_strategy: string;
}

const isoOf = (time: number): string => new Date(time).toISOString();

export function checkpointOf(config: ServedState["config"] | undefined): CheckpointView | null {
  const { thread_id, checkpoint_id, checkpoint_ns, checkpoint_map } = config?.configurable ?? {};
  if (typeof thread_id !== "string" || typeof checkpoint_id !== "string") return null;
  return {
    thread_id,
    checkpoint_id,
    checkpoint_ns: typeof checkpoint_ns === "string" ? checkpoint_ns : "",
    checkpoint_map: checkpoint_map ?? null,
  };
}

const isState = (value: unknown): value is ServedState =>
  typeof value === "object" && value !== null && "values" in value && "next" in value;

function taskView({ id, name, error, interrupts, path, result, state }: ServedTask): object {
  const config = state as { configurable?: unknown } | undefined;
  return {
    id,
    name,
    path: path ?? [],
    error: error === undefined || error === null ? null : errorText(error),
    interrupts,
    checkpoint: isState(state) ? null : (config?.configurable ?? null),
    state: isState(state) ? stateView(state) : null,
    result: result ?? null,
  };
}

function errorText(error: unknown): string {
  const { message } = error as { message?: unknown };
  return typeof message === "string" ? message : errorOf(error).message;
}

export function stateView(state: ServedState): StateView {
  return {
    values: state.values ?? {},
    next: state.next,
    tasks: state.tasks.map(taskView),
    metadata: state.metadata ?? {},
    created_at: state.createdAt ?? null,
    checkpoint: checkpointOf(state.config),
    parent_checkpoint: checkpointOf(state.parentConfig),
  };
}

/** The state of a thread that no graph has run on. */
export function emptyState(): StateView {
  return {
    values: {},
    next: [],
    tasks: [],
    metadata: {},
    created_at: null,
    checkpoint: null,
    parent_checkpoint: null,
  };
}

export const interruptsOfState = (state: ServedState): readonly unknown[] =>
  state.tasks.flatMap((task) => task.interrupts);

export interface Truth {
  readonly status: ThreadStatus;
  readonly state: ServedState | null;
  /** The last run's error, while nobody has moved the thread since. */
  readonly error: RunEntry["error"] | null;
}

const LOST = {
  error: "RunLost",
  message: "The server stopped in the middle of the run. Run the thread again with input: null.",
};

/** Where a thread really is: its lease, its checkpoint, and how its last run ended. */
export async function truthOf(
  records: ThreadRecords,
  record: StoredRecord,
  graph: ServedGraph | undefined,
): Promise<Truth> {
  const { thread_id, runs, checkpoint_id } = valueOf(record);
  const isHeld = await records.isHeld(record);
  const state = graph ? await graph.getState({ configurable: { thread_id } }) : null;
  const last = runs.at(-1);
  if (isHeld) return { status: "busy", state, error: null };
  const isLost = last?.status === "running";
  const head = checkpointOf(state?.config)?.checkpoint_id ?? null;
  const error = isLost
    ? LOST
    : last?.status === "error" && head === checkpoint_id
      ? (last.error ?? null)
      : null;
  if (state && interruptsOfState(state).length > 0) return { status: "interrupted", state, error: null };
  if (error && !(isLost && state?.next.length === 0)) return { status: "error", state, error };
  return { status: state && state.next.length > 0 ? "interrupted" : "idle", state, error: null };
}

export function threadView(
  record: StoredRecord,
  { status, state, error }: Truth,
  interrupts: ThreadView["interrupts"],
): ThreadView {
  const { thread_id, graph_id, metadata, updated_at } = valueOf(record);
  const updated = isoOf(updated_at);
  const named: JsonObject = graph_id === null ? {} : { graph_id, assistant_id: assistantIdOf(graph_id) };
  return {
    thread_id,
    created_at: isoOf(record.created_at),
    updated_at: updated,
    state_updated_at: state?.createdAt ?? updated,
    metadata: { ...metadata, ...named },
    status,
    config: {},
    values: state?.values ?? null,
    interrupts,
    error: error ?? null,
  };
}

/** @param isHeld - whether the thread's lease is; a run in progress without one is lost */
export function runView(thread_id: string, run: RunEntry, isHeld: boolean): RunView {
  const { run_id, assistant_id, metadata, multitask_strategy } = run;
  return {
    run_id,
    thread_id,
    assistant_id,
    created_at: isoOf(run.created_at),
    updated_at: isoOf(run.updated_at),
    status: run.status === "running" && !isHeld ? "error" : run.status,
    metadata,
    multitask_strategy,
  };
}
