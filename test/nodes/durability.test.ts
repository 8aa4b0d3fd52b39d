/** A question can always be resumed: durability, slow savers, other processes, cachePolicy (DESIGN §7). */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Checkpoint, CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import { InMemoryCache } from "@langchain/langgraph-checkpoint";
import type { RunnableConfig } from "@langchain/core/runnables";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, describe, expect, it } from "vitest";
import {
  configureHoldpoint,
  confirm,
  type HITLBackend,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  respondAndResume,
  resumeThread,
  step,
} from "../../src/index.ts";
import { SqliteHITLBackend } from "../../src/backends/sqlite/index.ts";
import {
  answer,
  Counter,
  type Gate,
  gate,
  input,
  openAsk,
  outputs,
  pending,
  thread,
  toolOf,
  toolsGraph,
  turns,
} from "./kit.ts";

const yes = { confirmed: true };
const undo: (() => void)[] = [];
afterEach(() => {
  for (const one of undo.splice(0)) one();
});

function payTool(counter: Counter) {
  return toolOf("pay", async () => {
    await step("quote", () => counter.hit("quote"));
    const { confirmed } = await confirm({ message: "Pay?" });
    counter.hit("paid");
    return `paid ${confirmed}`;
  });
}

/** Its puts wait until the test lets them through. */
class SlowSaver extends MemorySaver {
  readonly hold: Gate = gate();
  override async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
  ): Promise<RunnableConfig> {
    await this.hold.opened;
    return super.put(config, checkpoint, metadata);
  }
}

describe("durability", () => {
  it.each(["sync", "async"] as const)("%s: asks and goes on", async (durability) => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode([payTool(new Counter())], { backend }));
    await graph.invoke(input({ name: "pay", id: "p" }), { ...thread("t"), durability });
    await answer(graph, backend, "t", undefined, yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "paid true" });
  });

  it.each(["HITLToolNode", "holdpointTools"])(
    "exit is refused before anything is written: %s",
    async (kind) => {
      const backend = new InMemoryHITLBackend();
      const ask = toolOf("ask", async () => `${(await confirm({ message: "Go?" })).confirmed}`);
      const node =
        kind === "HITLToolNode"
          ? new HITLToolNode([ask], { backend })
          : new ToolNode(holdpointTools([ask], { backend }), { handleToolErrors: false });
      const running = toolsGraph(node).invoke(input({ name: "ask", id: "p" }), {
        ...thread("t"),
        durability: "exit",
      });
      await expect(running).rejects.toMatchObject({ code: "ERR_HITL_DURABILITY" });
      expect((await backend.list({})).items).toEqual([]);
    },
  );

  it("exit does no harm to tools that do not ask", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = toolsGraph(new HITLToolNode([toolOf("look", () => "looked")], { backend }));
    expect(
      outputs(await graph.invoke(input({ name: "look", id: "l" }), { ...thread("t"), durability: "exit" })),
    ).toEqual({ l: "looked" });
  });

  it("async with a slow saver: the record exists only after the checkpoint can be read back", async () => {
    const backend = new InMemoryHITLBackend();
    const counter = new Counter();
    const saver = new SlowSaver();
    const ask = toolOf("ask", async () => {
      counter.hit("body");
      return `${(await confirm({ message: "Go?" })).confirmed}`;
    });
    const graph = toolsGraph(new HITLToolNode([ask], { backend }), saver);
    const running = graph.invoke(input({ name: "ask", id: "p" }), { ...thread("t"), durability: "async" });
    await turns(50);
    expect(counter.of("body")).toBe(1);
    expect(await pending(backend, "t")).toEqual([]);
    saver.hold.open();
    await running;
    expect(await pending(backend, "t")).toHaveLength(1);
    await answer(graph, backend, "t", undefined, yes);
    expect(outputs((await graph.getState(thread("t"))).values)).toEqual({ p: "true" });
  });

  it("async with a slow saver in a plain node: the same", async () => {
    const backend = new InMemoryHITLBackend();
    undo.push(configureHoldpoint({ backend }));
    const saver = new SlowSaver();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("work", async () => (await confirm({ message: "Go?" }), {}))
      .addEdge(START, "work")
      .compile({ checkpointer: saver });
    const running = graph.invoke({ messages: [] }, { ...thread("t"), durability: "async" });
    await turns(50);
    expect(await pending(backend, "t")).toEqual([]);
    saver.hold.open();
    await running;
    expect(await pending(backend, "t")).toHaveLength(1);
  });
});

