/**
 * `holdpointTools`: tools that can ask humans in any node or agent that runs them. Each sees one call at a time
 * and writes its outcome once; calls of one task that run together also suspend together.
 */
import { ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { DynamicTool, StructuredToolInterface } from "@langchain/core/tools";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import type { Policy } from "../policy/policy.ts";
import { PauseSignal } from "../suspend/pause-signal.ts";
import type { InDoubtPolicy } from "../suspend/tool-step.ts";
import { ASKS_HUMANS } from "./graph.ts";
import { CallLedger, type Selected } from "./ledger/call-ledger.ts";
import type { LedgerRules } from "./ledger/ledger-rule.ts";
import { isSentAlone, nestedConfig } from "./nested-config.ts";
import { CallPolicy } from "./policy/call-policy.ts";
import { withArgs } from "./tool-input.ts";
import { WrappedCalls } from "./wrapped-calls.ts";

export interface HoldpointToolsOptions {
  readonly backend?: HITLBackend;
  /** What to do with a call whose process died in its middle. Default `ask`: a human decides. */
  readonly inDoubt?: InDoubtPolicy | ((tool_name: string) => InDoubtPolicy);
  /** Milliseconds without a sign of life after which a running call is taken for dead. Default 60 000. */
  readonly leaseMs?: number;
  /** Tools whose calls run at most once, across crashes too (docs/ledger.md, "In LangGraph"). Default: none. */
  readonly ledger?: LedgerRules;
  /** Which calls run, wait for a human, or do not run (docs/policy.md). Default: all run. */
  readonly policy?: Policy;
}

/**
 * Wraps tools so that they can ask humans in a stock `ToolNode`, `createReactAgent` or any other node. The tools
 * themselves are not changed.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a policy that is none, or a rule of the ledger that cannot be
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
  const ledger = CallLedger.of(options.ledger, options.backend);
  const policy = CallPolicy.of(options.policy, options.backend);
  return tools.map((tool) => {
    const { schema } = tool;
    const guarded = <Config extends LangGraphRunnableConfig | undefined>(
      call: ToolCall,
      config: Config,
      selected: Selected | undefined,
      invoke: Invoke<Config>,
    ): Promise<unknown> => {
      const known = config ?? {};
      const run = (made: ToolCall): Promise<unknown> => {
        // A call that a human has changed may be one that the ledger means only now.
        const behind = selected ?? (made === call ? undefined : ledger?.selectedBy(made));
        const args = made === call ? undefined : made.args;
        if (!behind) return invoke(config, args);
        return behind.run({
          call: made,
          config: known,
          schema,
          invoke: (signal) => invoke({ ...config, signal }, args),
        });
      };
      return policy ? policy.guard({ call, config: known, tool, run }) : run(call);
    };
    return wrap(tool, {
      async inGraph(call, config, invoke) {
        const selected = ledger?.selectedBy(call);
        const execute = (): Promise<unknown> => guarded(call, config, selected, invoke);
        const result = await calls.run(call, config, execute, selected !== undefined);
        if (result.status === "suspended") throw new PauseSignal(result.interrupts());
        return result.status === "finished" ? result.output : execute();
      },
      async outside(call, config, invoke) {
        return guarded(call, config, ledger?.selectedBy(call), invoke);
      },
    });
  });
}

/** Runs the tool itself, with other arguments than it was given if there are any. */
type Invoke<Config> = (config: Config, args?: ToolCall["args"]) => Promise<unknown>;

interface Runs {
  inGraph(
    call: ToolCall,
    config: LangGraphRunnableConfig,
    invoke: Invoke<LangGraphRunnableConfig>,
  ): Promise<unknown>;
  /** There is nothing to suspend. */
  outside(
    call: ToolCall,
    config: LangGraphRunnableConfig | undefined,
    invoke: Invoke<LangGraphRunnableConfig | undefined>,
  ): Promise<unknown>;
}

/** The tool with another `invoke`; everything else, its class and identity too, is the tool's own. */
function wrap<T extends StructuredToolInterface | DynamicTool>(tool: T, runs: Runs): T {
  return new Proxy(tool, {
    get(target, name) {
      if (name === ASKS_HUMANS) return true;
      const own: unknown = Reflect.get(target, name, target);
      if (name !== "invoke" || typeof own !== "function")
        return typeof own === "function" ? own.bind(target) : own;
      return async (input: unknown, config?: LangGraphRunnableConfig): Promise<unknown> => {
        const execute = (given: unknown, args?: ToolCall["args"]): Promise<unknown> =>
          Promise.resolve(Reflect.apply(own, target, [args ? withArgs(input, args) : input, given]));
        const call = toolCallOf(input, config, target.name);
        const configurable = config?.configurable as Record<string, unknown> | undefined;
        if (call && config && configurable?.["__pregel_scratchpad"]) {
          // How many calls run beside this one is not known here, only that there may be some.
          const siblings = isSentAlone(configurable) ? 1 : 2;
          return runs.inGraph(call, config, (given, args) =>
            execute(nestedConfig(given, call, siblings), args),
          );
        }
        const bare: ToolCall = {
          type: "tool_call",
          name: target.name,
          args: (input ?? {}) as ToolCall["args"],
        };
        const output = await runs.outside(call ?? bare, config, execute);
        // Who gives a tool its arguments alone gets its content alone.
        return call === undefined && ToolMessage.isInstance(output) ? output.content : output;
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
