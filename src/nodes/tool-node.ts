/**
 * `HITLToolNode`: LangGraph's `ToolNode` in which tools can ask humans. All calls of a step run side by side;
 * what ran does not run again (P6); every question is recorded and visible at once (P10).
 */
import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import { isAIMessage, isBaseMessage } from "@langchain/core/messages";
import type { RunnableToolLike } from "@langchain/core/runnables";
import type { DynamicTool, StructuredToolInterface } from "@langchain/core/tools";
import type { ToolCall } from "@langchain/core/messages/tool";
import { Command, GraphInterrupt, isCommand, type LangGraphRunnableConfig, Send } from "@langchain/langgraph";
import { ToolNode, type ToolNodeOptions } from "@langchain/langgraph/prebuilt";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import type { Policy } from "../policy/policy.ts";
import { CallRun } from "../suspend/call-run.ts";
import type { CallResult, CallTask } from "../suspend/call-task.ts";
import { isBubbleUp, isFatal } from "../suspend/errors.ts";
import { type HostConfig, type Place, placeIfAny, placeOfThread } from "../suspend/place.ts";
import { takeResumeValue } from "../suspend/resume-value.ts";
import { isHITLSuspend } from "../suspend/suspend-signal.ts";
import { type InDoubtPolicy, ToolStep, type ToolStepOptions } from "../suspend/tool-step.ts";
import { ASKS_HUMANS } from "./graph.ts";
import { CallLedger, type Selected } from "./ledger/call-ledger.ts";
import type { LedgerRules } from "./ledger/ledger-rule.ts";
import type { LedgeredTool } from "./ledger/run-behind-ledger.ts";
import { markOfError } from "./ledger/replayed.ts";
import { nestedConfig } from "./nested-config.ts";
import { pauseFor } from "./pause-for.ts";
import { CallPolicy, type PolicedTool } from "./policy/call-policy.ts";
import {
  asToolOutput,
  decodeOutput,
  encodeOutput,
  type HostSerde,
  saidFor,
  toolMessage,
  type ToolOutput,
} from "./tool-outcome.ts";
import { CallNames, identityOf, wakeHintOf } from "./wake.ts";

export interface HITLToolNodeOptions extends ToolNodeOptions {
  /** Where questions are kept. Default: `configurable.holdpoint.backend`, then `configureHoldpoint`. */
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

type Tools = (StructuredToolInterface | DynamicTool | RunnableToolLike)[];

/**
 * Drop-in for `ToolNode`: takes the messages state, a plain array of messages, or one call per `Send`; works as
 * `createReactAgent({ tools: new HITLToolNode(tools, { backend }) })`.
 *
 * @example
 * ```ts
 * import { tool } from "@langchain/core/tools";
 * import { confirm, HITLToolNode, InMemoryHITLBackend } from "holdpoint";
 * import { z } from "zod";
 *
 * const refund = tool(
 *   async ({ order }) => {
 *     const { confirmed } = await confirm({ message: `Refund ${order}?`, risk_level: "high" });
 *     return confirmed ? `refunded ${order}` : "not refunded";
 *   },
 *   { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
 * );
 *
 * export const tools = new HITLToolNode([refund], { backend: new InMemoryHITLBackend() });
 * ```
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the default of ToolNode itself: a graph takes no other.
export class HITLToolNode<T = any> extends ToolNode<T> {
  readonly [ASKS_HUMANS]: true = true;
  readonly #backend: HITLBackend | undefined;
  readonly #stepOptions: ToolStepOptions;
  readonly #ledger: CallLedger | undefined;
  readonly #policy: CallPolicy | undefined;

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a policy that is none, or a rule of the ledger that cannot be */
  constructor(tools: Tools, options: HITLToolNodeOptions = {}) {
    const { backend, inDoubt, leaseMs, ledger, policy, ...host } = options;
    super(tools, host);
    this.#backend = backend;
    this.#ledger = CallLedger.of(ledger, backend);
    this.#policy = CallPolicy.of(policy, backend);
    this.#stepOptions = { leaseMs, inDoubt: typeof inDoubt === "string" ? () => inDoubt : inDoubt };
  }

