/** `reportProgress`: what a running tool says of its progress, on the block of its own call. */
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
import { type BlockEvent, listBlocks } from "holdpoint/blocks";
import { createAgent } from "langchain";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { fold } from "../blocks/kit.ts";
import { callOf, openQuestion, start } from "../support/agent.ts";
import { gate } from "../support/poll.ts";
import { sharedStore } from "../support/shared-stores.ts";
import { blocksIn, type StreamedGraph, written } from "./blocks-kit.ts";
import { ai, ScriptedModel } from "./kit.ts";

const schema = z.object({ n: z.string() });
const toolOf = (body: (n: string) => Promise<string> | string) =>
  tool(async ({ n }) => body(n), { name: "work", description: "Works.", schema });
type Work = ReturnType<typeof toolOf>;

const ids = ["c1", "c2"] as const;
const calls = ids.map((id) => callOf("work", id));

function toolsOnly(node: ToolNode | HITLToolNode, checkpointer = new MemorySaver()): StreamedGraph {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", () => ({ messages: [new AIMessage({ content: "", tool_calls: calls, id: "m" })] }))
    .addNode("tools", node)
    .addEdge(START, "model")
    .addEdge("model", "tools")
    .compile({ checkpointer });
}

function agent(version: "v1" | "v2", tools: Work[], backend: HITLBackend): StreamedGraph {
  const model = new ScriptedModel([ai(calls), new AIMessage("done")]);
  const checkpointer = new MemorySaver();
  return createAgent({ model, tools, version, middleware: [hitlMiddleware({ backend })], checkpointer });
}

const HOSTS: readonly (readonly [string, (tools: Work[], backend: HITLBackend) => StreamedGraph])[] = [
  ["HITLToolNode", (tools, backend) => toolsOnly(new HITLToolNode(tools, { backend }))],
  ["holdpointTools", (tools, backend) => toolsOnly(new ToolNode(holdpointTools(tools, { backend })))],
  ["hitlMiddleware v1", (tools, backend) => agent("v1", tools, backend)],
  ["hitlMiddleware v2", (tools, backend) => agent("v2", tools, backend)],
];

const reports = (events: readonly BlockEvent[]) =>
  events.filter(({ kind, op }) => kind === "tool_use" && op === "patch");

/** What the block of a call has shown, one after the other, as its events came. */
function shownOf(events: readonly BlockEvent[], call_id: string): unknown[] {
  const shown: unknown[] = [];
  events.reduce((state, event) => {
    const next = fold([event], state);
    const block = blocksIn(next)[event.block_id];
    if (block?.data["call_id"] === call_id && block !== blocksIn(state)[event.block_id])
      shown.push(block.data["progress"] ?? block.data["status"]);
    return next;
  }, fold([]));
  return shown;
}

describe.each(HOSTS)("progress of a tool of %s", (_name, graphOf) => {
  it("shows on the block of its own call, also of two that run side by side", async () => {
    const both = { c1: gate(), c2: gate() } as const;
    const work = toolOf(async (n) => {
      reportProgress({ done: 0, total: 2, of: n });
      both[n as "c1"].open();
      await both[n === "c1" ? "c2" : "c1"].passed;
      reportProgress(`half of ${n}`);
      await step("in a step", () => reportProgress(1));
      return n;
    });
    const events = await written(graphOf([work], new InMemoryHITLBackend()), start, "t");
    for (const id of ids)
      expect(shownOf(events, id)).toEqual([
        "pending",
        "running",
        { done: 0, total: 2, of: id },
        `half of ${id}`,
        1,
        "success",
      ]);
    expect(reports(events)).toHaveLength(6);
    expect(reports(events).every(({ persistence }) => persistence === "transient")).toBe(true);
    const final = blocksIn(fold(events));
    expect(blocksIn(fold([...events.toReversed(), ...events]))).toEqual(final);
    const kept = events.filter(({ persistence }) => persistence === "persistent");
    expect(blocksIn(fold(kept))).toEqual(final);
    expect(listBlocks(fold(events)).every(({ gaps }) => gaps === 0)).toBe(true);
  });

  it("P6 is numbered anew in the round after an answer, and what is emitted again is equal", async () => {
    const backend = new InMemoryHITLBackend();
    const work = toolOf(async (n) => {
      reportProgress(0.1);
      const { confirmed } = await confirm({ message: `${n}?` });
      reportProgress(0.9);
      return String(confirmed);
    });
    const graph = graphOf([work], backend);
    const events = await written(graph, start, "t");
    for (const id of ids) {
      const { hitl_id } = await openQuestion(backend, "t", `${id}?`);
      const onBlock = (event: BlockEvent) => void events.push(event);
      await respondAndResume(graph as never, { backend, hitl_id, response: { confirmed: true }, onBlock });
    }
    for (const id of ids) {
      const shown = shownOf(events, id);
      expect(shown).toEqual(["pending", "running", 0.1, "waiting", "running", 0.1, 0.9, "success"]);
    }
    const named = new Map<string, unknown>();
    for (const { event_id, seq, data } of reports(events)) {
      expect(named.get(event_id) ?? [seq, data]).toEqual([seq, data]);
      named.set(event_id, [seq, data]);
    }
    expect(named.size).toBe(6);
  });
});