describe("another process", () => {
  it("SqliteSaver and SqliteHITLBackend: a second graph in place of the first goes on from the files (P6)", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdpoint-durability-"));
    undo.push(() => rmSync(folder, { recursive: true, force: true }));
    const counter = new Counter();
    const open = async (): Promise<{
      backend: HITLBackend;
      graph: ReturnType<typeof toolsGraph>;
      close: () => Promise<void>;
    }> => {
      const backend = new SqliteHITLBackend({ path: join(folder, "hitl.db") });
      const saver = SqliteSaver.fromConnString(join(folder, "graph.db"));
      const look = toolOf("look", () => `looked ${counter.hit("look")}`);
      const graph = toolsGraph(new HITLToolNode([payTool(counter), look], { backend }), saver);
      const close = async (): Promise<void> => {
        await backend.close();
        saver.db.close();
      };
      return { backend, graph, close };
    };
    const first = await open();
    await first.graph.invoke(input({ name: "pay", id: "p" }, { name: "look", id: "l" }), thread("t"));
    await first.close();
    const second = await open();
    const { hitl_id } = await openAsk(second.backend, "t");
    expect(
      await respondAndResume(second.graph, { backend: second.backend, hitl_id, response: yes }),
    ).toMatchObject({ status: "accepted", resume: { status: "resumed" } });
    await second.close();
    const third = await open();
    expect(outputs((await third.graph.getState(thread("t"))).values)).toEqual({
      p: "paid true",
      l: "looked 1",
    });
    expect((await resumeThread(third.graph, { thread_id: "t", backend: third.backend })).status).toBe(
      "nothing_to_resume",
    );
    await third.close();
    expect(counter.all()).toEqual({ quote: 1, paid: 1, look: 1 });
  });
});

describe("cachePolicy", () => {
  const ask = toolOf("ask", async () => `${(await confirm({ message: "Go?" })).confirmed}`);
  const kinds = {
    HITLToolNode: (backend: HITLBackend) => new HITLToolNode([ask], { backend }),
    holdpointTools: (backend: HITLBackend) => new ToolNode(holdpointTools([ask], { backend })),
  };

  it.each(["HITLToolNode", "holdpointTools"] as const)(
    "on a node that asks is refused before the answer is stored: %s",
    async (kind) => {
      const backend = new InMemoryHITLBackend();
      const graph = new StateGraph(MessagesAnnotation)
        .addNode("tools", kinds[kind](backend), { cachePolicy: { ttl: 60 } })
        .addEdge(START, "tools")
        .compile({ checkpointer: new MemorySaver(), cache: new InMemoryCache() });
      await graph.invoke(input({ name: "ask", id: "p" }), thread("t"));
      const { hitl_id } = await openAsk(backend, "t");
      await expect(respondAndResume(graph, { backend, hitl_id, response: yes })).rejects.toMatchObject({
        code: "ERR_HITL_CACHE_POLICY",
      });
      await expect(resumeThread(graph, { thread_id: "t", backend })).rejects.toMatchObject({
        code: "ERR_HITL_CACHE_POLICY",
      });
      expect(await pending(backend, "t")).toHaveLength(1);
    },
  );

  it("on another node it is nobody's business", async () => {
    const backend = new InMemoryHITLBackend();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("plain", () => ({}), { cachePolicy: { ttl: 60 } })
      .addNode("tools", kinds.HITLToolNode(backend))
      .addEdge(START, "plain")
      .addEdge("plain", "tools")
      .compile({ checkpointer: new MemorySaver(), cache: new InMemoryCache() });
    await graph.invoke(input({ name: "ask", id: "p" }), thread("t"));
    expect((await answer(graph, backend, "t", undefined, yes)).resume?.status).toBe("resumed");
  });
});

describe("cachePolicy on a plain node", () => {
  it("that asked is refused before the answer is stored: another thread would get it (P2)", async () => {
    const backend = new InMemoryHITLBackend();
    undo.push(configureHoldpoint({ backend }));
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("gate", async () => (await confirm({ message: "Go?" }), {}), { cachePolicy: { ttl: 60 } })
      .addEdge(START, "gate")
      .compile({ checkpointer: new MemorySaver(), cache: new InMemoryCache() });
    await graph.invoke({ messages: [] }, thread("t"));
    const { hitl_id } = await openAsk(backend, "t");
    const answered = respondAndResume(graph, { backend, hitl_id, response: yes });
    await expect(answered).rejects.toMatchObject({ code: "ERR_HITL_CACHE_POLICY" });
    expect(await pending(backend, "t")).toHaveLength(1);
  });
});
