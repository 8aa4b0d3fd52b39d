/** Stream modes of a run, as LangGraph's clients read them. */
import { HumanMessage } from "@langchain/core/messages";
import { FakeStreamingChatModel } from "@langchain/core/utils/testing";
import { AIMessageChunk } from "@langchain/core/messages";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { InMemoryHITLBackend } from "holdpoint";
import { createLangGraphServer } from "holdpoint/server/langgraph";
import { expect, test } from "vitest";
import { clientOf, collect } from "./kit.ts";

function talking() {
  const chunks = ["Good ", "morning"].map((content) => new AIMessageChunk({ content, id: "m-1" }));
  const model = new FakeStreamingChatModel({ chunks, sleep: 0 });
  const inner = new StateGraph(MessagesAnnotation)
    .addNode("say", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
    .addEdge(START, "say")
    .compile();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("inner", inner)
    .addEdge(START, "inner")
    .compile({ checkpointer: new MemorySaver() });
  return clientOf(createLangGraphServer({ graphs: { talker: graph }, backend: new InMemoryHITLBackend() }));
}

async function streamed(options: object): Promise<{ event: string; data: unknown }[]> {
  const client = talking();
  const input = { messages: [new HumanMessage("Hello")] };
  return (await collect(client.runs.stream(null, "talker", { input, ...options } as never))) as {
    event: string;
    data: unknown;
  }[];
}

test("messages-tuple gives each chunk with its metadata, under the name messages", async () => {
  const chunks = await streamed({ streamMode: "messages-tuple", streamSubgraphs: true });
  const found = chunks.filter(({ event }) => event.startsWith("messages"));
  expect(
    found
      .map(({ data }) => (data as [{ content: string }])[0].content)
      .filter(Boolean)
      .slice(0, 2),
  ).toEqual(["Good ", "morning"]);
  const [message, metadata] = (found[0] as { data: [object, object] }).data;
  expect(message).toMatchObject({ type: "ai" });
  expect(metadata).toMatchObject({ langgraph_node: "say" });
});

test("messages gives what was said so far, again and again, and then the whole", async () => {
  const chunks = await streamed({ streamMode: ["messages"] });
  const partial = chunks
    .filter(({ event }) => event === "messages/partial")
    .map(({ data }) => (data as [{ content: string }])[0].content);
  expect(partial).toEqual(expect.arrayContaining(["Good ", "Good morning"]));
  const complete = chunks
    .filter(({ event }) => event === "messages/complete")
    .flatMap(({ data }) => data as { type: string; content: string }[]);
  expect(complete.map(({ type, content }) => [type, content])).toEqual([
    ["human", "Hello"],
    ["ai", "Good morning"],
  ]);
  expect(chunks.map(({ event }) => event)).toContain("messages/metadata");
});

test("subgraphs are named behind the mode, and only if they were asked for", async () => {
  const names = (chunks: { event: string }[]): string[] => [
    ...new Set(chunks.map(({ event }) => event.replace(/:[0-9a-f-]{36}/, ""))),
  ];
  expect(names(await streamed({ streamMode: ["values", "updates"], streamSubgraphs: true }))).toEqual(
    expect.arrayContaining(["values", "updates", "updates|inner"]),
  );
  expect(names(await streamed({ streamMode: ["values", "updates"] }))).toEqual([
    "metadata",
    "values",
    "updates",
  ]);
});

test("events name the node that runs, and the run", async () => {
  const chunks = await streamed({ streamMode: "events" });
  const { run_id } = (chunks[0] as { data: { run_id: string } }).data;
  const nodes = chunks.map(
    ({ data }) => (data as { metadata?: { langgraph_node?: string; run_id?: string } }).metadata,
  );
  expect(nodes.map((metadata) => metadata?.langgraph_node)).toContain("inner");
  expect(
    nodes.filter((metadata) => metadata?.langgraph_node).every((metadata) => metadata?.run_id === run_id),
  ).toBe(true);
});

test("debug, tasks and checkpoints show checkpoints, and no configs of the server", async () => {
  const chunks = await streamed({ streamMode: ["debug", "tasks", "checkpoints"] });
  const checkpoint = chunks.find(({ event }) => event === "checkpoints")?.data as {
    checkpoint: object;
    values: object;
  };
  expect(checkpoint.checkpoint).toMatchObject({ checkpoint_ns: "", checkpoint_id: expect.any(String) });
  expect(chunks.map(({ event }) => event)).toEqual(expect.arrayContaining(["debug", "tasks", "checkpoints"]));
  expect(JSON.stringify(chunks)).not.toMatch(/callbacks|"holdpoint"/);
});
