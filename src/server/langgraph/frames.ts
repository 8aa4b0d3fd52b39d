/** A run of a graph as the events that LangGraph's server streams, in its stream modes. */
import { type BaseMessageChunk, isBaseMessage } from "@langchain/core/messages";
import type { ServedGraph } from "./options.ts";
import type { StreamMode } from "./run-request.ts";
import { isPausedTool } from "./suspended-tools.ts";
import { checkpointOf } from "./thread-view.ts";

export interface RunEvent {
  readonly event: string;
  readonly data: unknown;
}

export interface GraphRun {
  readonly graph: ServedGraph;
  readonly input: unknown;
  readonly options: Readonly<Record<string, unknown>>;
  readonly modes: readonly StreamMode[];
  readonly subgraphs: boolean;
  readonly run_id: string;
}

/** Events of LangGraph's own modes, as they happen. @throws what the graph throws */
export function runEvents(run: GraphRun): AsyncGenerator<RunEvent> {
  const needsEvents = run.modes.includes("events") || run.modes.includes("messages");
  return needsEvents ? fromEvents(run) : fromStream(run);
}

function libraryModes(modes: readonly StreamMode[]): string[] {
  const wanted = modes.flatMap((mode) =>
    mode === "messages-tuple" ? ["messages"] : mode === "events" || mode === "messages" ? [] : [mode],
  );
  // Complete messages are taken from values.
  if (modes.includes("messages") || wanted.length === 0) wanted.push("values");
  return [...new Set(wanted)];
}

async function* fromStream({ graph, input, options, modes, subgraphs }: GraphRun): AsyncGenerator<RunEvent> {
  const chunks = await graph.stream(input, { ...options, streamMode: libraryModes(modes), subgraphs });
  for await (const chunk of chunks) yield* shown(chunk, modes, subgraphs);
}

type Chunk = readonly [namespace: readonly string[] | null, mode: string, data: unknown];

function chunkOf(raw: unknown, subgraphs: boolean): Chunk {
  return (subgraphs ? raw : [null, ...(raw as readonly unknown[])]) as Chunk;
}

function* shown(raw: unknown, modes: readonly StreamMode[], subgraphs: boolean): Generator<RunEvent> {
  const [namespace, mode, data] = chunkOf(raw, subgraphs);
  const asked = mode === "messages" ? "messages-tuple" : mode;
  if (!(modes as readonly string[]).includes(asked)) return;
  if (mode === "tools" && isPausedTool(data)) return;
  const event = namespace && namespace.length > 0 ? `${mode}|${namespace.join("|")}` : mode;
  yield { event, data: publicData(mode, data) };
}

/** `debug`, `tasks` and `checkpoints` show configs; clients get the checkpoints that these stand for. */
function publicData(mode: string, data: unknown): unknown {
  if (typeof data !== "object" || data === null) return data;
  const chunk = data as Record<string, unknown>;
  if (mode === "debug")
    return {
      ...chunk,
      payload: publicData(chunk["type"] === "checkpoint" ? "checkpoints" : "tasks", chunk["payload"]),
    };
  if (mode === "tasks") return taskData(chunk);
  if (mode !== "checkpoints" || !("config" in chunk)) return data;
  const { config, parentConfig, tasks, ...rest } = chunk as Record<string, never>;
  return {
    ...rest,
    config: { configurable: checkpointOf(config) },
    parent_config: parentConfig ? { configurable: checkpointOf(parentConfig) } : null,
    checkpoint: checkpointOf(config),
    parent_checkpoint: checkpointOf(parentConfig),
    tasks: Array.isArray(tasks) ? (tasks as Record<string, unknown>[]).map(taskData) : [],
  };
}

function taskData(task: Record<string, unknown>): object {
  const { state, ...rest } = task;
  const configurable = (state as { configurable?: object } | undefined)?.configurable;
  return configurable
    ? {
        ...rest,
        checkpoint: { checkpoint_map: null, checkpoint_id: null, checkpoint_ns: "", ...configurable },
      }
    : task;
}

interface TracedEvent {
  readonly event: string;
  readonly run_id: string;
  readonly tags?: readonly string[];
  readonly metadata?: unknown;
  readonly data: { readonly chunk?: unknown; readonly error?: unknown };
}

async function* fromEvents({
  graph,
  input,
  options,
  modes,
  subgraphs,
  run_id,
}: GraphRun): AsyncGenerator<RunEvent> {
  const events = graph.streamEvents(input, {
    ...options,
    version: "v2",
    streamMode: libraryModes(modes),
    subgraphs,
  }) as AsyncIterable<TracedEvent>;
  const messages = modes.includes("messages") ? new Messages() : null;
  for await (const event of events) {
    if (event.tags?.includes("langsmith:hidden")) continue;
    const isChunk = event.event === "on_chain_stream" && event.run_id === run_id;
    if (isChunk) yield* shown(event.data.chunk, modes, subgraphs);
    else if (modes.includes("events")) yield { event: "events", data: withoutStack(event) };
    if (!messages) continue;
    if (isChunk) yield* messages.complete(chunkOf(event.data.chunk, subgraphs)[2]);
    else if (event.event === "on_chat_model_stream") yield* messages.partial(event);
  }
}

/** LangChain puts the stack into an event's error. */
function withoutStack(event: TracedEvent): TracedEvent {
  const { error } = event.data ?? {};
  return typeof error === "string"
    ? { ...event, data: { ...event.data, error: error.split("\n")[0] } }
    : event;
}

/** The mode `messages` of LangGraph's server: whole messages so far, again and again. */
class Messages {
  readonly #partial = new Map<string, BaseMessageChunk>();
  readonly #completed = new Set<string>();

  *complete(values: unknown): Generator<RunEvent> {
    const found = (values as { messages?: unknown } | null)?.messages;
    const fresh: unknown[] = [];
    for (const message of Array.isArray(found) ? found : []) {
      if (!isBaseMessage(message) || !message.id || this.#completed.has(message.id)) continue;
      this.#completed.add(message.id);
      fresh.push(message);
    }
    if (fresh.length > 0) yield { event: "messages/complete", data: fresh };
  }

  *partial({ tags, data, metadata }: TracedEvent): Generator<RunEvent> {
    const chunk = data.chunk as BaseMessageChunk;
    if (!chunk.id || tags?.includes("nostream")) return;
    const before = this.#partial.get(chunk.id);
    const now = before ? before.concat(chunk) : chunk;
    this.#partial.set(chunk.id, now);
    if (!before) yield { event: "messages/metadata", data: { [chunk.id]: { metadata } } };
    yield { event: "messages/partial", data: [now] };
  }
}
