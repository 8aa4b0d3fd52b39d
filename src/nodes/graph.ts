/** What is needed of a compiled LangGraph graph, and what is refused before it runs. */
import type { StoredRecord } from "../backends/record-store.ts";
import { HoldpointError } from "../core/errors.ts";

/** A compiled graph, as far as it is used here. */
export interface ResumableGraph<Output = unknown> {
  invoke(input: unknown, config?: unknown): Promise<Output>;
  getState(config: { configurable: { thread_id: string } }): Promise<{
    readonly tasks: readonly { readonly interrupts: readonly { readonly value?: unknown }[] }[];
  }>;
  readonly checkpointer?: unknown;
  readonly nodes?: unknown;
}

export interface CheckpointTuple {
  readonly checkpoint: { readonly id: string };
}

interface GraphCheckpointer {
  list(
    config: { configurable: Record<string, unknown> },
    options: { limit: number },
  ): AsyncIterable<CheckpointTuple & { readonly metadata?: { readonly source?: string } }>;
  getTuple(config: { configurable: Record<string, unknown> }): Promise<CheckpointTuple | undefined>;
}

/** @throws HoldpointError `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_CACHE_POLICY` */
export function assertGraphCanAsk(graph: ResumableGraph): void {
  if (typeof graph.checkpointer !== "object" || graph.checkpointer === null) {
    throw new HoldpointError(
      "ERR_HITL_NO_CHECKPOINTER",
      "The graph has no checkpointer, so it has nothing to resume. Compile it with compile({ checkpointer }).",
    );
  }
  for (const [name, node] of Object.entries(
    (graph.nodes ?? {}) as Record<string, { cachePolicy?: unknown; bound?: object }>,
  )) {
    if (!node.cachePolicy || !asksHumans(node.bound)) continue;
    throw cached(name);
  }
}

/** A plain node that asked is known only by its question. @throws HoldpointError `ERR_HITL_CACHE_POLICY` */
export function assertNotCached(graph: ResumableGraph, question: StoredRecord): void {
  const { node_id, checkpoint_ns } = question.value as { node_id?: unknown; checkpoint_ns?: unknown };
  if (typeof node_id !== "string" || typeof checkpoint_ns !== "string" || checkpoint_ns.includes("|")) return;
  const nodes = (graph.nodes ?? {}) as Record<string, { cachePolicy?: unknown } | undefined>;
  if (Object.hasOwn(nodes, node_id) && nodes[node_id]?.cachePolicy) throw cached(node_id);
}

function cached(node: string): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_CACHE_POLICY",
    `The node "${node}" asks humans and has a cachePolicy: LangGraph would give one human's answer to every thread with the same input. Remove the cachePolicy.`,
    { details: { node } },
  );
}

/** Marks runnables whose nodes ask humans; by symbol, so that two copies of the package agree. */
export const ASKS_HUMANS: unique symbol = Symbol.for("holdpoint.asks") as never;

function asksHumans(bound: object | undefined): boolean {
  if (!bound) return false;
  if ((bound as Record<symbol, unknown>)[ASKS_HUMANS] === true) return true;
  // `func`: LangGraph wraps a node that is a function.
  const { steps, first, last, func, tools } = bound as {
    steps?: object[];
    first?: object;
    last?: object;
    func?: object;
    tools?: object[];
  };
  const parts = [...(steps ?? []), first, last, func, ...(Array.isArray(tools) ? tools : [])];
  return parts.some((part) => part !== undefined && part !== bound && asksHumans(part));
}

/** The thread's newest checkpoint, as its saver gives it; undefined if there is none. */
export function readHead(graph: ResumableGraph, thread_id: string): Promise<CheckpointTuple | undefined> {
  return (graph.checkpointer as GraphCheckpointer).getTuple({
    configurable: { thread_id, checkpoint_ns: "" },
  });
}

/** The id of the thread's newest checkpoint; null if there is none. */
export async function headOf(graph: ResumableGraph, thread_id: string): Promise<string | null> {
  return (await readHead(graph, thread_id))?.checkpoint.id ?? null;
}

/** More steps than a run takes from a pause before it dies, or else nobody takes it up by itself. */
const MAX_STEPS = 1000;

/**
 * True if the thread's newest checkpoint is of the run that went on from `checkpoint_id`: nothing but that run's own
 * steps lie between them. After new input, an update or a fork another run is in charge, and may rest where it wants to.
 */
export async function wentOnFrom(
  graph: ResumableGraph,
  thread_id: string,
  checkpoint_id: string | null,
): Promise<boolean> {
  const saver = graph.checkpointer as GraphCheckpointer;
  const config = { configurable: { thread_id, checkpoint_ns: "" } };
  for await (const { checkpoint, metadata } of saver.list(config, { limit: MAX_STEPS })) {
    if (checkpoint.id === checkpoint_id) return true;
    if (metadata?.source !== "loop") return false;
  }
  return false;
}

/**
 * The graph's checkpointer with its first answer known: the run goes on from the very checkpoint that was looked at,
 * and does not read and decode it a second time.
 */
export function startingAt(graph: ResumableGraph, thread_id: string, head: CheckpointTuple): object {
  const saver = graph.checkpointer as GraphCheckpointer & Record<PropertyKey, unknown>;
  let known: CheckpointTuple | undefined = head;
  const getTuple: GraphCheckpointer["getTuple"] = (config) => {
    const { checkpoint_ns, checkpoint_id } = config.configurable;
    const found = known;
    known = undefined;
    const asked = config.configurable["thread_id"] === thread_id && !checkpoint_ns && !checkpoint_id;
    return found && asked ? Promise.resolve(found) : saver.getTuple(config);
  };
  const methods = new Map<PropertyKey, unknown>([["getTuple", getTuple]]);
  return new Proxy(saver, {
    get(target, name) {
      const known = methods.get(name);
      if (known !== undefined) return known;
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      const bound: unknown = own.bind(target);
      methods.set(name, bound);
      return bound;
    },
  });
}
