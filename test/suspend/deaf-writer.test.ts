/** Whether somebody listens to what a run emits: asked of LangGraph's own writer without writing anything. */
import { Annotation, type LangGraphRunnableConfig, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { isDeaf } from "../../src/suspend/deaf-writer.ts";

const State = Annotation.Root({ said: Annotation<string> });

/** A graph that says something, with a graph inside that does, and what each of them found of its writer. */
function graphs(options: { readonly timeout?: number } = {}) {
  const found: boolean[] = [];
  const node = (_state: unknown, config: LangGraphRunnableConfig) => {
    if (config.writer) found.push(isDeaf(config.writer));
    config.writer?.("said");
    return { said: "yes" };
  };
  const inner = new StateGraph(State).addNode("inner", node).addEdge(START, "inner").compile();
  const graph = new StateGraph(State)
    .addNode("outer", node, options)
    .addNode("around", inner)
    .addEdge(START, "outer")
    .addEdge("outer", "around")
    .compile();
  return { graph, found };
}

async function streamed(streamMode: unknown, subgraphs = false) {
  const { graph, found } = graphs();
  const chunks: unknown[] = [];
  const stream = await graph.stream({ said: "" }, { streamMode: streamMode as "custom", subgraphs });
  for await (const chunk of stream) chunks.push(chunk);
  return { chunks, found };
}

describe("the writer of a run", () => {
  it.each(["values", "updates", "messages", "debug", "tasks", "checkpoints", ["values", "updates"]])(
    "that streams %j is deaf",
    async (streamMode) => {
      expect((await streamed(streamMode)).found).toEqual([true, true]);
    },
  );

  it("of invoke is deaf", async () => {
    const { graph, found } = graphs();
    await graph.invoke({ said: "" });
    expect(found).toEqual([true, true]);
  });

  it("that streams `custom` hears, and hears nothing of the question", async () => {
    expect(await streamed("custom")).toEqual({ found: [false, false], chunks: ["said", "said"] });
    const mixed = await streamed(["updates", "custom"]);
    expect(mixed.found).toEqual([false, false]);
    expect(mixed.chunks.filter((chunk) => (chunk as unknown[])[0] === "custom")).toEqual([
      ["custom", "said"],
      ["custom", "said"],
    ]);
    const nested = await streamed("custom", true);
    expect(nested.chunks).toEqual([
      [[], "said"],
      [[expect.stringMatching(/^around:/)], "said"],
    ]);
  });

  it("that the caller has given hears, and is not called", async () => {
    const { graph, found } = graphs();
    const heard: unknown[] = [];
    const writer = (chunk: unknown): void => void heard.push(chunk);
    await graph.invoke({ said: "" }, { writer } as object);
    expect({ found, heard }).toEqual({ found: [false, false], heard: ["said", "said"] });
  });

  it("that stands around another, as a node's timeout makes it, is taken for one that hears", async () => {
    const { graph, found } = graphs({ timeout: 10_000 });
    await graph.invoke({ said: "" });
    expect(found).toEqual([false, true]);
  });

  it("outside of a run is no deaf one, whatever it is", () => {
    expect(isDeaf(() => {})).toBe(false);
    expect(isDeaf(console.log.bind(console))).toBe(false);
  });
});
