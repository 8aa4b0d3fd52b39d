/** Agents of langchain for the failures: a scripted model, which remembers what it was given. */
import { AIMessage, type BaseMessage, isAIMessage, isToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { fakeModel } from "@langchain/core/testing";
import type { StructuredToolInterface } from "@langchain/core/tools";
import { MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent } from "langchain";
import type { Graph } from "./graphs.ts";

export interface ScriptedAgent {
  readonly graph: Graph;
  /** What the model was given, each time. */
  readonly seen: () => readonly BaseMessage[][];
}

/** The model makes these calls, then says "done" each time that it is called. */
export function agentOf(
  middleware: readonly AgentMiddleware[],
  tools: readonly StructuredToolInterface[],
  calls: readonly ToolCall[],
): ScriptedAgent {
  const done = (): AIMessage => new AIMessage("done");
  const model = fakeModel()
    .respond(new AIMessage({ content: "", tool_calls: [...calls] }))
    .respond(done)
    .respond(done);
  const agent = createAgent({
    model,
    tools: [...tools],
    middleware: [...middleware],
    checkpointer: new MemorySaver(),
  });
  return { graph: agent.graph as unknown as Graph, seen: () => model.calls.map(({ messages }) => messages) };
}

/** Calls that no tool message answers before the next message of somebody else: providers refuse such a list. */
export function unansweredIn(messages: readonly BaseMessage[]): string[] {
  return messages.flatMap((message, at) => {
    const calls = isAIMessage(message) ? (message.tool_calls ?? []).map(({ id }) => id ?? "") : [];
    const behind = messages.slice(at + 1);
    const end = behind.findIndex((next) => !isToolMessage(next));
    const results = (end < 0 ? behind : behind.slice(0, end)).filter((next) => isToolMessage(next));
    return calls.filter((id) => !results.some((result) => result.tool_call_id === id));
  });
}
