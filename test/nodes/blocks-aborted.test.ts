/** A run that is aborted: its calls end as `aborted`, and whoever runs them again is seen. */
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  confirm,
  type HITLBackend,
  hitlMiddleware,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  reportProgress,
  respondAndResume,
  step,
} from "holdpoint";
import type { BlockEvent } from "holdpoint/blocks";
import { createAgent, createMiddleware } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fold } from "../blocks/kit.ts";
import { callOf, openQuestion, start } from "../support/agent.ts";
import { gate, until } from "../support/poll.ts";
import { blocksIn, type StreamedGraph, statusesOf, written } from "./blocks-kit.ts";
import { ai, ScriptedModel } from "./kit.ts";

const schema = z.object({ n: z.string() });

/** A tool that is at work until it is aborted, the first time. */
function slowTool(after: () => Promise<string> | string, before: () => Promise<void> = async () => {}) {
  const started = gate();
  let runs = 0;
  const slow = tool(
    async (_args, { signal }: { signal?: AbortSignal }) => {
      await before();
      runs += 1;
      if (runs > 1) return after();
      started.open();
      return new Promise<string>((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new Error("stopped")));
      });
    },
    { name: "slow", description: "Takes long.", schema },
  );
  return { slow, started };
}

type Tools = ReturnType<typeof slowTool>["slow"][];

function toolsOnly(node: ToolNode | HITLToolNode): StreamedGraph {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", () => ({
      messages: [new AIMessage({ content: "", tool_calls: [callOf("slow", "c1")], id: "m" })],
    }))
    .addNode("tools", node)
    .addEdge(START, "model")
    .addEdge("model", "tools")
    .compile({ checkpointer: new MemorySaver() });
}

function agent(version: "v1" | "v2", tools: Tools, backend: HITLBackend): StreamedGraph {
  const model = new ScriptedModel([ai([callOf("slow", "c1")]), new AIMessage("done")]);
  const checkpointer = new MemorySaver();
  return createAgent({ model, tools, version, middleware: [hitlMiddleware({ backend })], checkpointer });
}

const HOSTS: readonly (readonly [string, (tools: Tools, backend: HITLBackend) => StreamedGraph])[] = [
  ["HITLToolNode", (tools, backend) => toolsOnly(new HITLToolNode(tools, { backend }))],
  ["holdpointTools", (tools, backend) => toolsOnly(new ToolNode(holdpointTools(tools, { backend })))],
  ["hitlMiddleware v1", (tools, backend) => agent("v1", tools, backend)],
  ["hitlMiddleware v2", (tools, backend) => agent("v2", tools, backend)],
];

async function abortedRun(graph: StreamedGraph, started: Promise<void>): Promise<BlockEvent[]> {
  const abort = new AbortController();
  const events: BlockEvent[] = [];
  const run = graph.invoke(start, {
    configurable: { thread_id: "t" },
    durability: "sync",
    signal: abort.signal,
    writer: (event: unknown) => void events.push(event as BlockEvent),
  });
  const failed = expect(run).rejects.toThrow();
  await started;
  abort.abort();
  await failed;
  await until("the end of the call", () =>
    statusesOf(events).some((status) => /aborted|failed/.test(status)),
  );
  return events;
}

describe.each(HOSTS)("an aborted run of %s", (_name, graphOf) => {
  it("ends the block of its call as aborted, not as failed", async () => {
    const { slow, started } = slowTool(() => "done");
    const events = await abortedRun(graphOf([slow], new InMemoryHITLBackend()), started.passed);
    expect(statusesOf(events)).toEqual(["slow pending", "slow running", "slow aborted"]);
  });

  it("is shown at work again by whoever takes it up, waiting for a human, and done", async () => {
    const backend = new InMemoryHITLBackend();
    const { slow, started } = slowTool(async () =>
      (await confirm({ message: "go on?" })).confirmed ? "went on" : "stayed",
    );
    const graph = graphOf([slow], backend);
    const first = await abortedRun(graph, started.passed);
    const second = await written(graph, null, "t");
    expect(statusesOf(second).slice(0, 2)).toEqual(["slow pending", "slow running"]);
    // Each event of the second run is after all of the first one: none of them is passed over.
    let state = fold(first);
    for (const event of second) {
      state = fold([event], state);
      expect(blocksIn(state)[event.block_id]?.data["status"]).toBe(event.data?.["status"]);
    }
    const { hitl_id } = await openQuestion(backend, "t", "go on?");
    const third: BlockEvent[] = [];
    const onBlock = (event: BlockEvent) => void third.push(event);
    await respondAndResume(graph as never, { backend, hitl_id, response: { confirmed: true }, onBlock });
    const all = [...first, ...second, ...third];
    for (const arrived of [all, all.toReversed(), [...third, ...first, ...second]])
      expect(
        Object.values(blocksIn(fold(arrived)))
          .map(({ data }) => data["status"])
          .toSorted(),
      ).toEqual(["completed", "success"]);
  });
});