it("goes on in another process, with higher numbers than the first one's", async () => {
  const store = await sharedStore("sqlite");
  try {
    const pair = store.pair();
    const checkpointer = new MemorySaver();
    const work = toolOf(async (n) => {
      reportProgress("begun");
      await confirm({ message: `${n}?` });
      reportProgress("ending");
      return n;
    });
    const graphs = pair.map((backend) => toolsOnly(new HITLToolNode([work], { backend }), checkpointer));
    const events = await written(graphs[0] as StreamedGraph, start, "t");
    for (const [index, id] of ids.entries()) {
      const backend = pair[index] as HITLBackend;
      const { hitl_id } = await openQuestion(backend, "t", `${id}?`);
      await respondAndResume(graphs[1 - index] as never, {
        backend: pair[1 - index] as HITLBackend,
        hitl_id,
        response: { confirmed: true },
        onBlock: (event) => void events.push(event),
      });
    }
    for (const id of ids)
      expect(shownOf(events, id)).toEqual([
        "pending",
        "running",
        "begun",
        "waiting",
        "running",
        "begun",
        "ending",
        "success",
      ]);
  } finally {
    await store.stop();
  }
});

describe("reportProgress", () => {
  it("does nothing in a tool that runs by itself, and in a stock ToolNode", async () => {
    const work = toolOf((n) => {
      reportProgress({ done: 1 });
      return n;
    });
    expect(await work.invoke({ n: "alone" })).toBe("alone");
    const events = await written(toolsOnly(new ToolNode([work])), start, "t");
    expect(events).toEqual([]);
  });

  it.each([
    ["a function", () => 1, "ERR_HITL_NOT_JSON"],
    ["nothing", undefined, "ERR_HITL_NOT_JSON"],
    ["NaN", Number.NaN, "ERR_HITL_NOT_JSON"],
    ["a lone surrogate", "\ud800", "ERR_HITL_NOT_JSON"],
    ["a key of the prototype", JSON.parse('{"__proto__": 1}'), "ERR_HITL_NOT_JSON"],
    ["a long text", "x".repeat(17_000), "ERR_HITL_TOO_LARGE"],
    ["a deep list", JSON.parse("[".repeat(20) + "]".repeat(20)), "ERR_HITL_TOO_DEEP"],
  ])("refuses %s, also where nobody listens", async (_what, progress, code) => {
    const refused = (): void => reportProgress(progress as never);
    expect(refused).toThrow(expect.objectContaining({ code }));
    const work = toolOf(() => {
      expect(refused).toThrow(expect.objectContaining({ code }));
      return "went on";
    });
    const events = await written(
      toolsOnly(new HITLToolNode([work], { backend: new InMemoryHITLBackend() })),
      start,
      "t",
    );
    expect(reports(events)).toEqual([]);
    expect(listBlocks(fold(events)).map(({ data }) => data["status"])).toEqual(["success", "success"]);
  });

  it("P6 a listener that throws fails no tool; a call that has ended reports nothing more", async () => {
    let effects = 0;
    let late = (): void => {};
    const work = toolOf(() => {
      for (let done = 0; done < 5; done += 1) reportProgress({ done });
      late = () => reportProgress("late");
      return String((effects += 1));
    });
    const told: string[] = [];
    const graph = toolsOnly(new HITLToolNode([work], { backend: new InMemoryHITLBackend() }));
    const writer = (event: BlockEvent): never => {
      told.push(event.op);
      throw new Error("the browser is gone");
    };
    const { messages } = (await graph.invoke(start, { configurable: { thread_id: "t" }, writer })) as {
      messages: { text: string }[];
    };
    expect(messages.slice(-2).map(({ text }) => text)).toEqual(["1", "2"]);
    expect(told.filter((op) => op === "patch")).toHaveLength(10);
    late();
    expect(told.filter((op) => op === "patch")).toHaveLength(10);
  });

  it("shows nothing of a call whose arguments no block can hold", async () => {
    const work = toolOf((n) => {
      reportProgress(0.5);
      return n.slice(0, 1);
    });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("tools", new HITLToolNode([work], { backend: new InMemoryHITLBackend() }))
      .addEdge(START, "tools")
      .compile({ checkpointer: new MemorySaver() });
    const messages = [ai([{ ...callOf("work", "c1"), args: { n: "x".repeat(400_000) } }])];
    expect(await written(graph, { messages }, "t")).toEqual([]);
  });
});
