/**
 * `holdpointTools`: tools that can ask humans in any node or agent that runs them. Each sees one call at a time
 * and writes its outcome once; calls of one task that run together also suspend together.
 */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { ToolMessage } from "@langchain/core/messages";
import type { DynamicTool, StructuredToolInterface } from "@langchain/core/tools";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { CallRun } from "../suspend/call-run.ts";
import type { CallResult, CallTask } from "../suspend/call-task.ts";
import { callScope } from "../suspend/call-scope.ts";
import { isBubbleUp, isFatal } from "../suspend/errors.ts";
import { PauseSignal } from "../suspend/pause-signal.ts";
import { type HostConfig, type Place, placeIfAny, placeOfThread } from "../suspend/place.ts";
import { isHITLSuspend } from "../suspend/suspend-signal.ts";
import { type InDoubtPolicy, ToolStep, type ToolStepOptions } from "../suspend/tool-step.ts";
import { ASKS_HUMANS } from "./graph.ts";
import { pauseFor } from "./pause-for.ts";
import {
  answerText,
  asToolOutput,
  decodeFailure,
  decodeOutput,
  encodeFailure,
  encodeOutput,
  type HostSerde,
  toolMessage,
  type ToolOutput,
} from "./tool-outcome.ts";
import { CallNames, identityOf, wakeHintOf } from "./wake.ts";

export interface HoldpointToolsOptions {
  readonly backend?: HITLBackend;
  /** What to do with a call whose process died in its middle. Default `ask`: a human decides. */
  readonly inDoubt?: InDoubtPolicy | ((tool_name: string) => InDoubtPolicy);
  /** Milliseconds without a sign of life after which a running call is taken for dead. Default 60 000. */
  readonly leaseMs?: number;
}

/** Calls of one task that are at work now, by the task's scratchpad: it is made anew for each execution. */
interface Joint {
  readonly step: Promise<ToolStep>;
  readonly names: CallNames;
  working: number;
  readonly waiting: (() => void)[];
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
  const { backend, inDoubt, leaseMs } = options;
  const stepOptions: ToolStepOptions = {
    leaseMs,
    inDoubt: typeof inDoubt === "string" ? () => inDoubt : inDoubt,
  };
  const joints = new WeakMap<object, Joint>();
  return tools.map((tool) =>
    wrap(tool, (call, config, execute) => runWrapped(joints, stepOptions, backend, call, config, execute)),
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
        const execute = (): Promise<unknown> => Promise.resolve(Reflect.apply(own, target, [input, config]));
        const call = toolCallOf(input, config, target.name);
        const configurable = config?.configurable as Record<string, unknown> | undefined;
        // Outside a graph there is nothing to suspend: the tool runs as it is.
        return call && configurable?.["__pregel_scratchpad"]
          ? run(call, config as LangGraphRunnableConfig, execute)
          : execute();
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

async function runWrapped(
  joints: WeakMap<object, Joint>,
  options: ToolStepOptions,
  backend: HITLBackend | undefined,
  call: ToolCall,
  config: LangGraphRunnableConfig,
  execute: () => Promise<unknown>,
): Promise<unknown> {
  const configurable = config.configurable as Record<string, unknown>;
  const found = placeIfAny(config as HostConfig, backend);
  // Wrapped twice, or run by HITLToolNode: the outer one keeps the call.
  if (!found || callScope.getStore()?.checkpoint_ns === found.checkpoint_ns) return execute();
  const scratchpad = configurable["__pregel_scratchpad"] as object;
  const joint = joints.get(scratchpad) ?? jointOf(config as HostConfig, found, options);
  joints.set(scratchpad, joint);
  // Before anything is awaited: the host starts the calls in their order, on each execution alike.
  const tool_call_id = joint.names.next(call.id);
  joint.working += 1;
  let step: ToolStep;
  let run: CallRun<ToolOutput | Failure>;
  let task: CallTask<ToolOutput | Failure>;
  for (let first = true; ; first = false) {
    let result: CallResult<ToolOutput | Failure>;
    let seen: number;
    try {
      step = await joint.step;
      task = taskOf(step.place, call, tool_call_id, execute);
      if (first && !step.place.fresh) await step.load([task.call.id], wakeHintOf(config, step.place));
      seen = step.changes;
      run = new CallRun(step, task);
      result = await run.settle();
    } finally {
      leave(joint);
    }
    if (result.status === "finished") {
      if (result.output instanceof Failure) throw result.output.error;
      return result.output;
    }
    // The host drops what siblings do after the first interrupt: let them finish, so that their outcomes are kept.
    if (joint.working > 0) await new Promise<void>((resolve) => joint.waiting.push(resolve));
    // While a slow sibling ran, this call's question may have been answered, and its run finished elsewhere.
    if (step.changes === seen || !(await step.refresh([task.call.id]))) break;
    joint.working += 1;
    step.runs.delete(run as CallRun<unknown>);
  }
  throw new PauseSignal(pauseFor([...step.runs], step));
}

function leave(joint: Joint): void {
  joint.working -= 1;
  if (joint.working === 0) for (const wake of joint.waiting.splice(0)) wake();
}

/** An error of the tool is its outcome: what becomes of it is the host's business, each time alike. */
class Failure {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

function jointOf(config: HostConfig, place: Place, options: ToolStepOptions): Joint {
  const step = Promise.resolve(placeOfThread(config, place)).then(
    (own) => new ToolStep(own, { ...options, seesWholeStep: false }),
  );
  return { step, names: new CallNames(), working: 0, waiting: [] };
}

function taskOf(
  place: Place,
  call: ToolCall,
  tool_call_id: string,
  execute: () => Promise<unknown>,
): CallTask<ToolOutput | Failure> {
  const serde = (place.checkpointer as unknown as { serde: HostSerde }).serde;
  return {
    call: identityOf(place, call, tool_call_id),
    execute: async () => {
      try {
        return asToolOutput(await execute(), call);
      } catch (error) {
        if (isHITLSuspend(error) || isFatal(error) || isBubbleUp(error)) throw error;
        return new Failure(error);
      }
    },
    encode: async (output) =>
      output instanceof Failure ? encodeFailure(output.error) : encodeOutput(output, serde),
    decode: async (outcome) => {
      const failure = decodeFailure(outcome);
      return failure ? new Failure(failure) : decodeOutput(outcome, serde);
    },
    answer: (record): ToolMessage => {
      const { text, status } = answerText(record);
      return toolMessage(call, text, status);
    },
    settled: (text, happened) => toolMessage(call, text, happened ? "success" : "error"),
  };
}
