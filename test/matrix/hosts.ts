/** The ways in which people build graphs and agents with tools, each behind one small interface. */
import { AIMessage, type BaseMessage, type ToolMessage } from "@langchain/core/messages";
import {
  type BaseCheckpointSaver,
  END,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createReactAgent, ToolNode } from "@langchain/langgraph/prebuilt";
import { createDeepAgent } from "deepagents";
import { type HITLBackend, HITLToolNode, holdpointTools, type ResumableGraph } from "holdpoint";
import { createAgent, toolErrorMiddleware, toolRetryMiddleware } from "langchain";
import { hitlMiddleware } from "../../src/nodes/middleware/hitl-middleware.ts";
import { ai, ScriptedModel } from "../nodes/kit.ts";
import { type Program, type RunNested, start, toolsOf, type World } from "./world.ts";

export const PATTERNS = [
  "one ask",
  "two asks in sequence",
  "parallel calls",
  "graph in a call",
  "subgraph as node",
  "Send fan-out",
  "loop",
  "fork",
  "new input",
  "host retry",
  "abort",
] as const;
export type PatternName = (typeof PATTERNS)[number];

export interface HostGraph extends ResumableGraph {
  getState(config: { configurable: { thread_id: string } }): Promise<{
    readonly values: unknown;
    readonly next: readonly string[];
    readonly tasks: readonly { readonly interrupts: readonly { readonly value?: unknown }[] }[];
  }>;
  getStateHistory(config: object): AsyncIterable<{
    readonly config: object;
    readonly next: readonly string[];
    readonly tasks: readonly { readonly interrupts: readonly unknown[] }[];
  }>;
}

export interface Built {
  readonly graph: HostGraph;
  /** What the graph is invoked with. */
  readonly input: unknown;
  /** Outputs of the calls, by call, from the graph's values. */
  outputs(values: unknown): Record<string, string>;
  /** For a node of another graph; absent if it cannot be one as it is. */
  readonly node?: unknown;
}

export interface BuildOptions {
  readonly checkpointer?: BaseCheckpointSaver;
  /** The step of the calls is tried up to three times. */
  readonly retry?: boolean;
  /** For a call that is left behind by an aborted run. */
  readonly leaseMs?: number;
}

export interface Host {
  readonly name: string;
  /** In `code`, whoever asks is no tool: nothing continues it, and `task` keeps what it did. */
  readonly kind: "tools" | "code";
  build(world: World, program: Program, options: BuildOptions): Built;
  /** Why a cell does not exist. */
  readonly cannot?: Partial<Record<PatternName, string>>;
  /** New input leaves the abandoned tool call without a message, as LangGraph has it. */
  readonly leavesCallUnanswered?: boolean;
}

export const RETRY = { maxAttempts: 3, initialInterval: 1, maxInterval: 1, jitter: false };

/** What the model says: the program's turns, then that it is done. */
export function modelOf(program: Program): ScriptedModel {
  return new ScriptedModel([
    ...program.map((calls) =>
      ai(calls.map((call) => ({ name: call.do, args: { id: call.id }, id: call.id }))),
    ),
    new AIMessage("done"),
  ]);
}

export function messagesOf(values: unknown): BaseMessage[] {
  return (values as { messages?: BaseMessage[] } | undefined)?.messages ?? [];
}

/** An error says more than its text, and each host words it in its own way. */
const plain = (content: string): string => /boom \w+/.exec(content)?.[0] ?? content;

export function toolOutputs(values: unknown): Record<string, string> {
  const tools = messagesOf(values).filter((message): message is ToolMessage => message.getType() === "tool");
  return Object.fromEntries(tools.map((message) => [message.tool_call_id, plain(message.text)]));
}

type BuildAgent = (
  model: ScriptedModel,
  tools: ReturnType<typeof toolsOf>,
  world: World,
  options: BuildOptions,
) => unknown;

