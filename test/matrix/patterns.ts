/** What may happen to a graph that asks, written once for all hosts. */
import { HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  Send,
  START,
  StateGraph,
} from "@langchain/langgraph";
import type { HITLRecord } from "holdpoint";
import { expect } from "vitest";
import { type Build, Run, type Setting } from "./drive.ts";
import type { Host, HostGraph, PatternName } from "./hosts.ts";
import { type Call, opensAtFirst, type Program } from "./world.ts";

export interface Pattern {
  readonly name: PatternName;
  play(host: Host, setting: Setting): Promise<void>;
}

const alone: Build = (host, world, program, options) => host.build(world, program, options);

const asks = (id: string): Call => ({ do: "asks", id });

/** Calls that exist only as tools: nobody continues a plain node, and its error is the run's. */
const ONLY_TOOLS: readonly Call["do"][] = ["continues", "responds", "throws"];

/**
 * In a nested graph LangGraph 1.4 forgets what a finished task did as soon as another one waits: there, only a tool does
 * things once beside others.
 */
function fitting(host: Host, program: Program, build: Build): Program {
  if (host.kind === "tools") return program;
  return program.map((full) => {
    const calls = full.filter((call) => !ONLY_TOOLS.includes(call.do));
    if (build === alone) return calls.map((call) => nestedFitting(host, call));
    const asking = calls.filter((call) => call.do !== "plain").map(({ id }) => asks(id));
    return build === fanOut ? asking : asking.slice(0, 1);
  });
}

function nestedFitting(host: Host, call: Call): Call {
  return call.do === "nested" ? { ...call, program: fitting(host, call.program, asNode) } : call;
}

/** Everything that the first step asks is visible at once (P10); then all of it is answered. */
function straight(name: PatternName, full: Program, build: Build = alone): Pattern {
  return {
    name,
    async play(host, setting) {
      const program = fitting(host, full, build);
      const run = new Run(host, program, setting, build);
      await run.start();
      const first = build === fanOut ? program.flat() : (program[0] ?? []);
      await run.expectOpen(opensAtFirst(first));
      await run.answerAll();
      await run.expectDone();
      await run.expectValidMessages();
    },
  };
}

/** The host's graph as a node of another one. */
export const asNode: Build = (host, world, program, options) => {
  const inner = host.build(world, program, {});
  const { node = (_: object, config: LangGraphRunnableConfig) => inner.graph.invoke(inner.input, config) } =
    inner;
  const state = host.kind === "tools" ? MessagesAnnotation : OutsState;
  const graph = new StateGraph(state as typeof MessagesAnnotation)
    .addNode("inner", node as never)
    .addEdge(START, "inner")
    .compile(options.checkpointer ? { checkpointer: options.checkpointer } : {});
  return { graph: graph as unknown as HostGraph, input: inner.input, outputs: inner.outputs };
};

type Outputs = Record<string, string>;
const OutsState = Annotation.Root({
  id: Annotation<string>(),
  outs: Annotation<Outputs>({ reducer: (some, more) => ({ ...some, ...more }), default: () => ({}) }),
});

/** One of the host's graphs for each call, all side by side. */
const fanOut: Build = (host, world, program, options) => {
  world.know(program);
  const graph = new StateGraph(OutsState)
    .addNode("worker", async ({ id }, config: LangGraphRunnableConfig) => {
      const { graph: inner, input, outputs } = host.build(world, [[world.call(id)]], {});
      return { outs: outputs(await inner.invoke(input, config)) };
    })
    .addConditionalEdges(START, () => program.flat().map(({ id }) => new Send("worker", { id })), ["worker"])
    .compile(options.checkpointer ? { checkpointer: options.checkpointer } : {});
  const outputs = (values: unknown): Outputs => (values as { outs?: Outputs } | undefined)?.outs ?? {};
  return { graph: graph as unknown as HostGraph, input: {}, outputs };
};

/** The config of the checkpoint at which the thread waited for its first question. */
async function waitedAt(run: Run): Promise<{ configurable: Record<string, unknown> }> {
  let found: object | undefined;
  for await (const { config, next } of run.graph.getStateHistory({ configurable: run.config.configurable }))
    if (next.some((name) => ["tools", "work", "program"].includes(name))) found = config;
  if (!found) throw new Error("the thread never waited");
  return found as never;
}

