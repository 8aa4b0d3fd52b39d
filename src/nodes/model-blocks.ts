/** What a chat model streams, as block events on the `custom` stream: for those who want one stream for everything. */
import { AsyncLocalStorage } from "node:async_hooks";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BlockContext } from "../blocks/build.ts";
import type { BlockEvent } from "../blocks/events.ts";
import { MessageTexts } from "../blocks/messages.ts";
import { HoldpointError } from "../core/errors.ts";
import { contextOf, type EmitBlock, emitterOf } from "../suspend/emit.ts";
import { type HostConfig, runNamesOf } from "../suspend/place.ts";

/** The config of a node, the runtime of a middleware, or anything else with a writer. */
export interface ModelBlocksConfig {
  /** Takes the events. Without one, the handler does nothing. */
  readonly writer?: ((chunk: unknown) => void) | null | undefined;
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

type Handle<Name extends keyof BaseCallbackHandler> = Parameters<
  NonNullable<Extract<BaseCallbackHandler[Name], (...args: never[]) => unknown>>
>;

/** Tags that keep a model out of LangGraph's `messages` mode, too. */
const NO_STREAM: ReadonlySet<string> = new Set(["nostream", "langsmith:nostream"]);

/** One call of a model. */
interface ModelRun {
  /** The id of its message: the first one that was told. */
  message_id: string | undefined;
  hasStreamed: boolean;
}

class ModelBlocksHandler extends BaseCallbackHandler {
  override readonly name: string = "holdpoint.model_blocks";
  /** In the order of the model's pieces, and before its node ends. */
  override awaitHandlers: boolean = true;
  override ignoreChain: boolean = true;
  override ignoreAgent: boolean = true;
  override ignoreRetriever: boolean = true;
  override ignoreCustomEvent: boolean = true;
  /** Asks LangChain to stream also where the model is called by `invoke`. */
  readonly lc_prefer_streaming: boolean;
  readonly #emit: EmitBlock | undefined;
  readonly #context: BlockContext;
  /** LangGraph's writer reads the running task from LangChain's AsyncLocalStorage, which callbacks do not have. */
  readonly #inTask: <T>(write: () => T) => T = AsyncLocalStorage.snapshot();
  readonly #texts = new MessageTexts();
  readonly #runs = new Map<string, ModelRun>();

  constructor(config: ModelBlocksConfig) {
    super();
    this.#emit = emitterOf({ writer: config.writer ?? undefined });
    this.lc_prefer_streaming = this.#emit !== undefined;
    const thread_id = config.configurable?.["thread_id"];
    const names = runNamesOf(config as HostConfig, typeof thread_id === "string" ? thread_id : "");
    this.#context = contextOf({ emit: this.#emit, ...names });
  }

  override handleChatModelStart(...[, , runId, , , tags]: Handle<"handleChatModelStart">): void {
    if (!this.#emit || tags?.some((tag) => NO_STREAM.has(tag))) return;
    this.#runs.set(runId, { message_id: undefined, hasStreamed: false });
  }

  override handleLLMNewToken(...[token, , runId, , , fields]: Handle<"handleLLMNewToken">): void {
    const run = this.#runs.get(runId);
    if (!run) return;
    run.hasStreamed = true;
    const { message } = (fields?.chunk ?? {}) as { readonly message?: object };
    this.#say(runId, run, message ?? { type: "ai", content: token });
  }

  override handleLLMEnd(...[output, runId]: Handle<"handleLLMEnd">): void {
    const run = this.#runs.get(runId);
    this.#runs.delete(runId);
    if (!run || run.hasStreamed) return;
    const { message } = (output.generations[0]?.[0] ?? {}) as { readonly message?: object };
    if (message) this.#say(runId, run, message);
  }

  override handleLLMError(...[, runId]: Handle<"handleLLMError">): void {
    this.#runs.delete(runId);
  }

  #say(runId: string, run: ModelRun, message: { readonly id?: string | undefined }): void {
    const unnamed = `run-${runId}`;
    // Some providers name only the first chunk: LangChain then calls the others after the run.
    const own = message.id == null || message.id === unnamed ? undefined : message.id;
    const id = own ?? (run.message_id ??= unnamed);
    run.message_id ??= id;
    let events: BlockEvent[];
    try {
      events = [...this.#texts.eventsOf(message, this.#context, id)];
    } catch {
      // What no event can hold is not shown; the model goes on.
      return;
    }
    for (const event of events) this.#inTask(() => this.#emit?.(() => event));
  }
}

/**
 * A callback handler for a chat model: what the model streams is written to `config.writer` as `text` and `thinking`
 * blocks, so that the `custom` mode alone shows a whole run. The blocks and their events are those that `blockEvents`
 * makes of the `messages` mode (PROTOCOL.md §16, B16); a reader of both shows each text once. `invoke` streams, too,
 * if the model can; one that cannot gives its whole text at its end. Without a writer nothing changes. A writer that
 * fails does not fail the model. Models with the tag `nostream` stay silent.
 *
 * Add it with `withConfig`, which keeps the handlers of the run: a `callbacks` of the config itself would replace them.
 *
 * @param config - a node's config, the `runtime` of a middleware, or `{ writer }` of your own
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`
 *
 * @example
 * ```ts
 * import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
 * import type { LangGraphRunnableConfig, MessagesAnnotation } from "@langchain/langgraph";
 * import { modelBlocks } from "holdpoint";
 *
 * export const chatNode = (model: BaseChatModel) =>
 *   async ({ messages }: typeof MessagesAnnotation.State, config: LangGraphRunnableConfig) => ({
 *     messages: [await model.withConfig({ callbacks: [modelBlocks(config)] }).invoke(messages, config)],
 *   });
 * ```
 */
export function modelBlocks(config: ModelBlocksConfig): BaseCallbackHandler {
  checkConfig(config);
  return new ModelBlocksHandler(config);
}

function checkConfig(config: unknown): void {
  const { writer } = (config ?? {}) as ModelBlocksConfig;
  if (typeof config === "object" && config !== null && (writer == null || typeof writer === "function"))
    return;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    "modelBlocks takes the config of a node, the runtime of a middleware, or { writer }, where writer is a function.",
  );
}
