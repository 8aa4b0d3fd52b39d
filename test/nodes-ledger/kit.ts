/** Graphs whose tools are behind the ledger, and a log of what the outside saw: the oracle of every test here. */
import { AIMessage, type BaseMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { type DynamicStructuredTool, tool } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import {
  type HITLBackend,
  type HITLRecord,
  hitlMiddleware,
  HITLToolNode,
  holdpointTools,
  type ResumableGraph,
  respondAndResume,
  resumeThread,
} from "holdpoint";
import { type AgentMiddleware, createAgent } from "langchain";
import { z } from "zod";
import type { Policy } from "holdpoint/policy";
import type { LedgerRules } from "../../src/nodes/ledger/ledger-rule.ts";
import { ScriptedModel } from "../nodes/kit.ts";

export const HOSTS = ["HITLToolNode", "holdpointTools", "createAgent v1", "createAgent v2"] as const;
export type Host = (typeof HOSTS)[number];

export interface GraphOptions {
  readonly backend: HITLBackend;
  readonly tools: readonly DynamicStructuredTool[];
  readonly ledger?: LedgerRules;
  readonly policy?: Policy;
  /** The tool calls of each turn of the model; after the last one it ends. */
  readonly turns: readonly (readonly ToolCall[])[];
  /** Null for none. */
  readonly checkpointer?: BaseCheckpointSaver | null;
  readonly leaseMs?: number;
}

export interface AnyGraph extends ResumableGraph<{ messages: BaseMessage[] }> {
  getStateHistory(config: object): AsyncIterable<{
    readonly config: { readonly configurable?: Record<string, unknown> };
    readonly next: readonly string[];
    readonly values: { readonly messages?: readonly BaseMessage[] };
  }>;
  updateState(config: object, values: object, asNode?: string): Promise<object>;
}

export function said(tool_calls: readonly ToolCall[], turn: number): AIMessage {
  return new AIMessage({
    content: tool_calls.length > 0 ? "" : "done",
    tool_calls: [...tool_calls],
    id: `model-${turn}`,
  });
}

export function graphOf(host: Host, options: GraphOptions): AnyGraph {
  const { backend, tools, ledger, policy, turns, leaseMs } = options;
  const given = options.checkpointer === undefined ? new MemorySaver() : options.checkpointer;
  const saving = given === null ? {} : { checkpointer: given };
  const own = {
    backend,
    ...(ledger === undefined ? {} : { ledger }),
    ...(policy === undefined ? {} : { policy }),
    ...(leaseMs === undefined ? {} : { leaseMs }),
  };
  if (host === "createAgent v1" || host === "createAgent v2") {
    const agent = createAgent({
      model: new ScriptedModel(turns.map((calls, turn) => said(calls, turn))),
      tools: [...tools],
      version: host === "createAgent v1" ? "v1" : "v2",
      middleware: [hitlMiddleware(own)] as AgentMiddleware[],
      ...saving,
    });
    return agent as unknown as AnyGraph;
  }
  const node =
    host === "HITLToolNode"
      ? new HITLToolNode([...tools], own)
      : new ToolNode(holdpointTools([...tools], own));
  const asks = (message: BaseMessage | undefined): boolean =>
    ((message as AIMessage | undefined)?.tool_calls?.length ?? 0) > 0;
  const model = ({ messages }: typeof MessagesAnnotation.State): { messages: AIMessage[] } => {
    const turn = messages.filter((message) => message.getType() === "ai").length;
    return { messages: [said(turns[turn] ?? [], turn)] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("model", model)
    .addNode("tools", node)
    .addEdge("__start__", "model")
    .addConditionalEdges("model", ({ messages }) => (asks(messages.at(-1)) ? "tools" : "__end__"))
    .addEdge("tools", "model")
    .compile(saving) as unknown as AnyGraph;
}

export const start = (): { messages: BaseMessage[] } => ({
  messages: [new HumanMessage({ content: "go", id: "start" })],
});

export const at = (thread_id: string): { configurable: { thread_id: string }; durability: "sync" } => ({
  configurable: { thread_id },
  durability: "sync",
});

export function call(name: string, id: string, args: Record<string, unknown> = { order: "7" }): ToolCall {
  return { type: "tool_call", name, id, args };
}

/** The thread of most tests, and the call that they are about. */
export const THREAD = "t1";
export const charge = call("charge", "c1");

/** What the outside saw, in order. */
export class Outside {
  readonly log: string[] = [];

  of(name: string): number {
    return this.log.filter((entry) => entry === name || entry.startsWith(`${name} `)).length;
  }

  /** A tool that has an effect, and does nothing else. */
  tool(name: string, body?: (args: Record<string, unknown>) => unknown): DynamicStructuredTool {
    const run = (args: Record<string, unknown>): unknown => {
      if (body) return body(args);
      this.log.push(`${name} ${String(args["order"])}`);
      return `${name} done ${this.of(name)}`;
    };
    return tool(run as never, {
      name,
      description: name,
      schema: z.looseObject({}),
    }) as unknown as DynamicStructuredTool;
  }
}

export async function toolMessages(graph: AnyGraph, thread_id: string): Promise<ToolMessage[]> {
  const { values } = (await graph.getState({ configurable: { thread_id } })) as unknown as {
    values: { messages?: BaseMessage[] };
  };
  return (values.messages ?? []).filter((message): message is ToolMessage => message.getType() === "tool");
}

/** What the thread's tools have said to the model. */
export async function texts(graph: AnyGraph): Promise<string[]> {
  return (await toolMessages(graph, THREAD)).map((message) => message.text);
}

export async function open(backend: HITLBackend, thread_id: string): Promise<readonly HITLRecord[]> {
  return (await backend.list({ thread_id, status: "pending", limit: 100 })).items;
}

/** The one open question of the thread. */
export async function only(backend: HITLBackend, thread_id: string): Promise<HITLRecord> {
  const [question, ...others] = await open(backend, thread_id);
  if (!question || others.length > 0)
    throw new Error(`${others.length + (question ? 1 : 0)} questions are open`);
  return question;
}

export async function answer(
  graph: AnyGraph,
  backend: HITLBackend,
  question: HITLRecord,
  response: unknown,
): ReturnType<typeof respondAndResume> {
  return respondAndResume(graph, { backend, hitl_id: question.hitl_id, response });
}

export { resumeThread };
