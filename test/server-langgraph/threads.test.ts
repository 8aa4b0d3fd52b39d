/** Threads, states and assistants, by LangGraph's own client and its types. */
import type { Assistant, Thread, ThreadState } from "@langchain/langgraph-sdk";
import { expect, test } from "vitest";
import { calling, clientOf, type Input, kitOf, lastText, refunding } from "./kit.ts";

const echoing = (text: string): Input => calling("echo", { text }, `call_${text}`);

test("a graph is one assistant, found by the graph's id or by the UUID that LangGraph's servers give it", async () => {
  const { client } = kitOf();
  const [assistant] = (await client.assistants.search({ graphId: "agent", limit: 1 })) as [Assistant];
  expect(assistant).toMatchObject({
    assistant_id: "fe096781-5601-53d2-b2f6-0d3403f7e9ca",
    graph_id: "agent",
    version: 1,
  });
  expect(await client.assistants.get("agent")).toEqual(assistant);
  expect(await client.assistants.get(assistant.assistant_id)).toEqual(assistant);
  expect(await client.assistants.search({ graphId: "other" })).toEqual([]);
  expect(await client.assistants.count({ graphId: "agent" })).toBe(1);
  const { nodes, edges } = await client.assistants.getGraph("agent");
  expect(nodes.map(({ id }) => id)).toEqual(["__start__", "tools", "__end__"]);
  expect(edges[0]).toMatchObject({ source: "__start__", target: "tools" });
  const { input_schema, output_schema, graph_id } = await client.assistants.getSchemas("agent");
  expect(graph_id).toBe("agent");
  for (const schema of [input_schema, output_schema])
    expect(Object.keys(schema?.properties ?? {})).toEqual(["messages"]);
  await expect(client.assistants.get("nobody")).rejects.toThrow(/404/);
});

test("a thread is made once, with metadata, and is of the graph that it is first run with", async () => {
  const { client } = kitOf();
  const thread: Thread = await client.threads.create({ threadId: "order-1", metadata: { team: "ops" } });
  expect(thread).toMatchObject({
    thread_id: "order-1",
    status: "idle",
    metadata: { team: "ops" },
    values: null,
    interrupts: {},
  });
  await expect(client.threads.create({ threadId: "order-1" })).rejects.toThrow(/409/);
  expect((await client.threads.create({ threadId: "order-1", ifExists: "do_nothing" })).metadata).toEqual({
    team: "ops",
  });
  expect((await client.threads.getState("order-1")).next).toEqual([]);
  expect(await client.threads.getHistory("order-1")).toEqual([]);
  await client.runs.wait("order-1", "agent", { input: echoing("a") });
  const { metadata } = await client.threads.update("order-1", {
    metadata: { team: "dev", graph_id: "agent" },
  });
  expect(metadata).toEqual({
    team: "dev",
    graph_id: "agent",
    assistant_id: "fe096781-5601-53d2-b2f6-0d3403f7e9ca",
  });
  await client.threads.delete("order-1");
  await expect(client.threads.get("order-1")).rejects.toThrow(/404/);
  expect((await client.threads.create({ threadId: "order-1" })).values).toBeNull();
});

test("a deleted thread's question is cancelled, and its checkpoints are gone", async () => {
  const { client, backend, graph } = kitOf();
  await client.runs.wait("t-1", "agent", { input: refunding("A-1"), ifNotExists: "create" });
  await client.threads.delete("t-1");
  expect((await backend.getByThread("t-1")).items.map(({ status }) => status)).toEqual(["cancelled"]);
  expect(
    (await graph.getState({ configurable: { thread_id: "t-1" } })).config.configurable?.["checkpoint_id"],
  ).toBeUndefined();
});

test("threads are found by metadata, status and ids, in pages and in order", async () => {
  const { client } = kitOf();
  for (const index of [1, 2, 3, 4, 5]) {
    const thread_id = `t-${index}`;
    await client.threads.create({
      threadId: thread_id,
      metadata: { odd: index % 2 === 1, nested: { index } },
    });
    await client.runs.wait(thread_id, "agent", {
      input: index < 3 ? refunding(thread_id) : echoing(thread_id),
    });
  }
  type Query = Parameters<typeof client.threads.search>[0];
  const ids = async (query: Query): Promise<string[]> =>
    (await client.threads.search(query)).map((thread) => thread.thread_id);
  expect((await ids({ status: "interrupted" })).sort()).toEqual(["t-1", "t-2"]);
  expect((await ids({ status: "idle", metadata: { graph_id: "agent" } })).sort()).toEqual([
    "t-3",
    "t-4",
    "t-5",
  ]);
  expect((await ids({ metadata: { odd: true } })).sort()).toEqual(["t-1", "t-3", "t-5"]);
  expect(await ids({ metadata: { nested: { index: 4 } } })).toEqual(["t-4"]);
  expect(
    await ids({ metadata: { assistant_id: "fe096781-5601-53d2-b2f6-0d3403f7e9ca" }, limit: 2 }),
  ).toHaveLength(2);
  expect(await ids({ metadata: { graph_id: "other" } })).toEqual([]);
  expect(await ids({ sortBy: "thread_id", sortOrder: "asc", limit: 2, offset: 1 })).toEqual(["t-2", "t-3"]);
  expect((await ids({ ids: ["t-2", "t-9", "t-5"] })).sort()).toEqual(["t-2", "t-5"]);
  expect(await client.threads.count({ status: "interrupted" })).toBe(2);
  const [slim] = await client.threads.search({ ids: ["t-1"], select: ["thread_id", "status"] });
  expect(slim).toEqual({ thread_id: "t-1", status: "interrupted" });
  await expect(client.threads.search({ values: { a: 1 } })).rejects.toThrow(/422/);
  await expect(client.threads.search({ limit: 1001 })).rejects.toThrow(/422/);
});