it("P9 a call that was aborted in a step waits for a human when it is found in doubt, and then ends", async () => {
  const backend = new InMemoryHITLBackend();
  const { slow, started } = slowTool(
    () => "done",
    () => step("begun", () => {}),
  );
  const checkpointer = new MemorySaver();
  const graphOf = (leaseMs: number) =>
    new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([slow], { backend, leaseMs }))
      .addEdge(START, "tools")
      .compile({ checkpointer }) as unknown as StreamedGraph;
  const abort = new AbortController();
  const events: BlockEvent[] = [];
  const writer = (event: unknown) => void events.push(event as BlockEvent);
  const configurable = { thread_id: "t" };
  const messages = [ai([callOf("slow", "c1")])];
  const run = graphOf(40).invoke(
    { messages },
    { configurable, durability: "sync", signal: abort.signal, writer },
  );
  const failed = expect(run).rejects.toThrow();
  await started.passed;
  abort.abort();
  await failed;
  await until("the doubt", async () => {
    await graphOf(40).invoke(null, { configurable, durability: "sync", writer });
    return (await backend.list({ thread_id: "t", status: "pending" })).items.length > 0;
  });
  const call = () => Object.values(blocksIn(fold(events))).find(({ kind }) => kind === "tool_use");
  expect(statusesOf(events)).toContain("slow aborted");
  expect(call()?.data["status"]).toBe("waiting");
  const { hitl_id } = await openQuestion(backend, "t", "in_doubt");
  await respondAndResume(graphOf(40) as never, {
    backend,
    hitl_id,
    response: { decision: "happened", result: "it happened" },
    onBlock: writer,
  });
  expect(call()?.data["status"]).toBe("success");
});

it.each(["v1", "v2"] as const)(
  "a call that failed, and asks when a middleware of an agent %s tries it again, waits for its human",
  async (version) => {
    const backend = new InMemoryHITLBackend();
    let tries = 0;
    const flaky = tool(
      async () => {
        tries += 1;
        reportProgress(tries);
        if (tries === 1) throw new Error("not yet");
        return String((await confirm({ message: "now?" })).confirmed);
      },
      { name: "flaky", description: "Fails at first.", schema },
    );
    const again = createMiddleware({
      name: "Again",
      wrapToolCall: async (request, handler) => {
        try {
          return await handler(request);
        } catch {
          return handler(request);
        }
      },
    });
    const graph = createAgent({
      model: new ScriptedModel([ai([callOf("flaky", "c1")]), new AIMessage("done")]),
      tools: [flaky],
      version,
      middleware: [again, hitlMiddleware({ backend })],
      checkpointer: new MemorySaver(),
    });
    const events = await written(graph, start, "t");
    expect(statusesOf(events)).toEqual([
      "flaky pending",
      "flaky running",
      "flaky failed",
      "flaky pending",
      "flaky running",
      "flaky waiting",
    ]);
    const call = (arrived: readonly BlockEvent[]) =>
      Object.values(blocksIn(fold(arrived))).find(({ kind }) => kind === "tool_use");
    expect(call(events)?.data["status"]).toBe("waiting");
    expect(call(events.toReversed())).toEqual(call(events));
    const { hitl_id } = await openQuestion(backend, "t", "now?");
    const onBlock = (event: BlockEvent) => void events.push(event);
    await respondAndResume(graph as never, { backend, hitl_id, response: { confirmed: true }, onBlock });
    expect(call(events)?.data["status"]).toBe("success");
  },
);