/** A host whose state is a list of messages. */
export function messagesHost(
  name: string,
  buildAgent: BuildAgent,
  rest: Pick<Host, "cannot" | "leavesCallUnanswered"> = {},
): Host {
  const host: Host = {
    name,
    kind: "tools",
    build(world, program, options) {
      world.know(program);
      const nested: RunNested = async (inner, config) => {
        const { graph, input, outputs } = host.build(world, inner, {});
        return outputs(await graph.invoke(input, config));
      };
      const built = buildAgent(modelOf(program), toolsOf(world, nested), world, options);
      const graph = built as HostGraph & { readonly graph?: unknown };
      return { graph, input: start, outputs: toolOutputs, node: graph.graph ?? graph };
    },
    leavesCallUnanswered: true,
    ...rest,
  };
  return host;
}

const asksTools = ({ messages }: typeof MessagesAnnotation.State): "tools" | typeof END =>
  ((messages.at(-1) as AIMessage).tool_calls?.length ?? 0) > 0 ? "tools" : END;

function stateGraphOf(model: ScriptedModel, node: ToolNode, { checkpointer, retry }: BuildOptions): unknown {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", async ({ messages }, config: LangGraphRunnableConfig) => ({
      messages: [await model.invoke(messages, config)],
    }))
    .addNode("tools", node, retry ? { retryPolicy: RETRY } : {})
    .addEdge(START, "model")
    .addConditionalEdges("model", asksTools, ["tools", END])
    .addEdge("tools", "model")
    .compile(checkpointer ? { checkpointer } : {});
}

const KEPT_FAILURE = "an error of a wrapped tool is its outcome, and is not tried again";
const saver = ({ checkpointer }: BuildOptions): object => (checkpointer ? { checkpointer } : {});

const lease = ({ leaseMs }: BuildOptions): object => (leaseMs === undefined ? {} : { leaseMs });

const agentHost = (version: "v1" | "v2", middleware: boolean): Host =>
  messagesHost(
    `createAgent ${version}, ${middleware ? "hitlMiddleware" : "holdpointTools"}`,
    (model, tools, { backend }, options) =>
      createAgent({
        model: model as never,
        tools: (middleware ? tools : holdpointTools(tools, { backend, ...lease(options) })) as never,
        version,
        ...(middleware ? { middleware: middlewareOf(backend, options) as never } : {}),
        ...saver(options),
      }),
    middleware ? {} : { cannot: { "host retry": KEPT_FAILURE } },
  );

/** With any middleware around tools langchain's agents end with a tool's error, unless another one makes it a message. */
const middlewareOf = (backend: HITLBackend, options: BuildOptions): unknown[] => [
  hitlMiddleware({ backend, ...lease(options) }),
  toolErrorMiddleware({ onError: (error) => (error as Error).message }),
  ...(options.retry
    ? [
        toolRetryMiddleware({
          maxRetries: 2,
          onFailure: "error",
          initialDelayMs: 1,
          backoffFactor: 0,
          jitter: false,
        }),
      ]
    : []),
];

export const toolHosts: readonly Host[] = [
  messagesHost("StateGraph, HITLToolNode", (model, tools, { backend }, options) =>
    stateGraphOf(
      model,
      new HITLToolNode(tools, { backend, handleToolErrors: options.retry !== true, ...lease(options) }),
      options,
    ),
  ),
  ...(["v1", "v2"] as const).map((version) =>
    messagesHost(
      `createReactAgent ${version}, HITLToolNode`,
      (llm, tools, { backend }, options) =>
        createReactAgent({
          llm,
          tools: new HITLToolNode(tools, { backend, ...lease(options) }),
          version,
          ...saver(options),
        }),
      { cannot: { "host retry": "the agent has no retry policy for its tools" } },
    ),
  ),
  messagesHost(
    "StateGraph, ToolNode, holdpointTools",
    (model, tools, { backend }, options) =>
      stateGraphOf(model, new ToolNode(holdpointTools(tools, { backend, ...lease(options) })), options),
    { cannot: { "host retry": KEPT_FAILURE } },
  ),
  agentHost("v1", false),
  agentHost("v2", false),
  agentHost("v1", true),
  agentHost("v2", true),
  messagesHost("deepagents, hitlMiddleware", (model, tools, { backend }, options) =>
    createDeepAgent({
      model,
      tools,
      middleware: middlewareOf(backend, options) as never,
      ...saver(options),
    }),
  ),
];