const fork: Pattern = {
  name: "fork",
  async play(host, setting) {
    const program = [[asks("a")]];
    const run = new Run(host, program, setting, alone);
    await run.start();
    const old = (await run.open()).get("a?")?.hitl_id;
    await run.answerAll();
    await run.expectDone();
    const at = await waitedAt(run);
    run.alsoDid.push("a: re a?");
    run.world.mind.set("a?", "another");
    // An old approval does not answer what the fork asks (P2).
    await run.graph.invoke(null, {
      ...run.config,
      configurable: { ...run.config.configurable, ...at.configurable },
    });
    await run.expectOpen(["a?"]);
    expect((await run.open()).get("a?")?.hitl_id).not.toBe(old);
    expect(run.world.effects.all()).toEqual({ "a: re a?": 1 });
    await run.answerAll();
    await run.expectDone();
    await run.expectValidMessages();
  },
};

const newInput: Pattern = {
  name: "new input",
  async play(host, setting) {
    // An agent goes on with its next turn; what has no messages begins again.
    const program = host.kind === "tools" ? [[asks("a")], [asks("b")]] : [[asks("a")]];
    const again = host.kind === "tools" ? "b?" : "a?";
    const run = new Run(host, program, setting, alone);
    await run.start();
    const old = (await run.open()).get("a?");
    const input = host.kind === "tools" ? { messages: [new HumanMessage("never mind")] } : {};
    await run.graph.invoke(input, run.config);
    await run.expectOpen([again]);
    expect(await run.backend.get(old?.hitl_id as string)).toMatchObject({
      status: "cancelled",
      reason: "superseded",
    });
    // An answer to what was given up goes nowhere.
    expect(await run.respond(old as never, "too late")).toMatchObject({ status: "cancelled", resume: null });
    await run.answerAll();
    await run.expectDone(host.kind === "tools" ? [[asks("b")]] : program);
    if (!host.leavesCallUnanswered) await run.expectValidMessages();
  },
};

const hostRetry: Pattern = {
  name: "host retry",
  async play(host, setting) {
    const program: Program = [
      [{ do: "plain", id: "p" }, asks("a"), { do: "flaky", id: "f" }, { do: "late", id: "l" }],
    ];
    const run = new Run(host, program, setting, alone, { retry: true });
    await run.start();
    await run.expectOpen(["a?", "l?"]);
    expect(run.world.attempts.all()).toEqual({ f: 3 });
    await run.answerAll();
    await run.expectDone();
    await run.expectValidMessages();
    expect(run.world.attempts.all()).toEqual({ f: 3, l: 3 });
    const { items } = await run.backend.list({ thread_id: run.config.configurable.thread_id });
    expect(items).toHaveLength(2);
  },
};

const abort: Pattern = {
  name: "abort",
  async play(host, setting) {
    const program: Program = [[{ do: "plain", id: "p" }, { do: "held", id: "h" }, asks("a")]];
    const leaseMs = 250;
    const run = new Run(host, program, setting, alone, { leaseMs });
    await run.start();
    await run.expectOpen(["a?", "h?"]);
    const open = await run.open();
    const controller = new AbortController();
    const config = { signal: controller.signal };
    const aborted = run.respond(open.get("h?") as HITLRecord, run.world.says("h?"), config, leaseMs);
    const outcome = expect(aborted).rejects.toThrow();
    await run.world.held.reached.opened;
    controller.abort();
    await outcome;
    run.world.held.letGo.open();
    // The answer is not lost, and the other question is still open.
    await run.expectOpen(["a?"]);
    expect(await run.backend.get(open.get("h?")?.hitl_id as string)).toMatchObject({
      status: "completed",
    });
    await run.respond(open.get("a?") as HITLRecord, run.world.says("a?"));
    if (host.kind === "tools") await run.settleDoubt(run.world.says("h?"));
    await run.expectDone();
    await run.expectValidMessages();
  },
};

const nestedProgram: Program = [[{ do: "plain", id: "np" }, asks("na"), { do: "twice", id: "nt" }]];

export const patterns: readonly Pattern[] = [
  straight("one ask", [[asks("a")]]),
  straight("two asks in sequence", [[{ do: "twice", id: "t" }]]),
  straight("parallel calls", [
    [
      { do: "plain", id: "p" },
      asks("a"),
      { do: "continues", id: "c" },
      { do: "throws", id: "x" },
      { do: "responds", id: "r" },
      { do: "twice", id: "t" },
    ],
  ]),
  straight("graph in a call", [[{ do: "nested", id: "n", program: nestedProgram }, asks("a")]]),
  straight(
    "subgraph as node",
    [[{ do: "plain", id: "p" }, asks("a"), { do: "twice", id: "t" }], [asks("b")]],
    asNode,
  ),
  straight(
    "Send fan-out",
    [[asks("a"), { do: "plain", id: "p" }, { do: "twice", id: "t" }, { do: "continues", id: "c" }]],
    fanOut,
  ),
  straight("loop", [[asks("a")], [{ do: "plain", id: "p" }, asks("b")], [{ do: "twice", id: "t" }]]),
  fork,
  newInput,
  hostRetry,
  abort,
];
