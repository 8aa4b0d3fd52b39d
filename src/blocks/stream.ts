/** What a run of a graph streams, as block events. The types are structural: nothing of LangGraph is loaded. */
import { type HoldpointError, isHoldpointError } from "../core/errors.ts";
import { type BlockContext, type NodeRun, nodeBlock } from "./build.ts";
import type { BlockEvent } from "./events.ts";
import { interruptBlocks, isFields } from "./interrupts.ts";
import { MessageTexts } from "./messages.ts";
import { looksLikeBlockEvent, parseBlockEvent } from "./parse.ts";
import { type Chunk, chunkOf, type StreamMode } from "./stream-chunk.ts";

export interface BlockEventsOptions extends BlockContext {
  /** The mode of the stream, if it has one only: its chunks do not say it. Without it, it is told from their shape. */
  readonly streamMode?: StreamMode | undefined;
  /** Whether `messages` chunks become text and thinking blocks. Default true. */
  readonly messages?: boolean | undefined;
  /** Whether `tasks` or `updates` chunks become node blocks; `tasks` say more. Default true. */
  readonly nodes?: boolean | undefined;
  /** How often the thread was resumed before: a node that goes on is then shown at work again. Default 0. */
  readonly round?: number | undefined;
  /**
   * Names this stream, where chunks have no id of their own (`updates`). Default: the invocation if it is given, else
   * random.
   */
  readonly streamId?: string | undefined;
  /** Called for what was meant as a block event and is none. Default: it is passed over. */
  readonly onInvalid?: ((error: HoldpointError, chunk: unknown) => void) | undefined;
}

function randomName(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}

/** `["agent:1b9d…", "tools:77c2…"]` is the branch `agent.tools`. */
function branchOf(namespace: readonly string[], outer: string | null | undefined): string | null {
  const names = namespace.map((step) => step.split(":", 1)[0] ?? step);
  const branch = [...(outer ? [outer] : []), ...names].join(".");
  return branch === "" ? null : branch.slice(0, 1024);
}

/** One stream: what it has counted so far. */
class Translation {
  readonly #options: BlockEventsOptions;
  readonly #streamId: string;
  readonly #counts = new Map<string, number>();
  readonly #texts = new MessageTexts();
  readonly #interrupts = new Set<string>();
  /** LangGraph reports a node that threw as one without a result, and throws later. */
  readonly #unsure: { readonly run: Omit<NodeRun, "status">; readonly context: BlockContext }[] = [];
  #hasTasks = false;

  constructor(options: BlockEventsOptions) {
    this.#options = options;
    this.#streamId = options.streamId ?? (options.invocation_id || randomName());
  }

  *eventsOf(chunk: Chunk): Generator<BlockEvent, void, undefined> {
    const { mode, payload } = chunk;
    if (mode === "custom") {
      if (looksLikeBlockEvent(payload)) yield parseBlockEvent(payload);
      return;
    }
    const context = { ...this.#options, branch: branchOf(chunk.namespace, this.#options.branch) };
    if (mode === "messages") yield* this.#messages(payload, context);
    else if (mode === "tasks") yield* this.#task(payload, context);
    else if (mode === "updates" || mode === "values") {
      if (isFields(payload)) yield* this.#asked(payload["__interrupt__"], context);
      if (mode === "updates") yield* this.#updates(payload, chunk.namespace, context);
    }
  }

  #next(name: string): number {
    const count = this.#counts.get(name) ?? 0;
    this.#counts.set(name, count + 1);
    return count;
  }

  *#messages(payload: unknown, context: BlockContext): Generator<BlockEvent, void, undefined> {
    if (this.#options.messages === false) return;
    yield* this.#texts.eventsOf(Array.isArray(payload) ? payload[0] : payload, context);
  }