  protected override async run(input: unknown, config: LangGraphRunnableConfig): Promise<T> {
    const { calls, state } = callsOf(input);
    const found = placeIfAny(config as HostConfig, this.#backend);
    if (!found) {
      const outputs = await Promise.all(
        calls.map((call) => this.#invoke(call, config, state, this.#ledger?.selectedBy(call))),
      );
      return combine(outputs, input) as T;
    }
    const located = placeOfThread(config as HostConfig, found);
    // On this path every promise counts, and most are not needed: it awaits only what has to be waited for.
    const place = located instanceof Promise ? await located : located;
    const step = new ToolStep(place, { ...this.#stepOptions, seesWholeStep: !isSendInput(input) });
    const names = new CallNames();
    const tasks = calls.map((call) =>
      this.#task(place, call, names.next(call.id), nestedConfig(config, call, calls.length), state),
    );
    const ids = tasks.map((task) => task.call.id);
    // The host has surely not run a fresh task before: nothing is recorded.
    if (!place.fresh) {
      const taken = takeResumeValue(config as HostConfig, place);
      if (taken) await taken;
      await step.load(ids, wakeHintOf(config, place));
    }
    for (;;) {
      step.runs.clear();
      const seen = step.changes;
      const runs = tasks.map((task) => new CallRun(step, task));
      const [only] = runs;
      const results = only && runs.length === 1 ? [await only.settle()] : await settleAll(runs);
      const outputs = results.flatMap((result) => (result.status === "finished" ? [result.output] : []));
      if (outputs.length === results.length) return combine(outputs, input) as T;
      // While a slow sibling ran, a question may have been answered: look once more before going to sleep.
      if (step.changes > seen && (await step.refresh(ids))) continue;
      throw interruptOf(pauseFor(runs, step));
    }
  }

  #task(
    place: Place,
    call: ToolCall,
    tool_call_id: string,
    config: LangGraphRunnableConfig,
    state: unknown,
  ): CallTask<ToolOutput> {
    const serde = (place.checkpointer as unknown as { serde: HostSerde }).serde;
    const selected = this.#ledger?.selectedBy(call);
    return {
      call: identityOf(place, call, tool_call_id),
      signal: config.signal,
      behindEffect: selected !== undefined,
      execute: () => this.#invoke(call, config, state, selected),
      encode: (output) => encodeOutput(output, serde),
      decode: (outcome) => decodeOutput(outcome, serde),
      ...saidFor(call),
    };
  }

  /** As the stock node runs a tool, but signals and errors of the engine pass. */
  async #invoke(
    call: ToolCall,
    config: LangGraphRunnableConfig,
    state: unknown,
    selected: Selected | undefined,
  ): Promise<ToolOutput> {
    const tool = this.tools.find((candidate) => candidate.name === call.name);
    try {
      if (tool === undefined) throw new Error(`Tool "${call.name}" not found.`);
      // With our names first: what is copied and then grows takes twelve times as long to make.
      const runtime: Record<string, unknown> = { state, toolCallId: "", config, ...config };
      runtime["state"] = state;
      runtime["toolCallId"] = call.id ?? "";
      runtime["config"] = config;
      runtime["context"] = config.context;
      runtime["store"] = config.store ?? null;
      runtime["writer"] = config.writer ?? null;
      if (this.#policy) return await this.#policy.guard(this.#policed(tool, call, config, runtime, selected));
      if (selected) return await selected.run(ledgered(tool, call, config, runtime));
      return asToolOutput(await tool.invoke({ ...call, type: "tool_call" }, runtime as never), call);
    } catch (error) {
      if (isHITLSuspend(error) || isFatal(error) || isBubbleUp(error) || !this.handleToolErrors) throw error;
      // That the run was aborted is no outcome of the tool: its body may go on, and have its effect.
      if (config.signal?.aborted) throw error;
      const message = `Error: ${(error as Error).message}\n Please fix your mistakes.`;
      const said = toolMessage(call, message, "error");
      const mark = selected && markOfError(error);
      if (mark) said.response_metadata = { holdpoint: mark };
      return said;
    }
  }

  #policed(
    tool: Tools[number],
    call: ToolCall,
    config: LangGraphRunnableConfig,
    runtime: Readonly<Record<string, unknown>>,
    selected: Selected | undefined,
  ): PolicedTool {
    const run = (made: ToolCall): Promise<unknown> => {
      // A call that a human has changed may be one that the ledger means only now.
      const behind = selected ?? (made === call ? undefined : this.#ledger?.selectedBy(made));
      return behind
        ? behind.run(ledgered(tool, made, config, runtime))
        : tool.invoke({ ...made, type: "tool_call" }, runtime as never);
    };
    return { call, config, state: runtime["state"], tool, run };
  }
}

/** Apart, so that a call that is not behind the ledger makes no closure. */
function ledgered(
  tool: Tools[number],
  call: ToolCall,
  config: LangGraphRunnableConfig,
  runtime: Readonly<Record<string, unknown>>,
): LedgeredTool {
  const invoke = (signal: AbortSignal): Promise<unknown> =>
    tool.invoke({ ...call, type: "tool_call" }, { ...runtime, signal } as never);
  const { schema } = tool as { readonly schema?: unknown };
  return { call, config, state: runtime["state"], schema, invoke };
}

/** All of them come to their end, also when one fails: a sibling's effect has to be recorded. */
async function settleAll(runs: readonly CallRun<ToolOutput>[]): Promise<CallResult<ToolOutput>[]> {
  const settled = await Promise.allSettled(runs.map((run) => run.settle()));
  const failed = settled.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return settled.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}

function interruptOf(pause: ReturnType<typeof pauseFor>): GraphInterrupt {
  // It is thrown on every round, through many async frames, and its stack is never read.
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return new GraphInterrupt(pause);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function isSendInput(input: unknown): input is { readonly lg_tool_call: ToolCall } {
  return typeof input === "object" && input !== null && "lg_tool_call" in input;
}

function callsOf(input: unknown): { calls: ToolCall[]; state: unknown } {
  if (isSendInput(input)) {
    const { lg_tool_call, ...state } = input;
    return { calls: [lg_tool_call], state };
  }
  const messages = isMessages(input) ? input : (input as { messages?: unknown } | null)?.messages;
  if (!isMessages(messages)) {
    throw new Error("ToolNode only accepts BaseMessage[] or { messages: BaseMessage[] } as input.");
  }
  const answered = new Set(
    messages.filter((m) => m.getType() === "tool").map((m) => (m as ToolMessage).tool_call_id),
  );
  const last = messages.findLast((message): message is AIMessage => isAIMessage(message));
  if (!last) throw new Error("ToolNode only accepts AIMessages as input.");
  const calls = (last.tool_calls ?? []).filter((call) => call.id === undefined || !answered.has(call.id));
  return { calls, state: input };
}

function isMessages(value: unknown): value is BaseMessage[] {
  return Array.isArray(value) && value.every(isBaseMessage);
}

/** As the stock node combines messages and commands; commands to the parent graph are merged into one. */
function combine(outputs: readonly ToolOutput[], input: unknown): unknown {
  const wrap = (messages: readonly unknown[]): unknown => (Array.isArray(input) ? messages : { messages });
  if (!outputs.some((output) => isCommand(output))) return wrap(outputs);
  const combined: unknown[] = [];
  let parent: Command | null = null;
  for (const output of outputs) {
    if (!isCommand(output)) combined.push(wrap([output]));
    else if (isSendsToParent(output)) {
      const goto: unknown[] = [
        ...((parent?.goto as unknown[] | undefined) ?? []),
        ...(output.goto as unknown[]),
      ];
      parent = new Command({ graph: Command.PARENT, goto: goto as never });
    } else combined.push(output);
  }
  return parent ? [...combined, parent] : combined;
}

function isSendsToParent(command: Command): boolean {
  const { graph, goto } = command;
  return graph === Command.PARENT && Array.isArray(goto) && goto.every((target) => isSend(target));
}

function isSend(target: unknown): boolean {
  return target instanceof Send || (target as { lg_name?: string } | null)?.lg_name === "Send";
}
