/** Interrupt nodes as `node` blocks: those of the run itself and those of the `tasks` mode are one block. */
import {
  Annotation,
  type BaseCheckpointSaver,
  MemorySaver,
  type RetryPolicy,
  START,
  StateGraph,
} from "@langchain/langgraph";
import fc from "fast-check";
import {
  approvalNode,
  askUserNode,
  confirmNode,
  formNode,
  type HITLBackend,
  InMemoryHITLBackend,
  permissionNode,
  respondAndResume,
} from "holdpoint";
import { type BlockEvent, blockEvents } from "holdpoint/blocks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fold } from "../blocks/kit.ts";
import { pending } from "../nodes/kit.ts";
import { sharedStore, type SharedStore } from "../support/shared-stores.ts";
import { blocksIn, type StreamedGraph, statusesOf, written } from "./blocks-kit.ts";

const State = Annotation.Root({ text: Annotation<string>, done: Annotation<string> });
const done = { update: { done: "yes" } } as const;
const message = ({ text }: { text: string }): string => `${text}?`;

const NODES = {
  approvalNode: (backend: HITLBackend) =>
    [
      approvalNode(State, { message, backend }, { approved: done, rejected: done }),
      { decision: "approve" },
    ] as const,
  confirmNode: (backend: HITLBackend) =>
    [
      confirmNode(State, { message, backend }, { confirmed: done, declined: done }),
      { confirmed: true },
    ] as const,
  askUserNode: (backend: HITLBackend) =>
    [askUserNode(State, { message, backend }, { answered: done }), { answer: "so" }] as const,
  permissionNode: (backend: HITLBackend) =>
    [
      permissionNode(State, { message, tool: "rm", args: {}, backend }, { approve_once: done, reject: done }),
      { decision: "approve_once" },
    ] as const,
  formNode: (backend: HITLBackend) =>
    [
      formNode(State, { message, schema: { type: "object" } as const, backend }, { submitted: done }),
      {},
    ] as const,
} as const;

// biome-ignore lint/suspicious/noExplicitAny: a node of any kind.
type AnyNode = any;

function graphOf(
  node: AnyNode,
  checkpointer: BaseCheckpointSaver = new MemorySaver(),
  retryPolicy?: RetryPolicy,
): StreamedGraph {
  return new StateGraph(State)
    .addNode("ask", node, { ends: node.ends, ...(retryPolicy ? { retryPolicy } : {}) })
    .addEdge(START, "ask")
    .compile({ checkpointer });
}

interface Both {
  /** In the order in which they came. */
  readonly arrived: BlockEvent[];
  readonly own: BlockEvent[];
  readonly tasks: BlockEvent[];
}

/** Both streams of one run. */
async function both(graph: StreamedGraph, input: unknown, round?: number): Promise<Both> {
  const arrived: BlockEvent[] = [];
  const own = new Set<unknown>();
  const streamMode = ["custom", "tasks"];
  const stream = await graph.stream(input, {
    configurable: { thread_id: "t" },
    durability: "sync",
    streamMode,
  });
  async function* marked(): AsyncGenerator<unknown> {
    for await (const chunk of stream as AsyncIterable<[string, { event_id?: string; seq?: number }]>) {
      if (chunk[0] === "custom") own.add(chunk[1].seq === undefined ? null : chunk[1]);
      yield chunk;
    }
  }
  const customs: BlockEvent[] = [];
  let seen = 0;
  const options = { session_id: "t", invocation_id: "t", round };
  const push = async (): Promise<void> => {
    for await (const event of blockEvents(marked(), options)) {
      arrived.push(event);
      if (own.size > seen) customs.push(event);
      seen = own.size;
    }
  };
  // A node that fails ends the stream; what it told before is what counts here.
  await push().catch((error: unknown) => expect(String(error)).toContain("no text"));
  const nodes = (events: readonly BlockEvent[]) => events.filter(({ kind }) => kind === "node");
  return {
    arrived: nodes(arrived),
    own: nodes(customs),
    tasks: nodes(arrived.filter((event) => !customs.includes(event))),
  };
}