  *#task(payload: unknown, context: BlockContext): Generator<BlockEvent, void, undefined> {
    if (!isFields(payload)) return;
    this.#hasTasks = true;
    const { id, name, error, interrupts } = payload;
    yield* this.#asked(interrupts, context);
    if (this.#options.nodes === false || typeof id !== "string" || typeof name !== "string") return;
    const run = { id: `task_${id}`, node_id: name, round: this.#options.round };
    const hasEnded = "result" in payload || error != null;
    if (!hasEnded) {
      yield* this.ended();
      yield nodeBlock({ ...run, status: "running" }, context);
    } else if (error != null) yield nodeBlock({ ...run, status: "failed", error: messageOf(error) }, context);
    else if (isAsleep(payload)) yield nodeBlock({ ...run, status: "suspended" }, context);
    else if (isEmpty(payload["result"])) this.#unsure.push({ run, context });
    else yield nodeBlock({ ...run, status: "completed" }, context);
  }

  /** The nodes that gave nothing: they have failed if the step has, else they are done. */
  *ended(failure?: { readonly error: unknown }): Generator<BlockEvent, void, undefined> {
    for (const { run, context } of this.#unsure.splice(0)) {
      const { error } = failure ?? {};
      yield nodeBlock(
        failure ? { ...run, status: "failed", error: messageOf(error) } : { ...run, status: "completed" },
        context,
      );
    }
  }

  *#updates(
    payload: unknown,
    namespace: readonly string[],
    context: BlockContext,
  ): Generator<BlockEvent, void, undefined> {
    if (this.#options.nodes === false || this.#hasTasks || !isFields(payload)) return;
    for (const node_id of Object.keys(payload)) {
      if (node_id.startsWith("__")) continue;
      const name = `${this.#streamId}_${[...namespace, node_id].join("_")}`;
      yield nodeBlock({ id: `${name}_${this.#next(name)}`, node_id, status: "completed" }, context);
    }
  }

  *#asked(interrupts: unknown, context: BlockContext): Generator<BlockEvent, void, undefined> {
    if (!Array.isArray(interrupts)) return;
    for (const interrupt of interrupts) {
      if (!isFields(interrupt)) continue;
      for (const event of interruptBlocks(interrupt["value"], context)) {
        // Graphs above say again what a subgraph has said.
        if (this.#interrupts.has(event.event_id)) continue;
        this.#interrupts.add(event.event_id);
        yield event;
      }
    }
  }
}

function isAsleep({ interrupts }: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(interrupts) && interrupts.length > 0;
}

function isEmpty(result: unknown): boolean {
  return result == null || (isFields(result) && Object.keys(result).length === 0);
}

function messageOf(error: unknown): string {
  const message = isFields(error) ? error["message"] : error;
  return typeof message === "string" ? message : "failed";
}

/**
 * The block events in what a graph streams: `custom` chunks that are block events (others are passed over), `messages`
 * as text and thinking, `tasks` or `updates` as nodes, and interrupts as questions. It takes what
 * `graph.stream(input, { streamMode, subgraphs })` gives with one mode or several, with subgraphs or without, and
 * what the LangGraph SDK gives for a deployed graph (`{ event, data }`). A run that was resumed is a stream of its own;
 * dispatch both into one store.
 *
 * @throws what the stream throws
 *
 * @example
 * ```ts
 * import { blockEvents, createBlockStore } from "holdpoint/blocks";
 *
 * export async function show(stream: AsyncIterable<unknown>): Promise<void> {
 *   const store = createBlockStore();
 *   for await (const event of blockEvents(stream)) store.dispatch(event);
 * }
 * ```
 */
export async function* blockEvents(
  stream: AsyncIterable<unknown>,
  options: BlockEventsOptions = {},
): AsyncGenerator<BlockEvent, void, undefined> {
  const translation = new Translation(options);
  try {
    for await (const raw of stream) {
      const chunk = chunkOf(raw, options.streamMode);
      if (!chunk) continue;
      try {
        yield* translation.eventsOf(chunk);
      } catch (error) {
        // One chunk that nobody can show must not end the screen.
        if (!isHoldpointError(error)) throw error;
        options.onInvalid?.(error, raw);
      }
    }
  } catch (error) {
    yield* translation.ended({ error });
    throw error;
  }
  yield* translation.ended();
}
