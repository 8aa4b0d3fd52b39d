/**
 * Which tool call runs: LangChain's AsyncLocalStorage does not say it, but it tells callbacks. This handler maps
 * a tool's run to its call, also for parallel identical calls.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { HostConfig } from "./place.ts";

export interface KnownCall {
  readonly tool_call_id: string;
  readonly tool_name: string;
}

const calls = new Map<string, KnownCall>();

/**
 * Lets `confirm(request)` without a runtime work in a stock `ToolNode`: pass it as `callbacks` of the run.
 *
 * @example
 * ```ts
 * import { HoldpointCallbackHandler } from "holdpoint";
 *
 * export const config = { configurable: { thread_id: "1" }, callbacks: [new HoldpointCallbackHandler()] };
 * ```
 */
export class HoldpointCallbackHandler extends BaseCallbackHandler {
  override readonly name: string = "holdpoint";
  override awaitHandlers: boolean = true;

  override handleToolStart(
    ...[serialized, , runId, , , , runName, toolCallId]: Parameters<
      NonNullable<BaseCallbackHandler["handleToolStart"]>
    >
  ): void {
    const tool_name = runName ?? (serialized as { name?: string }).name ?? "tool";
    if (toolCallId) calls.set(runId, { tool_call_id: toolCallId, tool_name });
  }

  override handleToolEnd(_output: unknown, runId: string): void {
    calls.delete(runId);
  }

  override handleToolError(_error: unknown, runId: string): void {
    calls.delete(runId);
  }
}

/** The call of the running tool: from its runtime, or from the callback handler. */
export function callOf(config: HostConfig | undefined, runtime: object | undefined): KnownCall | undefined {
  const { toolCallId, toolCall } = (runtime ?? {}) as {
    toolCallId?: string;
    toolCall?: { id?: string; name?: string };
  };
  const id = toolCallId || toolCall?.id;
  if (id) return { tool_call_id: id, tool_name: toolCall?.name ?? "tool" };
  const callbacks = (config as { callbacks?: { getParentRunId?: () => string | undefined } } | undefined)
    ?.callbacks;
  const run = callbacks?.getParentRunId?.();
  return run === undefined ? undefined : calls.get(run);
}
