/** Real graphs, in every form in which they stream: what is asked is shown, once, also by resumed runs (P10). */
import { AIMessage, AIMessageChunk, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import {
  type LangGraphRunnableConfig,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { confirm, type HITLBackend, HITLToolNode, InMemoryHITLBackend, respondAndResume } from "holdpoint";
import {
  blockEvents,
  type BlockEvent,
  type BlockEventsOptions,
  createBlockStore,
  hitlBlock,
  listBlocks,
  openQuestions,
  textDelta,
  toolUseBlock,
} from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { input, pending, thread, toolOf, toolsGraph } from "../nodes/kit.ts";
import { blocksOf, fold } from "./kit.ts";

const yes = { confirmed: true };
const calls = input(
  { name: "pay", args: { to: "a" }, id: "c1" },
  { name: "pay", args: { to: "b" }, id: "c2" },
);

function pay() {
  return toolOf("pay", async ({ to }, runtime) => {
    const write = (runtime["writer"] ?? (() => {})) as (chunk: unknown) => void;
    const call = { id: `call_${String(to)}`, name: "own block", arguments: { to } };
    write(toolUseBlock({ ...call, status: "running" }));
    write({ not: "a block" });
    const { confirmed } = await confirm({ message: `Pay ${String(to)}?` });
    write(toolUseBlock({ ...call, status: "success" }));
    return String(confirmed);
  });
}

async function all(
  stream: Promise<AsyncIterable<unknown>> | AsyncIterable<unknown>,
  options?: BlockEventsOptions,
) {
  const events: BlockEvent[] = [];
  for await (const event of blockEvents(await stream, options)) events.push(event);
  return events;
}

async function* from(...chunks: readonly unknown[]): AsyncGenerator<unknown, void, undefined> {
  yield* chunks;
}

const said = (events: readonly BlockEvent[], kind: string): unknown[] =>
  Object.values(blocksOf(fold(events)))
    .filter((block) => block.kind === kind)
    .map((block) => block.data);

/** As an agent that calls another one: the inner graph's node asks. */
function nestedGraph(backend: HITLBackend) {
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("tools", new HITLToolNode([pay()], { backend }))
    .addEdge(START, "tools")
    .compile();
  return new StateGraph(MessagesAnnotation)
    .addNode("child", inner)
    .addEdge(START, "child")
    .compile({ checkpointer: new MemorySaver() });
}

describe("interrupts", () => {
  it.each([
    [["updates"], false],
    ["updates", false],
    ["values", false],
    [["values", "updates", "tasks", "custom"], false],
    ["tasks", false],
    ["updates", true],
    [["updates", "tasks"], true],
  ] as const)(
    "P10: streamMode %j, subgraphs %s: every open question is shown once, as its record says",
    async (streamMode, subgraphs) => {
      for (const graphOf of [
        (backend: HITLBackend) => toolsGraph(new HITLToolNode([pay()], { backend })),
        nestedGraph,
      ]) {
        const backend = new InMemoryHITLBackend();
        const graph = graphOf(backend) as ReturnType<typeof toolsGraph>;
        const options = {
          ...thread("t"),
          streamMode: streamMode as "updates",
          subgraphs: subgraphs as false,
        };
        const events = await all(graph.stream(calls, options));
        const asked = events.filter((event) => event.kind === "hitl");
        const records = await pending(backend, "t");
        expect(records).toHaveLength(2);
        expect(new Set(asked.map((event) => event.event_id)).size).toBe(asked.length);
        const state = fold(events);
        expect(
          openQuestions(state)
            .map((block) => block.block_id)
            .toSorted(),
        ).toEqual(records.map((record) => hitlBlock(record).block_id).toSorted());
        expect(
          openQuestions(state)
            .map((block) => block.data["message"])
            .toSorted(),
        ).toEqual(["Pay a?", "Pay b?"]);
        // What the records say comes to the same as what the records and the stream say.
        const recorded = records.map((record) => hitlBlock(record));
        const data = (from: readonly BlockEvent[]) =>
          Object.values(blocksOf(fold(from)))
            .filter((b) => b.kind === "hitl")
            .map((b) => b.data);
        expect(data([...recorded, ...events])).toEqual(data([...events, ...recorded]));
        expect(data([...recorded, ...events])).toEqual(data(recorded));
      }
    },
  );
});

describe("resumed runs", () => {
  it("B6: what a re-execution emits again changes nothing; the tools end as they end, each once", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode([pay()], { backend }));
    const streamed = {
      ...thread("t"),
      streamMode: ["custom", "updates", "tasks"] as ["custom", "updates", "tasks"],
    };
    const store = createBlockStore();
    const show = async (stream: AsyncIterable<unknown>, round: number) => {
      for await (const event of blockEvents(stream, { round })) store.dispatch(event);
    };
    await show(await graph.stream(calls, streamed), 0);
    const [first, second] = await pending(backend, "t");
    for (const record of [first, second]) {
      const { record: answered } = await backend.respond(record?.hitl_id ?? "", yes);
      if (answered) store.dispatch(hitlBlock(answered));
    }
    expect(
      listBlocks(store.getSnapshot())
        .filter((block) => block.kind === "node")
        .map((block) => block.data["status"]),
    ).toEqual(["suspended"]);
    await show(await graph.stream(null, streamed), 1);
    const blocks = listBlocks(store.getSnapshot());
    expect(
      blocks.filter((block) => block.data["name"] === "own block").map((block) => block.data),
    ).toMatchObject([
      { arguments: { to: "a" }, status: "success" },
      { arguments: { to: "b" }, status: "success" },
    ]);
    expect(openQuestions(store.getSnapshot())).toEqual([]);
    expect(blocks.filter((block) => block.kind === "hitl")).toHaveLength(2);
    expect(
      blocks
        .filter((block) => block.kind === "node")
        .map((block) => [block.data["node_id"], block.data["status"]]),
    ).toEqual([
      ["tools", "completed"],
      ["after", "completed"],
    ]);
  });

  it("nodes are told from updates, too, and two runs of one node are two blocks", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode([pay()], { backend }));
    const first = await all(graph.stream(calls, { ...thread("t"), streamMode: "updates" }), {
      streamMode: "updates",
    });
    expect(said(first, "node")).toEqual([]);
    for (const { hitl_id } of await pending(backend, "t"))
      await respondAndResume(graph, { backend, hitl_id, response: yes });
    const again = { messages: [new HumanMessage("more")] };
    const runs = [
      await all(graph.stream(again, { ...thread("t2"), streamMode: "updates" }), {
        streamMode: "updates",
      }).catch(() => []),
    ];
    runs.push(
      await all(from(["updates", { after: null }]), {}),
      await all(from([["child:1"], "updates", { after: null }]), { invocation_id: "i1" }),
    );
    const nodes = said(runs.flat(), "node") as { node_id: string; status: string }[];
    expect(nodes.filter((node) => node.node_id === "after").length).toBeGreaterThanOrEqual(2);
    expect(new Set(nodes.map((node) => node.status))).toEqual(new Set(["completed"]));
  });

  it("a node that fails says why", async () => {
    const graph = toolsGraph(() => {
      throw new Error("no such account");
    });
    const events: BlockEvent[] = [];
    const run = async () => {
      const stream = await graph.stream(calls, { ...thread("t"), streamMode: ["tasks"] });
      for await (const event of blockEvents(stream)) events.push(event);
    };
    await expect(run()).rejects.toThrow("no such account");
    expect(said(events, "node")).toMatchObject([
      { node_id: "tools", status: "failed", error: "no such account" },
    ]);
  });
});