test("states are read, also at older checkpoints; an update makes a new one, and a run can begin at an old one", async () => {
  const { client } = kitOf();
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, "agent", { input: echoing("a") });
  await client.runs.wait(thread_id, "agent", { input: echoing("b") });
  const history: ThreadState[] = await client.threads.getHistory(thread_id, { limit: 20 });
  expect(history.map(({ metadata }) => metadata?.step)).toEqual([4, 3, 2, 1, 0, -1]);
  const first = history[3] as ThreadState;
  expect(lastText((await client.threads.getState(thread_id, first.checkpoint)).values)).toBe("a");
  expect(
    (await client.threads.getState(thread_id, first.checkpoint.checkpoint_id as string)).checkpoint,
  ).toEqual(first.checkpoint);
  expect(
    await client.threads.getHistory(thread_id, {
      limit: 1,
      before: { configurable: first.checkpoint } as never,
    }),
  ).toEqual([history[4]]);

  await client.threads.updateState(thread_id, {
    values: { messages: [{ type: "human", content: "noted" }] },
    asNode: "tools",
  });
  expect(lastText((await client.threads.getState(thread_id)).values)).toBe("noted");
  await expect(client.threads.updateState(thread_id, { values: {}, asNode: "nowhere" })).rejects.toThrow(
    /422/,
  );
  const forked = await client.runs.wait(thread_id, "agent", {
    input: echoing("c"),
    checkpointId: first.checkpoint.checkpoint_id as string,
  });
  const { messages } = forked as { messages: { content: string }[] };
  expect(messages.map(({ content }) => content).filter(Boolean)).toEqual(["a", "c"]);
});

test("a fork leaves no open question behind", async () => {
  const { client, backend } = kitOf();
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, "agent", { input: echoing("a") });
  const { checkpoint } = await client.threads.getState(thread_id);
  await client.runs.wait(thread_id, "agent", { input: refunding("A-1") });
  await client.runs.wait(thread_id, "agent", {
    input: echoing("b"),
    checkpointId: checkpoint.checkpoint_id as string,
  });
  expect((await backend.getByThread(thread_id)).items.map(({ status, reason }) => [status, reason])).toEqual([
    ["cancelled", "superseded"],
  ]);
});

test("every question of a step is shown, and answered by id in requests of their own (P10)", async () => {
  const { client, effects, backend } = kitOf();
  const { thread_id } = await client.threads.create();
  const calls = ["A-1", "A-2"].map((order) => ({ name: "refund", args: { order, amount: 1 }, id: order }));
  await client.runs.wait(thread_id, "agent", {
    input: { messages: [{ type: "ai", content: "", tool_calls: calls }] },
  });
  const open = (await backend.list({ status: "pending", thread_id })).items;
  expect(open).toHaveLength(2);
  for (const { hitl_id } of open.toReversed())
    await client.runs.wait(thread_id, "agent", {
      command: { resume: { hitl_id, response: { confirmed: true } } },
    });
  expect((await client.threads.get(thread_id)).status).toBe("idle");
  expect([...effects].sort()).toEqual([
    ["A-1", 1],
    ["A-2", 1],
  ]);
});

test("a thread that other code has begun is there once it is handed over, and nobody takes it before", async () => {
  const { client, graph, server, effects } = kitOf();
  await graph.invoke(refunding("A-1") as never, { configurable: { thread_id: "own-1" } });
  await expect(client.threads.get("own-1")).rejects.toThrow(/404/);
  await expect(client.threads.create({ threadId: "own-1" })).rejects.toThrow(/409.*adopt/s);
  expect(await server.adopt({ thread_id: "own-1", graph_id: "agent", metadata: { by: "cron" } })).toBe(true);
  expect(await server.adopt({ thread_id: "own-1", graph_id: "agent" })).toBe(false);
  const [thread] = await clientOf(server).threads.search({ status: "interrupted" });
  expect(thread).toMatchObject({ thread_id: "own-1", metadata: { by: "cron", graph_id: "agent" } });
  await client.runs.wait("own-1", "agent", { command: { resume: { decisions: [{ type: "approve" }] } } });
  expect(effects.get("A-1")).toBe(1);
  await expect(server.adopt({ thread_id: "own-1", graph_id: "agent", tenant_id: "other" })).rejects.toThrow(
    "already exists",
  );
  await expect(server.adopt({ thread_id: "own-2", graph_id: "other" })).rejects.toThrow("no graph");
});