/** The block, its place in the order left out: the streams count rounds apart. */
const nodeIn = (events: readonly BlockEvent[]) =>
  Object.values(blocksIn(fold(events))).map(({ seq: _seq, ...block }) => block);

describe.each(Object.entries(NODES))("the block of %s", (_name, make) => {
  it("P10 is suspended while a human is asked, holds the question, and is completed", async () => {
    const backend = new InMemoryHITLBackend();
    const [node, response] = make(backend);
    const graph = graphOf(node);
    const events = await written(graph, { text: "go" }, "t");
    expect(statusesOf(events)).toEqual(["ask running", "ask suspended"]);
    const [question] = await pending(backend, "t");
    const onBlock = (event: BlockEvent) => void events.push(event);
    await respondAndResume(graph as never, {
      backend,
      hitl_id: question?.hitl_id ?? "",
      response,
      onBlock,
    });
    expect(statusesOf(events)).toEqual(["ask running", "ask suspended", "ask running", "ask completed"]);
    const [shown, asked] = Object.values(blocksIn(fold(events)));
    expect(shown).toMatchObject({
      kind: "node",
      parent_id: null,
      data: { node_id: "ask", status: "completed" },
    });
    expect(asked).toMatchObject({ kind: "hitl", parent_id: shown?.block_id, data: { status: "completed" } });
    expect(events.filter(({ kind }) => kind === "hitl").every((e) => e.parent_id === shown?.block_id)).toBe(
      true,
    );
  });
});

