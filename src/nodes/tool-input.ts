/** What a tool is invoked with: a tool call, or its arguments alone. */
import type { ToolCall } from "@langchain/core/messages/tool";

type Args = ToolCall["args"];

/** The arguments that the tool is about to get (P7). */
export function argsOf(input: unknown): Args {
  return (isToolCall(input) ? input.args : (input as Args | undefined)) ?? {};
}

/** The same input with these arguments. */
export function withArgs(input: unknown, args: Args): unknown {
  return isToolCall(input) ? { ...input, args } : args;
}

function isToolCall(input: unknown): input is { readonly args?: Args } {
  return (input as { readonly type?: unknown } | null | undefined)?.type === "tool_call";
}
