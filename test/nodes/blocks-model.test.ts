/** `modelBlocks`: what a model streams, as text and thinking blocks of the custom mode. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, HumanMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { FakeListChatModel, FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { type LangGraphRunnableConfig, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { type BlockEvent, blockEvents, createBlockStore, listBlocks } from "holdpoint/blocks";
import { createAgent, createMiddleware } from "langchain";
import { modelBlocks } from "holdpoint";
import { describe, expect, it } from "vitest";
import { blocksOf, fold } from "../blocks/kit.ts";
import type { StreamedGraph } from "./blocks-kit.ts";
import { ScriptedModel, toolOf } from "./kit.ts";

const words = "Ünïcode 👍 works.";
const question = { messages: [new HumanMessage("Hello?")] };

/** Streams these chunks, as a provider's model would: some say who they are, some think, some cut a character in two. */
class ChunkModel extends FakeStreamingChatModel {
  readonly chunksOf: () => readonly AIMessageChunk[];

  constructor(chunksOf: () => readonly AIMessageChunk[]) {
    super({ sleep: 0 });
    this.chunksOf = chunksOf;
  }

  override bindTools(): never {
    return this as never;
  }

  override async *_streamResponseChunks(
    ...[, , manager]: Parameters<FakeStreamingChatModel["_streamResponseChunks"]>
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const message of this.chunksOf()) {
      const chunk = new ChatGenerationChunk({ message, text: message.text });
      await manager?.handleLLMNewToken(message.text, undefined, undefined, undefined, undefined, { chunk });
      yield chunk;
    }
  }
}

const chunk = (content: unknown, more: object = {}): AIMessageChunk =>
  new AIMessageChunk({ content: content as never, ...more });
const provider = () =>
  new ChunkModel(() => [
    chunk([{ type: "thinking", thinking: "Let me " }], { id: "msg_1" }),
    chunk([{ type: "reasoning", reasoning: "see" }]),
    chunk("", { tool_call_chunks: [] }),
    chunk([{ type: "text", text: "Well \ud83d" }]),
    chunk("\udc4d"),
    chunk("."),
  ]);

const chatOf = (model: BaseChatModel) =>
  new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }, config: LangGraphRunnableConfig) => ({
      messages: [await model.withConfig({ callbacks: [modelBlocks(config)] }).invoke(messages, config)],
    }))
    .addEdge(START, "chat")
    .compile() as unknown as StreamedGraph;

async function streamed(
  graph: StreamedGraph,
  streamMode: string | readonly string[],
  more: object = {},
): Promise<BlockEvent[]> {
  const events: BlockEvent[] = [];
  const stream = await graph.stream(question, { configurable: { thread_id: "t" }, streamMode, ...more });
  const options = { session_id: "t", invocation_id: "t", nodes: false };
  for await (const event of blockEvents(stream, options)) events.push(event);
  return events;
}

const said = (events: readonly BlockEvent[]) =>
  listBlocks(fold(events)).map(({ kind, data }) => [kind, data["content"]]);

const MODELS: readonly (readonly [string, () => BaseChatModel, readonly (readonly [string, string])[]])[] = [
  ["FakeListChatModel", () => new FakeListChatModel({ responses: [words] }), [["text", words]]],
  [
    "FakeStreamingChatModel",
    () => new FakeStreamingChatModel({ sleep: 0, responses: [new AIMessage(words)] }),
    [["text", words]],
  ],
  ["a model that does not stream", () => new ScriptedModel([new AIMessage(words)]), [["text", words]]],
  [
    "a model that thinks",
    provider,
    [
      ["thinking", "Let me see"],
      ["text", "Well 👍."],
    ],
  ],
];

describe.each(MODELS)("%s", (name, modelOf, expected) => {
  it("B16 is one text in the custom mode", async () => {
    const events = await streamed(chatOf(modelOf()), "custom");
    expect(said(events)).toEqual(expected);
    if (name.startsWith("Fake")) expect(events.length).toBeGreaterThan(5);
    expect(said([...events.toReversed(), ...events]).toSorted()).toEqual([...expected].toSorted());
  });

  it("B6 is the same text as that of the messages mode, for a reader of both", async () => {
    const custom: unknown[] = [];
    const graph = chatOf(modelOf());
    const stream = await graph.stream(question, {
      configurable: { thread_id: "t" },
      streamMode: ["custom", "messages"],
    });
    const chunks: [string, unknown][] = [];
    for await (const part of stream as AsyncIterable<[string, unknown]>) {
      chunks.push(part);
      if (part[0] === "custom") custom.push(part[1]);
    }
    const from = async (parts: readonly unknown[]): Promise<BlockEvent[]> => {
      const events: BlockEvent[] = [];
      async function* all() {
        yield* parts;
      }
      for await (const event of blockEvents(all(), { session_id: "t", invocation_id: "t" }))
        events.push(event);
      return events;
    };
    const messages = await from(chunks.filter(([mode]) => mode === "messages"));
    expect(messages).toEqual(custom);
    const both = await from(chunks);
    expect(both.length).toBe(2 * messages.length);
    expect(said(both)).toEqual(expected);
    expect(blocksOf(fold(both.toReversed()))).toEqual(blocksOf(fold(messages)));
  });

  it.each(["v1", "v2"] as const)(
    "is shown by an agent %s with a middleware of a few lines",
    async (version) => {
      const shown = createMiddleware({
        name: "ModelBlocks",
        wrapModelCall: (request, handler) => {
          const model = (request.model as BaseChatModel).withConfig({
            callbacks: [modelBlocks(request.runtime)],
          });
          return handler({ ...request, model: model as never });
        },
      });
      const agent = createAgent({
        model: modelOf(),
        tools: [toolOf("look", () => "seen")],
        version,
        middleware: [shown],
      }) as unknown as StreamedGraph;
      expect(said(await streamed(agent, "custom"))).toEqual(expected);
      expect(said(await streamed(agent, ["custom", "messages"]))).toEqual(expected);
    },
  );
});

