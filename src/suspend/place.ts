/**
 * Where a question is asked: thread, namespace, node, call. Read from the run's config, whose parts that
 * identify a task are stable across resumes, retries and re-executions, and new in forks and replays (P2).
 */
import type { RecordKeys } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import { makeId, slotOf } from "../core/ids.ts";
import type { JsonValue } from "../core/json.ts";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { type EmitBlock, emitterOf, type HostWriter } from "./emit.ts";
import { hasBackend, type HoldpointRunConfig, resolveBackend } from "./configure.ts";

/** The parts of a LangGraph config that are read here; all others pass through untouched. */
export interface HostConfig extends HostWriter {
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly durability?: string | undefined;
  readonly executionInfo?: { readonly checkpointId?: string; readonly nodeAttempt?: number } | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HostCheckpointer {
  getTuple(config: { configurable: Record<string, unknown> }): Promise<unknown>;
}

export interface Place {
  readonly backend: StoreHITLBackend;
  readonly tenant_id: string;
  readonly thread_id: string;
  readonly checkpoint_ns: string;
  readonly node_id: string | null;
  readonly graph_name: string | null;
  readonly session_id: string;
  readonly invocation_id: string;
  readonly slot: number;
  /** The thread's checkpoint while this step waits; another head means that the ask is orphaned. */
  readonly root_checkpoint_id: string | null;
  /** False when the host may have run this task before: the store has to be asked (P6). */
  readonly fresh: boolean;
  /** Counts executions of this task, as far as the host tells: 0 if it is fresh. */
  readonly attempt: number;
  readonly durability: string | undefined;
  readonly checkpointer: HostCheckpointer;
  readonly checkpointMap: Readonly<Record<string, string>>;
  /** Aborted when a user asks the run to pause. */
  readonly pause: AbortSignal | undefined;
  /** For user interfaces; undefined if surely nobody listens. */
  readonly emit: EmitBlock | undefined;
  /** Index keys of its calls beside the thread: for hosts that have to find a call without knowing its id. */
  readonly call_keys?: RecordKeys | undefined;
}

const text = (value: unknown): string | null =>
  typeof value === "string" && value.length > 0 ? value : null;

export function namespaceOf(config: HostConfig | undefined): string | undefined {
  const found = config?.configurable?.["checkpoint_ns"];
  return typeof found === "string" ? found : undefined;
}

/** What names a run in all that it writes and emits. */
export function runNamesOf(
  config: HostConfig,
  thread_id: string,
): Pick<Place, "checkpoint_ns" | "session_id" | "invocation_id"> {
  const { configurable, metadata } = config;
  const run = configurable?.["holdpoint"] as HoldpointRunConfig | undefined;
  return {
    checkpoint_ns: namespaceOf(config) ?? "",
    session_id: text(run?.session_id) ?? thread_id,
    invocation_id:
      text(run?.invocation_id) ?? text(configurable?.["run_id"]) ?? text(metadata?.["run_id"]) ?? thread_id,
  };
}

/**
 * @throws HoldpointError `ERR_HITL_NO_BACKEND`, `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_NO_THREAD`
 */
export function placeOf(config: HostConfig, own: HITLBackend | undefined): Place {
  const configurable = config.configurable ?? {};
  const checkpointer = configurable["__pregel_checkpointer"] as HostCheckpointer | undefined;
  if (!checkpointer) {
    throw new HoldpointError(
      "ERR_HITL_NO_CHECKPOINTER",
      "Asking a human pauses the graph, and that needs a checkpointer. Compile the graph with compile({ checkpointer }).",
    );
  }
  const thread_id = text(configurable["thread_id"]);
  if (thread_id === null) {
    throw new HoldpointError(
      "ERR_HITL_NO_THREAD",
      "Asking a human needs configurable.thread_id, to find the paused run again.",
    );
  }
  const run = configurable["holdpoint"] as HoldpointRunConfig | undefined;
  const backend = resolveBackend(run, own);
  const metadata = config.metadata ?? {};
  const { checkpoint_ns, session_id, invocation_id } = runNamesOf(config, thread_id);
  const resuming = configurable["__pregel_resuming"] === true;
  const attempt = (config.executionInfo?.nodeAttempt ?? 1) - 1 + (resuming ? 1 : 0);
  const checkpointMap = (configurable["checkpoint_map"] ?? {}) as Readonly<Record<string, string>>;
  return {
    backend,
    tenant_id: backend.tenant_id,
    thread_id,
    checkpoint_ns,
    node_id: text(metadata["langgraph_node"]),
    graph_name: text(metadata["lc_agent_name"]) ?? text(metadata["graph_id"]),
    session_id,
    invocation_id,
    slot: slotOf(backend.tenant_id, session_id),
    root_checkpoint_id: text(checkpointMap[""]) ?? text(config.executionInfo?.checkpointId),
    fresh: attempt === 0,
    attempt,
    durability: config.durability,
    checkpointer,
    checkpointMap,
    pause: run?.pause,
    emit: emitterOf(config),
  };
}

/**
 * The place, or null where nothing could be asked (no checkpointer, no thread, no backend): tools that ask
 * nobody run there all the same, and one that asks hears the reason.
 */
export function placeIfAny(config: HostConfig, own: HITLBackend | undefined): Place | null {
  const { configurable } = config;
  if (!configurable?.["__pregel_checkpointer"] || typeof configurable["thread_id"] !== "string") return null;
  if (!hasBackend(configurable["holdpoint"] as HoldpointRunConfig | undefined, own)) return null;
  return placeOf(config, own);
}

const MAX_SESSIONS = 10_000;
const sessions = new WeakMap<object, Map<string, string>>();

/**
 * A run that is woken without the session of the run that asked finds its records all the same: the thread's
 * record knows it (ids carry the session's slot).
 */
export function placeOfThread(config: HostConfig, place: Place): Place | Promise<Place> {
  const run = config.configurable?.["holdpoint"] as HoldpointRunConfig | undefined;
  return place.fresh || text(run?.session_id) !== null ? place : placeOfSession(place);
}

async function placeOfSession(place: Place): Promise<Place> {
  const { store } = place.backend;
  const known = sessions.get(store) ?? new Map<string, string>();
  sessions.set(store, known);
  const name = JSON.stringify([place.tenant_id, place.thread_id]);
  let session_id = known.get(name);
  if (session_id === undefined) {
    const key = { name: "thread", value: place.thread_id } as const;
    const query = { kind: "thread", tenant_id: place.tenant_id, statuses: ["active"], key, limit: 1 };
    const { items } = await store.page({ ...query, order: "newest" });
    session_id = text(items[0]?.value["session_id"]) ?? place.session_id;
    if (known.size >= MAX_SESSIONS) known.clear();
    known.set(name, session_id);
  }
  return { ...place, session_id, slot: slotOf(place.tenant_id, session_id) };
}

/** The id of a call record: one per tool call (or node) of one task. */
export function callRecordId(
  place: Pick<Place, "slot" | "tenant_id" | "thread_id" | "checkpoint_ns">,
  call: string | null,
): string {
  return makeId("call", place.slot, ["call", place.tenant_id, place.thread_id, place.checkpoint_ns, call]);
}

/** The id of a question (P2). `name` is the author's key, or the fingerprint of what is asked. */
export function questionId(place: Place, call: string | null, name: JsonValue, occurrence: number): string {
  return makeId("hitl", place.slot, [
    "hitl",
    place.tenant_id,
    place.thread_id,
    place.checkpoint_ns,
    call ?? place.node_id,
    name,
    occurrence,
  ]);
}

export type ThreadPlace = Pick<Place, "tenant_id" | "session_id" | "thread_id" | "slot">;

/** The record that says that a thread has asked, and in which session. */
export function threadRecordId({ tenant_id, thread_id, slot }: ThreadPlace): string {
  return makeId("thread", slot, ["thread", tenant_id, thread_id]);
}

/** The record of a pause: it carries the lease of whoever resumes the thread from this checkpoint. */
export function pauseRecordId(place: ThreadPlace, checkpoint_id: string | null): string {
  const { tenant_id, thread_id, slot } = place;
  return makeId("pause", slot, ["pause", tenant_id, thread_id, checkpoint_id]);
}

const READ_BACK_MS = 10_000;

/** With `sync` at the root the host has saved the checkpoint before the task began. */
export function isSurelyResumable({ durability, checkpointMap }: Place): boolean {
  return durability === "sync" && Object.keys(checkpointMap).length <= 1;
}

/**
 * An ask must be resumable: its task's checkpoint, and those of the graphs around it, have to be readable
 * before the record exists.
 *
 * @throws HoldpointError `ERR_HITL_DURABILITY`, `ERR_HITL_CHECKPOINT_NOT_SAVED`,
 * `ERR_HITL_SUBGRAPH_CHECKPOINTER`
 */
export async function assertResumable(place: Place): Promise<void> {
  if (isSurelyResumable(place)) return;
  if (place.durability === "exit") {
    throw new HoldpointError(
      "ERR_HITL_DURABILITY",
      'durability "exit" saves no checkpoint before the end of the run: a question could not be resumed after a crash. Use "sync" or "async".',
    );
  }
  const deadline = performance.now() + (place.durability === "sync" ? 0 : READ_BACK_MS);
  for (const [checkpoint_ns, checkpoint_id] of Object.entries(place.checkpointMap)) {
    if (isTaskOfOther(place.checkpointMap, checkpoint_ns)) continue;
    const config = { configurable: { thread_id: place.thread_id, checkpoint_ns, checkpoint_id } };
    for (
      let pauseMs = 1;
      (await place.checkpointer.getTuple(config)) === undefined;
      pauseMs = Math.min(pauseMs * 2, 100)
    ) {
      if (performance.now() >= deadline) throw notSaved(place, checkpoint_ns);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}

/**
 * True of a task that called a `task()`: the map lists it with the checkpoint of the graph that it is in, and it has
 * none of its own.
 */
function isTaskOfOther(map: Readonly<Record<string, string>>, checkpoint_ns: string): boolean {
  const around = checkpoint_ns.slice(0, Math.max(checkpoint_ns.lastIndexOf("|"), 0));
  return checkpoint_ns !== "" && map[around] === map[checkpoint_ns];
}

function notSaved(place: Place, checkpoint_ns: string): HoldpointError {
  const details = { thread_id: place.thread_id, checkpoint_ns };
  return checkpoint_ns === ""
    ? new HoldpointError(
        "ERR_HITL_CHECKPOINT_NOT_SAVED",
        `The checkpoint of thread ${place.thread_id} could not be read back within ${READ_BACK_MS} ms, so the question was not asked. Check the checkpointer, or use durability "sync".`,
        { details },
      )
    : new HoldpointError(
        "ERR_HITL_SUBGRAPH_CHECKPOINTER",
        `The subgraph ${checkpoint_ns} saves no checkpoints (it was compiled with checkpointer: false), so a question in it could never be resumed. Compile it without that option.`,
        { details },
      );
}
