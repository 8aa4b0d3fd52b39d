/** Hosts without tools: what asks is a plain node, or a task of the functional API. */
import {
  Annotation,
  entrypoint,
  getConfig,
  type LangGraphRunnableConfig,
  Send,
  START,
  StateGraph,
  task,
} from "@langchain/langgraph";
import { type Host, type HostGraph, RETRY } from "./hosts.ts";
import { type Call, type Once, perform, type Program, type World } from "./world.ts";

type Outputs = Record<string, string>;

const merged = {
  reducer: (some: Outputs, more: Outputs): Outputs => ({ ...some, ...more }),
  default: () => ({}),
};

/** LangGraph keeps what a task gave; its name has to be the call's own. */
const once: Once = async (name, run) => task({ name }, async () => run())();

const outputsOf = (values: unknown): Outputs => (values as { outs?: Outputs } | undefined)?.outs ?? {};

function doing(host: () => Host, world: World, call: Call, config: LangGraphRunnableConfig): Promise<string> {
  const nested = async (program: Program): Promise<Outputs> => {
    const { graph, input, outputs } = host().build(world, program, {});
    return outputs(await graph.invoke(input, config));
  };
  return perform(world, call, { once, nested }, config.signal);
}

const State = Annotation.Root({
  turn: Annotation<number>({ reducer: (_, turn) => turn, default: () => 0 }),
  id: Annotation<string>(),
  outs: Annotation<Outputs>(merged),
});

const plainNode: Host = {
  name: "StateGraph, a plain node",
  kind: "code",
  build(world, program, { checkpointer, retry }) {
    world.know(program);
    const send = ({ turn }: typeof State.State): Send[] | "__end__" =>
      turn < program.length ? (program[turn] ?? []).map(({ id }) => new Send("work", { id })) : "__end__";
    const graph = new StateGraph(State)
      .addNode("start", () => ({ turn: 0 }))
      .addNode(
        "work",
        async ({ id }, config: LangGraphRunnableConfig) => ({
          outs: { [id]: await doing(() => plainNode, world, world.call(id), config) },
        }),
        retry ? { retryPolicy: RETRY } : {},
      )
      .addNode("next", ({ turn }) => ({ turn: turn + 1 }))
      .addEdge(START, "start")
      .addConditionalEdges("start", send, ["work", "__end__"])
      .addEdge("work", "next")
      .addConditionalEdges("next", send, ["work", "__end__"])
      .compile(checkpointer ? { checkpointer } : {});
    return { graph: graph as unknown as HostGraph, input: {}, outputs: outputsOf, node: graph };
  },
};

const functional: Host = {
  name: "entrypoint, task",
  kind: "code",
  cannot: { "subgraph as node": "LangGraph 1.4 runs the finished tasks of a nested entrypoint again" },
  build(world, program, { checkpointer, retry }) {
    world.know(program);
    const work = async (call: Call): Promise<string> =>
      task({ name: `call ${call.id}`, ...(retry ? { retry: RETRY } : {}) }, async () =>
        doing(() => functional, world, call, getConfig()),
      )();
    const graph = entrypoint(
      { name: "program", ...(checkpointer ? { checkpointer } : {}) },
      async (_input: object) => {
        const outs: Outputs = {};
        for (const calls of program)
          await Promise.all(calls.map(async (call) => (outs[call.id] = await work(call))));
        return { outs };
      },
    );
    return { graph: graph as unknown as HostGraph, input: {}, outputs: outputsOf };
  },
};

export const codeHosts: readonly Host[] = [plainNode, functional];