it("a node of an earlier step that gave nothing is done, also if a later one fails", async () => {
  const graph = toolsGraph(
    () => ({}),
    new MemorySaver(),
    () => {
      throw new Error("later");
    },
  );
  const events: BlockEvent[] = [];
  const run = async () => {
    for await (const event of blockEvents(
      await graph.stream(calls, { ...thread("t"), streamMode: ["tasks"] }),
    ))
      events.push(event);
  };
  await expect(run()).rejects.toThrow("later");
  const nodes = said(events, "node") as { node_id: string; status: string }[];
  expect(Object.fromEntries(nodes.map(({ node_id, status }) => [node_id, status]))).toEqual({
    tools: "completed",
    after: "failed",
  });
});

describe("messages", () => {
  const words = "Ünïcode 👍 works.";
  const chat = () => {
    const model = new FakeListChatModel({ responses: [words] });
    return new StateGraph(MessagesAnnotation)
      .addNode(
        "model",
        async ({ messages }: { messages: BaseMessage[] }, config: LangGraphRunnableConfig) => ({
          messages: [await model.invoke(messages, config)],
        }),
      )
      .addEdge(START, "model")
      .compile();
  };
  const question = { messages: [new HumanMessage("Hello?")] };

  it.each([["messages"], [["messages", "updates"]]] as const)(
    "B16: %j: a model's words become one block of text",
    async (streamMode) => {
      const events = await all(chat().stream(question, { streamMode: streamMode as "messages" }));
      const texts = events.filter((event) => event.kind === "text");
      expect(texts.length).toBeGreaterThan(5);
      expect(said(events, "text")).toEqual([{ content: words }]);
      expect(said([...texts.toReversed(), ...texts], "text")).toEqual([{ content: words }]);
      expect(
        said(await all(chat().stream(question, { streamMode: "messages" }), { messages: false }), "text"),
      ).toEqual([]);
    },
  );

  it("B16: thinking is a block of its own, whoever makes the model", async () => {
    const chunk = (content: unknown, more: object = {}) => [
      new AIMessageChunk({ id: "m", content: content as never, ...more }),
      {},
    ];
    const events = await all(
      from(
        ["messages", chunk([{ type: "thinking", thinking: "Let me" }])],
        ["messages", chunk([{ type: "reasoning", reasoning: " see" }])],
        [
          "messages",
          chunk([
            { type: "reasoning", summary: [{ text: ", well" }] },
            { type: "text", text: "A" },
          ]),
        ],
        ["messages", chunk("B", { additional_kwargs: { reasoning_content: "…" } })],
        ["messages", [{ type: "AIMessageChunk", id: "m", content: "C" }, {}]],
        ["messages", [{ type: "tool", id: "m", content: "not said" }, {}]],
        ["messages", [new AIMessage("no id"), {}]],
        ["messages", [null, {}]],
      ),
    );
    expect(said(events, "text")).toEqual([{ content: "ABC" }]);
    expect(said(events, "thinking")).toEqual([{ content: "Let me see, well…" }]);
  });

  it("a character that a model cuts in two is whole", async () => {
    const chunk = (content: string) => ["messages", [{ type: "ai", id: "m", content }, {}]];
    const [high, low] = ["👍".slice(0, 1), "👍".slice(1)] as [string, string];
    expect(said(await all(from(chunk(`a${high}`), chunk(low), chunk(low))), "text")).toEqual([
      { content: "a👍\ufffd" },
    ]);
  });
});