describe("the run's own events and those of the tasks mode", () => {
  let store: SharedStore;
  beforeAll(async () => {
    store = await sharedStore("sqlite");
  });
  afterAll(() => store.stop());

  it("B6 are equal in a first run", async () => {
    const [node] = NODES.approvalNode(new InMemoryHITLBackend());
    const { own, tasks } = await both(graphOf(node), { text: "go" });
    expect(own).toHaveLength(2);
    expect(own).toEqual(tasks);
  });

  it.each([undefined, 1, 7, 2000])(
    "fold to one block in every interleaving, in two processes, if the reader says round %s",
    async (round) => {
      const [first, second] = store.pair();
      const checkpointer = new MemorySaver();
      const graphs = [first, second].map((backend) => graphOf(NODES.confirmNode(backend)[0], checkpointer));
      const runs = [await both(graphs[0] as StreamedGraph, { text: "go" })];
      // Woken for nothing, by a process that asked nobody.
      runs.push(await both(graphs[1] as StreamedGraph, null, round));
      const [question] = await pending(second, "t");
      await second.respond(question?.hitl_id ?? "", { confirmed: true });
      runs.push(await both(graphs[1] as StreamedGraph, null, round && round + 1));
      const told = runs.flatMap(({ arrived }) => arrived);
      expect(nodeIn(told)).toMatchObject([{ kind: "node", data: { node_id: "ask", status: "completed" } }]);
      const own = runs.flatMap((run) => run.own);
      const tasks = runs.flatMap((run) => run.tasks);
      expect(own.length).toBeGreaterThan(3);
      expect(tasks.length).toBeGreaterThan(3);
      for (const alone of [own, tasks, [...own, ...tasks], [...tasks, ...own]])
        expect(nodeIn(alone)).toEqual(nodeIn(told));
      fc.assert(
        fc.property(fc.shuffledSubarray(told, { minLength: told.length }), (arrived) => {
          expect(nodeIn(arrived)).toEqual(nodeIn(told));
        }),
        { numRuns: 200 },
      );
      // No flicker: what is shown never goes back to what it was before, within a run.
      let state = fold([]);
      for (const { arrived } of runs) {
        const shown: unknown[] = [];
        for (const event of arrived) {
          state = fold([event], state);
          const status = blocksIn(state)[event.block_id]?.data["status"];
          if (shown.at(-1) !== status) shown.push(status);
        }
        expect(new Set(shown).size).toBe(shown.length);
      }
    },
  );

  it("comes to its end by the custom mode alone, whatever round a reader of both has said before", async () => {
    const backend = new InMemoryHITLBackend();
    const [node, response] = NODES.approvalNode(backend);
    const graph = graphOf(node);
    const events = (await both(graph, { text: "go" }, 3)).arrived;
    const [question] = await pending(backend, "t");
    const onBlock = (event: BlockEvent) => void events.push(event);
    await respondAndResume(graph as never, { backend, hitl_id: question?.hitl_id ?? "", response, onBlock });
    expect(nodeIn(events).map(({ data }) => data["status"])).toEqual(["completed", "completed"]);
  });

  it("a node that failed says why, though the tasks mode may not report it", async () => {
    const node = confirmNode(
      State,
      {
        message: () => {
          throw new Error("no text");
        },
        backend: new InMemoryHITLBackend(),
      },
      { confirmed: done, declined: done },
    );
    const { own, tasks } = await both(graphOf(node), { text: "go" });
    expect(nodeIn(own)).toMatchObject([{ data: { status: "failed", error: "no text" } }]);
    for (const told of [[...own, ...tasks], [...tasks, ...own], [...own, ...tasks].toReversed()])
      expect(nodeIn(told)).toEqual(nodeIn(own));
  });

  it("a node that fails, and asks when it is tried again, waits for its human", async () => {
    const backend = new InMemoryHITLBackend();
    let tries = 0;
    const ask = (): string => {
      tries += 1;
      if (tries < 3) throw new Error("not yet");
      return "now?";
    };
    const node = confirmNode(State, { message: ask, backend }, { confirmed: done, declined: done });
    const policy = { maxAttempts: 3, initialInterval: 1, jitter: false, logWarning: false };
    const graph = graphOf(node, new MemorySaver(), policy);
    const { arrived } = await both(graph, { text: "go" });
    expect(tries).toBe(3);
    expect(nodeIn(arrived)).toMatchObject([{ data: { status: "suspended" } }]);
    expect(nodeIn(arrived.toReversed())).toEqual(nodeIn(arrived));
  });

  it("are told apart where two nodes of one graph ask, and where a graph is in a graph", async () => {
    const backend = new InMemoryHITLBackend();
    const [one] = NODES.confirmNode(backend);
    const inner = new StateGraph(State)
      .addNode("deep", one as AnyNode, { ends: one.ends as never })
      .addEdge(START, "deep")
      .compile();
    const graph = new StateGraph(State)
      .addNode("child", inner)
      .addNode("ask", one as AnyNode, { ends: one.ends as never })
      .addEdge(START, "child")
      .addEdge(START, "ask")
      .compile({ checkpointer: new MemorySaver() }) as unknown as StreamedGraph;
    const config = { configurable: { thread_id: "t" }, streamMode: ["custom", "tasks"], subgraphs: true };
    const events: BlockEvent[] = [];
    const stream = await graph.stream({ text: "go" }, { ...config, durability: "sync" });
    for await (const event of blockEvents(stream, { session_id: "t", invocation_id: "t" }))
      events.push(event);
    const blocks = Object.values(blocksIn(fold(events)));
    const nodes = blocks.filter(({ kind }) => kind === "node");
    expect(nodes.map(({ data, branch }) => [data["node_id"], data["status"], branch]).toSorted()).toEqual([
      ["ask", "suspended", null],
      ["child", "suspended", null],
      ["deep", "suspended", "child"],
    ]);
    const parents = blocks.filter(({ kind }) => kind === "hitl").map(({ parent_id }) => parent_id);
    const asking = nodes.filter(({ data }) => data["node_id"] !== "child").map(({ block_id }) => block_id);
    expect(parents.toSorted()).toEqual(asking.toSorted());
  });
});

it("P6 a listener that throws does not keep a node from asking, nor from going on", async () => {
  const backend = new InMemoryHITLBackend();
  const [node, response] = NODES.askUserNode(backend);
  const graph = graphOf(node);
  const writer = (): never => {
    throw new Error("the browser is gone");
  };
  await graph.invoke({ text: "go" }, { configurable: { thread_id: "t" }, durability: "sync", writer });
  const [question] = await pending(backend, "t");
  const { resume } = await respondAndResume(graph as never, {
    backend,
    hitl_id: question?.hitl_id ?? "",
    response,
    onBlock: writer,
  });
  expect(resume).toMatchObject({ status: "resumed", result: { done: "yes" } });
});
