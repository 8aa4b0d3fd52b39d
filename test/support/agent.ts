/** The smallest real agent: a scripted model that calls tools once, our tool node, and the model again. */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { type BaseCheckpointSaver, MemorySaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";
import { type HITLBackend, type HITLRecord, HITLToolNode } from "holdpoint";

export interface AgentOptions {
  readonly backend: HITLBackend;
  readonly tools: readonly StructuredToolInterface[];
  /** The tool calls of each turn of the model; after the last one it ends. */
  readonly turns: readonly (readonly ToolCall[])[];
  readonly checkpointer?: BaseCheckpointSaver;
  /** Default 60 000, as of the tool node. */
  readonly leaseMs?: number;
  /** Runs in each turn of the model, before it answers. */
  readonly onModel?: () => void | Promise<void>;
}

export const configOf = (thread_id: string): { configurable: { thread_id: string }; durability: "sync" } => ({
  configurable: { thread_id },
  durability: "sync",
});

export const start = { messages: [new HumanMessage({ content: "go", id: "start" })] };

export function callOf(name: string, id: string): ToolCall {
  return { type: "tool_call", name, id, args: { n: id } };
}

const asksTools = (message: BaseMessage | undefined): boolean =>
  ((message as AIMessage | undefined)?.tool_calls?.length ?? 0) > 0;

// The type of a compiled graph names its nodes; it is inferred.
export function agentOf({ backend, tools, turns, checkpointer, leaseMs, onModel }: AgentOptions) {
  const node = new HITLToolNode([...tools], { backend, ...(leaseMs === undefined ? {} : { leaseMs }) });
  const model = async ({ messages }: typeof MessagesAnnotation.State): Promise<{ messages: AIMessage[] }> => {
    await onModel?.();
    const turn = messages.filter((message) => asksTools(message)).length;
    const tool_calls = [...(turns[turn] ?? [])];
    const content = tool_calls.length > 0 ? "" : "done";
    return { messages: [new AIMessage({ content, tool_calls, id: `model-${turn}` })] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("model", model)
    .addNode("tools", node)
    .addEdge("__start__", "model")
    .addConditionalEdges("model", ({ messages }) => (asksTools(messages.at(-1)) ? "tools" : "__end__"))
    .addEdge("tools", "model")
    .compile({ checkpointer: checkpointer ?? new MemorySaver() });
}

export type Agent = ReturnType<typeof agentOf>;

/** The thread's open questions, by what they say. */
export async function openQuestions(
  backend: HITLBackend,
  thread_id: string,
): Promise<Map<string, HITLRecord>> {
  const { items } = await backend.list({ thread_id, status: "pending", limit: 1000 });
  return new Map(
    items.map((record) => [
      record.hitl_type === "in_doubt" ? "in_doubt" : String(record.data["message"]),
      record,
    ]),
  );
}

export async function openQuestion(
  backend: HITLBackend,
  thread_id: string,
  message: string,
): Promise<HITLRecord> {
  const open = await openQuestions(backend, thread_id);
  const found = open.get(message);
  if (!found) throw new Error(`"${message}" is not open; open are: ${[...open.keys()].join(", ") || "none"}`);
  return found;
}

export async function nextOf(agent: Agent, thread_id: string): Promise<readonly string[]> {
  return (await agent.getState({ configurable: { thread_id } })).next;
}
