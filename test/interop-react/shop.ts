/** A graph that calls what the user's text names, and tools that ask a human first. It says, and notes, what was done. */
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { tool } from "@langchain/core/tools";
import {
  type BaseCheckpointSaver,
  MemorySaver,
  MessagesAnnotation,
  Send,
  StateGraph,
} from "@langchain/langgraph";
import { askUser, confirm, type HITLBackend, HITLToolNode } from "holdpoint";
import { definePolicy } from "holdpoint/policy";
import { z } from "zod";

export interface ShopOptions {
  readonly backend: HITLBackend;
  readonly checkpointer?: BaseCheckpointSaver;
  /** A task of its own for each call, so that LangGraph shows an interrupt for each question. */
  readonly send?: boolean;
  /** What the tool `weigh` waits for. */
  readonly scales?: Promise<void>;
  /** What the tool `pay` waits for, when it may run. */
  readonly till?: Promise<void>;
}

const policy = definePolicy({
  rules: [
    {
      id: "pay",
      for: "pay",
      verdict: "ask",
      message: ({ args }) => `Pay ${String(args["amount"])} EUR to ${String(args["to"])}?`,
      allowed_decisions: ["approve_once", "edit", "reject"],
    },
    { id: "rest", for: "*", verdict: "allow" },
  ],
});

/** Call ids are those of the user's message, so that two threads never share one by accident. */
function callsIn(messages: readonly BaseMessage[]): ToolCall[] {
  const asked = messages.findLast((message) => HumanMessage.isInstance(message));
  const isAnswered = messages.at(-1) !== asked;
  const text = asked?.text ?? "";
  if (isAnswered || !text.startsWith("[")) return [];
  const calls = JSON.parse(text) as Pick<ToolCall, "name" | "args">[];
  return calls.map((call, index) => ({ type: "tool_call", id: `${asked?.id}-${index}`, ...call }));
}

// The type of a compiled graph names its nodes; it is inferred.
export function shop({ backend, checkpointer = new MemorySaver(), send = false, scales, till }: ShopOptions) {
  const done: string[] = [];
  const pay = tool(
    async ({ to, amount }) => {
      await till;
      done.push(`${to} ${amount}`);
      return `paid ${amount} to ${to}`;
    },
    { name: "pay", description: "Pays.", schema: z.object({ to: z.string(), amount: z.number() }) },
  );
  const refund = tool(
    async ({ order }) => {
      const { confirmed } = await confirm({ message: `Refund ${order}?` });
      if (confirmed) done.push(`refund ${order}`);
      return confirmed ? `refunded ${order}` : `kept ${order}`;
    },
    { name: "refund", description: "Refunds.", schema: z.object({ order: z.string() }) },
  );
  const book = tool(
    async () => {
      const { answer } = await askUser({ message: "Which room?", options: ["Kepler", "Curie"] });
      done.push(`booked ${String(answer)}`);
      return `booked ${String(answer)}`;
    },
    { name: "book", description: "Books a room.", schema: z.object({}) },
  );
  const weigh = tool(
    async () => {
      await scales;
      done.push("weighed");
      return "3 kg";
    },
    { name: "weigh", description: "Weighs.", schema: z.object({}) },
  );
  const model = ({ messages }: typeof MessagesAnnotation.State): { messages: AIMessage[] } => {
    const tool_calls = callsIn(messages);
    const content = tool_calls.length > 0 ? "" : `done: ${done.toSorted().join(", ")}`;
    return { messages: [new AIMessage({ id: `ai-${messages.length}`, content, tool_calls })] };
  };
  const route = ({ messages }: typeof MessagesAnnotation.State): "tools" | "__end__" | Send[] => {
    const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
    if (calls.length === 0) return "__end__";
    return send ? calls.map((call) => new Send("tools", { lg_tool_call: call })) : "tools";
  };
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("model", model)
    .addNode("tools", new HITLToolNode([pay, refund, book, weigh], { backend, policy }))
    .addEdge("__start__", "model")
    .addConditionalEdges("model", route, ["tools", "__end__"])
    .addEdge("tools", "model")
    .compile({ checkpointer });
  return { graph, done };
}

export const pay = (to: string, amount: number): Pick<ToolCall, "name" | "args"> => ({
  name: "pay",
  args: { to, amount },
});
export const refund = (order: string): Pick<ToolCall, "name" | "args"> => ({
  name: "refund",
  args: { order },
});
export const book: Pick<ToolCall, "name" | "args"> = { name: "book", args: {} };
export const weigh: Pick<ToolCall, "name" | "args"> = { name: "weigh", args: {} };
