/** The graphs of the failures: one model that follows a script, one node of tools, one thread. */
import { AIMessage, type BaseMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { tool } from "@langchain/core/tools";
import {
  type BaseCheckpointSaver,
  MemorySaver,
  MessagesAnnotation,
  Send,
  StateGraph,
} from "@langchain/langgraph";
import type { ToolNode } from "@langchain/langgraph/prebuilt";
import type { ResumableGraph } from "holdpoint";
import { z } from "zod";

export const THREAD = "t";
export const CONFIG = { configurable: { thread_id: THREAD } };

/** A compiled graph, whatever its state is. */
export type Graph = ResumableGraph;

/** The call of a tool, with its own name as id: each is called once. */
export function callOf(name: string, args: Record<string, unknown> = {}): ToolCall {
  return { type: "tool_call", id: name, name, args };
}

/** A tool from a body. @param fields - types of JSON Schema by argument, all of them required; default: any arguments */
export function toolOf(
  name: string,
  body: (args: Record<string, unknown>) => unknown,
  fields: Readonly<Record<string, "number" | "string">> = {},
) {
  const schemas = Object.entries(fields).map(([field, type]) => [
    field,
    type === "number" ? z.number() : z.string(),
  ]);
  const schema = z.looseObject(Object.fromEntries(schemas) as Record<string, z.ZodType>);
  return tool(async (args) => body(args), { name, description: name, schema });
}

type Messages = typeof MessagesAnnotation.State;

function modelOf(calls: readonly ToolCall[]) {
  return (): { messages: BaseMessage[] } => ({
    messages: [new AIMessage({ content: "", tool_calls: [...calls] })],
  });
}

/** START → model → tools → END: all calls of the step are one task of LangGraph's. */
export function stepGraph(
  tools: ToolNode,
  calls: readonly ToolCall[],
  checkpointer: BaseCheckpointSaver = new MemorySaver(),
): Graph {
  return new StateGraph(MessagesAnnotation)
    .addNode("model", modelOf(calls))
    .addNode("tools", tools)
    .addEdge("__start__", "model")
    .addEdge("model", "tools")
    .addEdge("tools", "__end__")
    .compile({ checkpointer });
}

/** The same with a task of its own for each call (`Send`), as agents of version v2 have it. */
export function fanOut(tools: ToolNode, calls: readonly ToolCall[]) {
  const send = ({ messages }: Messages): Send[] =>
    calls.map((call) => new Send("tools", { messages, lg_tool_call: call }));
  return new StateGraph(MessagesAnnotation)
    .addNode("model", modelOf(calls))
    .addNode("tools", tools)
    .addEdge("__start__", "model")
    .addConditionalEdges("model", send, ["tools"])
    .addEdge("tools", "__end__");
}

/** `inner` as a node of a graph, which alone has the checkpointer. */
export function nested(inner: ReturnType<typeof fanOut>): Graph {
  return new StateGraph(MessagesAnnotation)
    .addNode("inner", inner.compile())
    .addEdge("__start__", "inner")
    .addEdge("inner", "__end__")
    .compile({ checkpointer: new MemorySaver() });
}

export function start(graph: Graph, text = "go"): Promise<unknown> {
  return graph.invoke({ messages: [new HumanMessage(text)] }, CONFIG);
}

interface Interrupt {
  readonly id: string;
  readonly value: unknown;
}

interface Task {
  readonly interrupts: readonly Interrupt[];
  readonly state?: { readonly tasks?: readonly Task[] };
}

interface DeepGraph {
  getState(config: typeof CONFIG, options: { readonly subgraphs: boolean }): Promise<unknown>;
}

/** The interrupts at which the thread rests, those of graphs within it too: above them LangGraph 1.4 shows one only. */
export async function interruptsOf(graph: Graph): Promise<Interrupt[]> {
  const state: unknown = await (graph as DeepGraph).getState(CONFIG, { subgraphs: true });
  const { tasks } = state as { readonly tasks: readonly Task[] };
  const found = (task: Task): Interrupt[] => [
    ...task.interrupts,
    ...(task.state?.tasks ?? []).flatMap((inner) => found(inner)),
  ];
  // A task repeats what the graph within it shows.
  return [...new Map(tasks.flatMap((task) => found(task)).map((one) => [one.id, one])).values()];
}

export async function messagesOf(graph: Graph): Promise<BaseMessage[]> {
  const state = (await graph.getState(CONFIG)) as unknown as {
    readonly values: { messages?: BaseMessage[] };
  };
  return state.values.messages ?? [];
}

/** What each call came back with, by its id. */
export function resultsIn(messages: readonly BaseMessage[]): Record<string, string> {
  const results = messages.filter((message) => message.getType() === "tool");
  return Object.fromEntries(results.map((message) => [(message as ToolMessage).tool_call_id, message.text]));
}
