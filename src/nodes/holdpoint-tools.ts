/**
 * `holdpointTools`: tools that can ask humans in any node or agent that runs them. Each sees one call at a time
 * and writes its outcome once; calls of one task that run together also suspend together.
 */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { DynamicTool, StructuredToolInterface } from "@langchain/core/tools";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { PauseSignal } from "../suspend/pause-signal.ts";
import type { InDoubtPolicy } from "../suspend/tool-step.ts";
import { ASKS_HUMANS } from "./graph.ts";
import { isSentAlone, nestedConfig } from "./nested-config.ts";
import { WrappedCalls } from "./wrapped-calls.ts";

export interface HoldpointToolsOptions {
  readonly backend?: HITLBackend;
  /** What to do with a call whose process died in its middle. Default `ask`: a human decides. */
  readonly inDoubt?: InDoubtPolicy | ((tool_name: string) => InDoubtPolicy);
  /** Milliseconds without a sign of life after which a running call is taken for dead. Default 60 000. */
  readonly leaseMs?: number;
}

/**
 * Wraps tools so that they can ask humans in a stock `ToolNode`, `createReactAgent` or any other node. The tools
 * themselves are not changed.
 *
 * @example
 * ```ts
 * import { ToolNode } from "@langchain/langgraph/prebuilt";
 * import type { StructuredToolInterface } from "@langchain/core/tools";
 * import { holdpointTools, InMemoryHITLBackend } from "holdpoint";
 *
 * const backend = new InMemoryHITLBackend();
 * export const node = (tools: StructuredToolInterface[]) => new ToolNode(holdpointTools(tools, { backend }));
 * ```
 */
export function holdpointTools<T extends StructuredToolInterface | DynamicTool>(
  tools: readonly T[],
  options: HoldpointToolsOptions = {},
): T[] {
  const calls = new WrappedCalls({ ...options, failures: "outcome" });
  return tools.map((tool) =>
    wrap(tool, async (call, config, execute) => {
      const result = await calls.run(call, config, execute);
      if (result.status === "suspended") throw new PauseSignal(result.interrupts());
      return result.status === "finished" ? result.output : execute();
    }),
  );
}

type Run = (
  call: ToolCall,
  config: LangGraphRunnableConfig,
  execute: () => Promise<unknown>,
) => Promise<unknown>;

/** The tool with another `invoke`; everything else, its class and identity too, is the tool's own. */
function wrap<T extends StructuredToolInterface | DynamicTool>(tool: T, run: Run): T {
  return new Proxy(tool, {
    get(target, name) {
      if (name === ASKS_HUMANS) return true;
      const own: unknown = Reflect.get(target, name, target);
      if (name !== "invoke" || typeof own !== "function")
        return typeof own === "function" ? own.bind(target) : own;
      return (input: unknown, config?: LangGraphRunnableConfig): Promise<unknown> => {
        const execute = (given: unknown): Promise<unknown> =>
          Promise.resolve(Reflect.apply(own, target, [input, given]));
        const call = toolCallOf(input, config, target.name);
        const configurable = config?.configurable as Record<string, unknown> | undefined;
        // Outside a graph there is nothing to suspend: the tool runs as it is.
        if (!call || !config || !configurable?.["__pregel_scratchpad"]) return execute(config);
        // How many calls run beside this one is not known here, only that there may be some.
        const siblings = isSentAlone(configurable) ? 1 : 2;
        return run(call, config, () => execute(nestedConfig(config, call, siblings)));
      };
    },
  });
}

function toolCallOf(
  input: unknown,
  config: LangGraphRunnableConfig | undefined,
  name: string,
): ToolCall | undefined {
  const { type, id, args } = (input ?? {}) as { type?: string; id?: string; args?: Record<string, unknown> };
  if (type === "tool_call") return { type, id: id ?? "", name, args: args ?? {} };
  const { toolCall, toolCallId } = (config ?? {}) as { toolCall?: { id?: string }; toolCallId?: string };
  const known = toolCall?.id ?? toolCallId;
  return known === undefined
    ? undefined
    : { type: "tool_call", id: known, name, args: (input ?? {}) as Record<string, unknown> };
}