describe("forms of chunks", () => {
  const block = textDelta({ block_id: "b", index: 0, content: "x" });

  it.each([
    ["one mode", block],
    ["several modes", ["custom", block]],
    ["subgraphs", [["child:1"], block]],
    ["subgraphs and several modes", [["child:1"], "custom", block]],
    ["the SDK", { id: "1", event: "custom", data: block }],
    ["the SDK with subgraphs", { event: "custom|child:1", data: block }],
    ["one that was serialised", JSON.parse(JSON.stringify(block)) as unknown],
  ])("a block event in a chunk of %s", async (_form, chunk) => {
    expect(await all(from(chunk))).toEqual([block]);
  });

  it("the branch is the way to the subgraph; the session and the invocation are what the caller says", async () => {
    const value = { hitl_id: "h", hitl_type: "confirm", message: "?" };
    const chunk = [["child:1", "tools:2"], "updates", { __interrupt__: [{ id: "1", value }] }];
    const [event] = await all(from(chunk), { branch: "root", session_id: "s", invocation_id: "i" });
    expect(event).toMatchObject({ branch: "root.child.tools", session_id: "s", invocation_id: "i" });
  });

  it("chunks that are nothing of ours give nothing, broken ones are told, and the stream goes on", async () => {
    const told: string[] = [];
    const broken = { ...block, op: "merge" };
    const hostile = {
      __interrupt__: [{ value: { hitl_id: "a\n", hitl_type: "x" } }, null, 1, { value: null }],
    };
    const chunks = [
      null,
      1,
      "x",
      [],
      {},
      ["custom", null],
      ["custom", 5],
      ["unknown", {}],
      [[1], "custom", {}],
      { event: "end" },
      { event: "end", data: 1 },
      ["updates", null],
      ["tasks", { id: 1 }],
      ["messages", 3],
      ["debug", {}],
      ["values", { __interrupt__: "x" }],
      ["custom", broken],
      ["updates", hostile],
      ["custom", block],
    ];
    const events = await all(from(...chunks), { onInvalid: (error) => told.push(error.code) });
    expect(events).toEqual([block]);
    expect(told).toEqual(["ERR_HITL_INVALID_INPUT", "ERR_HITL_INVALID_INPUT"]);
  });
});
