/** Stands in for a chat model, so that the examples need no key: it calls these tools, then it is done. */
import { AIMessage, isAIMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { MessagesAnnotation } from "@langchain/langgraph";

/** A node for `MessagesAnnotation`. */
export function scriptedModel(...turns: readonly (readonly Pick<ToolCall, "name" | "args">[])[]) {
  return ({ messages }: typeof MessagesAnnotation.State): { messages: AIMessage[] } => {
    const turn = messages.filter((message) => isAIMessage(message)).length;
    const tool_calls = (turns[turn] ?? []).map(({ name, args }, index) => ({
      type: "tool_call" as const,
      id: `call_${turn}_${index}`,
      name,
      args,
    }));
    return { messages: [new AIMessage({ content: tool_calls.length > 0 ? "" : "done", tool_calls })] };
  };
}

export function callsTools({ messages }: typeof MessagesAnnotation.State): "tools" | "__end__" {
  return (messages.at(-1) as AIMessage | undefined)?.tool_calls?.length ? "tools" : "__end__";
}