describe("modelBlocks", () => {
  it("keeps the handlers of the run", async () => {
    const starts: string[] = [];
    const handler = BaseCallbackHandler.fromMethods({
      handleChatModelStart: (_model, _messages, run_id) => void starts.push(run_id),
    });
    await streamed(chatOf(new FakeListChatModel({ responses: [words] })), "custom", { callbacks: [handler] });
    expect(starts).toHaveLength(1);
  });

  it("is silent, and has nothing streamed, where there is no writer", async () => {
    const model = new FakeListChatModel({ responses: [words] });
    let tokens = 0;
    const count = BaseCallbackHandler.fromMethods({ handleLLMNewToken: () => void (tokens += 1) });
    const callbacks = [modelBlocks({}), modelBlocks({ writer: null }), count];
    expect((await model.invoke("?", { callbacks })).text).toBe(words);
    expect(tokens).toBe(0);
  });

  it("takes a writer of one's own, and both texts of two models at once", async () => {
    const store = createBlockStore();
    const handler = modelBlocks({ writer: (event) => store.dispatch(event as BlockEvent) });
    const models = ["one two", "three four"].map(
      (text) => new FakeListChatModel({ responses: [text], sleep: 1 }),
    );
    await Promise.all(models.map((model) => model.invoke("?", { callbacks: [handler] })));
    expect(
      listBlocks(store.getSnapshot())
        .map(({ data }) => data["content"])
        .toSorted(),
    ).toEqual(["one two", "three four"]);
  });

  it.each(["nostream", "langsmith:nostream"])("says nothing of a model with the tag %s", async (tag) => {
    const events: unknown[] = [];
    const handler = modelBlocks({ writer: (event) => void events.push(event) });
    const model = new FakeListChatModel({ responses: [words] });
    await model.invoke("?", { callbacks: [handler], tags: [tag] });
    expect(events).toEqual([]);
  });

  it("lets a model end as it ends: whoever listens throws, the text is too long, the model fails", async () => {
    const writer = (): never => {
      throw new Error("the browser is gone");
    };
    const model = new FakeListChatModel({ responses: [words] });
    expect((await model.invoke("?", { callbacks: [modelBlocks({ writer })] })).text).toBe(words);
    const long = new ScriptedModel([new AIMessage("x".repeat(400_000))]);
    const events: unknown[] = [];
    const callbacks = [modelBlocks({ writer: (event) => void events.push(event) })];
    expect((await long.invoke("?", { callbacks })).text).toHaveLength(400_000);
    expect(events).toEqual([]);
    const broken = new FakeStreamingChatModel({ thrownErrorString: "overloaded" });
    await expect(broken.invoke("?", { callbacks })).rejects.toThrow("overloaded");
  });

  it("tells the branch of a graph in a graph, and its chunks come with it", async () => {
    const inner = chatOf(new FakeListChatModel({ responses: [words] }));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("writer", inner as never)
      .addEdge(START, "writer")
      .compile() as unknown as StreamedGraph;
    const config = { configurable: { thread_id: "t" }, streamMode: ["custom"], subgraphs: true };
    const namespaces = new Set<unknown>();
    const events: BlockEvent[] = [];
    for await (const [namespace, , event] of (await graph.stream(question, config)) as AsyncIterable<
      [string[], string, BlockEvent]
    >) {
      namespaces.add(namespace.map((part) => part.split(":")[0]).join("."));
      events.push(event);
    }
    expect([...namespaces]).toEqual(["writer"]);
    expect(listBlocks(fold(events)).map(({ branch, data }) => [branch, data["content"]])).toEqual([
      ["writer", words],
    ]);
  });
});

describe("modelBlocks with what is no config", () => {
  it.each([undefined, null, 5, { writer: 5 }, { writer: "w" }])("%j: ERR_HITL_INVALID_INPUT", (config) => {
    expect(() => modelBlocks(config as never)).toThrowError(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT", message: expect.stringContaining("writer") }),
    );
  });

  it.each([{}, { writer: null }, { writer: undefined }])("%j: nobody listens, nothing changes", (config) => {
    expect(modelBlocks(config).name).toBe("holdpoint.model_blocks");
  });
});
