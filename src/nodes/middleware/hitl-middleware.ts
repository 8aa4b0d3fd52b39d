/**
 * `hitlMiddleware`: the tools of langchain's `createAgent` can ask humans. Made without langchain: its middleware
 * is a plain object, and `holdpoint` loads without that package.
 */
import type { AIMessage, BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { Command, LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { type InterruptOn, interruptOnRules } from "../../policy/interrupt-on.ts";
import { definePolicy, type Policy } from "../../policy/policy.ts";
import { currentConfig } from "../../suspend/current-config.ts";
import { PauseSignal } from "../../suspend/pause-signal.ts";
import { type HostConfig, namespaceOf, placeOf } from "../../suspend/place.ts";
import { isHITLSuspend } from "../../suspend/suspend-signal.ts";
import type { InDoubtPolicy } from "../../suspend/tool-step.ts";
import { isOwnResult, unknownResult } from "../message/results.ts";
import { isToolMessage, repairMessages, unansweredToolCalls } from "../message/tool-calls.ts";
import { CallLedger, type Selected } from "../ledger/call-ledger.ts";
import type { LedgerRules } from "../ledger/ledger-rule.ts";
import { isSentAlone, nestedConfig } from "../nested-config.ts";
import { CallPolicy, type PolicedTool } from "../policy/call-policy.ts";
import { argsOf, withArgs } from "../tool-input.ts";
import { WrappedCalls } from "../wrapped-calls.ts";
import { type Around, guardedTool, isInvokable, isSignal, type Stop } from "./guarded-tool.ts";
import { LostPauses, type RunRuntime } from "./lost-pauses.ts";
import { mendMessages } from "./mend-messages.ts";
import { signalCommand } from "./signal-command.ts";

export interface HITLMiddlewareOptions {
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
  /**
   * As of langchain's `humanInTheLoopMiddleware`, in place of a policy; tools that it does not name run (docs/middleware.md,
   * "Moving from …"). A run whose context has one is refused: `ERR_HITL_INVALID_INPUT`.
   */
  readonly interruptOn?: InterruptOn | undefined;
  /** Before the tool and its arguments in the text of a question. Default: "Tool execution requires approval". */
  readonly descriptionPrefix?: string | undefined;
}

/** What is needed of langchain's `ToolCallRequest`; all of it is handed on. */
export interface HITLToolCallRequest {
  readonly toolCall: ToolCall;
  readonly tool?: unknown;
  readonly state?: { readonly messages: readonly BaseMessage[] };
  readonly runtime: RunRuntime;
}

/** What is needed of langchain's `ModelRequest`; all of it is handed on. */
export interface HITLModelRequest {
  readonly messages: readonly BaseMessage[];
  readonly state: { readonly messages: readonly BaseMessage[] };
  readonly runtime: HITLToolCallRequest["runtime"];
}

type ToolResult = ToolMessage | Command;
type ToolHandler<Request> = (request: Request) => ToolResult | Promise<ToolResult>;

/** A middleware of langchain's `createAgent`, by its shape; assignable to its `AgentMiddleware`. */
export interface HITLMiddleware {
  /** For langchain's inference only: no state, no context, no tools of its own. */
  readonly "~middlewareTypes"?: {
    Schema: undefined;
    ContextSchema: undefined;
    FullContext: unknown;
    Tools: readonly [];
    StreamTransformers: readonly [];
  };
  name: string;
  wrapToolCall<Request extends HITLToolCallRequest>(
    request: Request,
    handler: ToolHandler<Request>,
  ): Promise<ToolResult>;
  /**
   * Makes the messages valid where new input came while the thread waited for a human, past `sendMessage`: each tool
   * call gets a result, and what was open is cancelled (`superseded`). Nothing runs again (P6).
   */
  beforeModel(
    state: { readonly messages: readonly BaseMessage[] },
    runtime: HITLToolCallRequest["runtime"],
  ): Promise<{ messages: BaseMessage[] } | undefined>;
  /** Calls the model, unless it would read the result of a call that waits for a human. */
  wrapModelCall<Request extends HITLModelRequest>(
    request: Request,
    handler: (request: Request) => AIMessage | Promise<AIMessage>,
  ): Promise<AIMessage>;
}

/** How langchain tells middleware from other objects; registered, so that it needs no import. */
const BRAND = Symbol.for("AgentMiddleware");

/**
 * Lets the tools of an agent ask humans: {@link confirm} and its like, `HITLSuspend`, `step`, in both versions of
 * `createAgent`, with other middleware before or after it. Finished calls do not run again (P6), two resumers have
 * one effect (P9), every question of a step is visible at once (P10). Resume by `respondAndResume` or
 * `resumeThread`, with the agent itself.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for an option that cannot be
 *
 * @example
 * ```ts
 * import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
 * import type { StructuredToolInterface } from "@langchain/core/tools";
 * import { MemorySaver } from "@langchain/langgraph";
 * import { hitlMiddleware, InMemoryHITLBackend } from "holdpoint";
 * import { createAgent } from "langchain";
 *
 * const backend = new InMemoryHITLBackend();
 * export const agentOf = (model: BaseChatModel, tools: StructuredToolInterface[]) =>
 *   createAgent({ model, tools, middleware: [hitlMiddleware({ backend })], checkpointer: new MemorySaver() });
 * ```
 */
export function hitlMiddleware(options: HITLMiddlewareOptions = {}): HITLMiddleware {
  assertOptions(options);
  const { backend } = options;
  const calls = new WrappedCalls({ ...options, failures: "attempt" });
  const ledger = CallLedger.of(options.ledger, backend);
  const policy = CallPolicy.of(policyOf(options), backend);
  const lost = new LostPauses();
  const middleware: HITLMiddleware & { readonly [BRAND]: true } = {
    [BRAND]: true,
    name: "HITLMiddleware",
    async wrapToolCall(request, handler) {
      const between: Between = { policy, ledger, selected: ledger?.selectedBy(request.toolCall) };
      const config = configOf(request.runtime);
      const refused = rulesInContext(request.runtime.context);
      if (refused && config) return signalCommand(() => refused);
      if (refused) throw refused;
      if (!config) return outside(between, request, handler);
      const { id = "", name: tool_name } = request.toolCall;
      lost.arrived(request.runtime, id);
      const {
        output,
        error,
        waits = async () => true,
      } = await wrapped(calls, backend, request, config, handler, between);
      if (output) return output;
      // Whatever is outside must not turn it into a result: it goes past them, to the node.
      lost.carry(request.runtime, id, { tool_name, waits });
      return signalCommand(() => {
        lost.arrived(request.runtime, id);
        return error();
      });
    },
    async beforeModel({ messages }, runtime) {
      const config = configOf(runtime);
      if (config) await lost.assertNone(runtime, () => swallowedIn(messages));
      return mendMessages(messages, config, backend);
    },
    async wrapModelCall(request, handler) {
      const { runtime, state } = request;
      if (runtime.configurable) await lost.assertNone(runtime, () => answeredIn(state.messages));
      // What other middleware has cut out of the state's messages, or of the request's.
      const messages = repairMessages(request.messages, unknownResult);
      return handler(messages === request.messages ? request : { ...request, messages });
    },
  };
  return middleware;
}

type Wrapped =
  | { readonly output: ToolResult; readonly error?: undefined; readonly waits?: undefined }
  | {
      readonly output?: undefined;
      /** What the host's node has to throw. */
      readonly error: () => unknown;
      readonly waits?: () => Promise<boolean>;
    };

/** @throws what the tool throws as its failure; everything else is in the result */
async function wrapped<Request extends HITLToolCallRequest>(
  calls: WrappedCalls,
  backend: HITLBackend | undefined,
  request: Request,
  config: LangGraphRunnableConfig,
  handler: ToolHandler<Request>,
  between: Between,
): Promise<Wrapped> {
  const execute = async (): Promise<ToolResult> => {
    const stop: Stop = { error: undefined, stopped: false };
    const nested = (given: unknown): unknown =>
      nestedConfig(given as LangGraphRunnableConfig, request.toolCall, siblingsOf(request));
    if (!isInvokable(request.tool)) return outside(between, request, handler, config);
    const around = aroundOf(between, request);
    const output = await handler({ ...request, tool: guardedTool(request.tool, stop, nested, around) });
    if (stop.stopped) throw stop.error;
    return output;
  };
  try {
    const result = await calls.run(request.toolCall, config, execute, between.selected !== undefined);
    switch (result.status) {
      case "finished":
        return { output: result.output };
      case "suspended":
        return { error: () => new PauseSignal(result.interrupts()), waits: result.waits };
      case "not_ours":
        return { output: await (result.kept ? execute() : unrecorded(execute, config, backend)) };
    }
  } catch (error) {
    if (!isSignal(error)) throw error;
    return { error: () => error };
  }
}

/** What is between the host and a tool. */
interface Between {
  readonly policy: CallPolicy | undefined;
  readonly ledger: CallLedger | undefined;
  readonly selected: Selected | undefined;
}

/** Around the tool itself: what other middleware has made of the arguments is what policy and ledger see (P7). */
function aroundOf(between: Between, { toolCall, state, tool }: HITLToolCallRequest): Around | undefined {
  if (!between.policy && !between.selected) return undefined;
  return (input, config, invoke) => {
    const call = { ...toolCall, args: argsOf(input) };
    return ran(between, {
      call,
      config: config as LangGraphRunnableConfig,
      state,
      tool,
      invoke: (made, signal) =>
        invoke(
          made === call ? input : withArgs(input, made.args),
          signal ? { ...(config as object), signal } : config,
        ),
    });
  };
}

/** A tool that only the host, or a middleware further in, knows: policy and ledger are around whatever runs it. */
function outside<Request extends HITLToolCallRequest>(
  between: Between,
  request: Request,
  handler: ToolHandler<Request>,
  config: LangGraphRunnableConfig = { configurable: request.runtime.configurable } as LangGraphRunnableConfig,
): Promise<ToolResult> {
  const { toolCall: call, state, tool } = request;
  const invoke = async (made: ToolCall): Promise<ToolResult> =>
    handler(made === call ? request : { ...request, toolCall: made });
  return ran(between, { call, config, state, tool, invoke }) as Promise<ToolResult>;
}

interface RunnableCall extends Omit<PolicedTool, "run"> {
  readonly invoke: (call: ToolCall, signal?: AbortSignal) => Promise<unknown>;
}

function ran({ policy, ledger, selected }: Between, tool: RunnableCall): Promise<unknown> {
  const { call, config, state, invoke } = tool;
  const { schema } = (tool.tool ?? {}) as { readonly schema?: unknown };
  const run = (made: ToolCall): Promise<unknown> => {
    // A call that a human has changed may be one that the ledger means only now.
    const behind = selected ?? (made === call ? undefined : ledger?.selectedBy(made));
    if (!behind) return invoke(made);
    return behind.run({ call: made, config, state, schema, invoke: (signal) => invoke(made, signal) });
  };
  return policy ? policy.guard({ ...tool, run }) : run(call);
}

/** @throws HoldpointError for a question that nothing would record: what is missing, rather than a pause for ever. */
async function unrecorded(
  execute: () => Promise<ToolResult>,
  config: LangGraphRunnableConfig,
  backend: HITLBackend | undefined,
): Promise<ToolResult> {
  try {
    return await execute();
  } catch (error) {
    if (isHITLSuspend(error)) placeOf(config as HostConfig, backend);
    throw error;
  }
}

/** How many calls run in the task of this one: all of the model's message in v1, one per task in v2. */
function siblingsOf({ state, runtime }: HITLToolCallRequest): number {
  if (isSentAlone(runtime.configurable)) return 1;
  const asked = state?.messages.findLast((message) => message.getType() === "ai") as AIMessage | undefined;
  return asked?.tool_calls?.length ?? 1;
}

/** By a tool, or by what a middleware took for one; another run of the thread may be in the call still. */
function answeredIn(messages: readonly BaseMessage[]): ReadonlySet<string> {
  const results = messages.filter(isToolMessage).filter((message) => !isOwnResult(message));
  return new Set(results.map((message) => message.tool_call_id));
}

/** Calls whose result is missing, although nothing but the tools' own messages came behind them. */
function swallowedIn(messages: readonly BaseMessage[]): ReadonlySet<string> {
  const at = messages.findLastIndex((message) => !isToolMessage(message));
  const open = unansweredToolCalls(messages).filter(({ index }) => index === at);
  return new Set(open.flatMap(({ call }) => call.id ?? []));
}

/** The config of the task; undefined outside a graph, where there is nothing to suspend. */
function configOf({ configurable }: HITLToolCallRequest["runtime"]): LangGraphRunnableConfig | undefined {
  if (!configurable?.["__pregel_scratchpad"]) return undefined;
  // The runtime lacks metadata and durability; the running task's config has them, unless it is another's.
  const current = currentConfig();
  const own = namespaceOf(current) === namespaceOf({ configurable }) ? current : undefined;
  return { ...own, configurable } as LangGraphRunnableConfig;
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
function policyOf({ policy, interruptOn, descriptionPrefix }: HITLMiddlewareOptions): Policy | undefined {
  if (policy !== undefined) {
    if (interruptOn !== undefined) throw invalid("interruptOn", "goes in place of policy: give one of them");
    if (descriptionPrefix !== undefined)
      throw invalid("descriptionPrefix", "belongs to interruptOn; a rule of a policy has its message");
    return policy;
  }
  const rules = interruptOnRules(interruptOn === undefined ? {} : interruptOn, { descriptionPrefix });
  return interruptOn === undefined ? undefined : definePolicy({ rules, default: "allow" });
}

/**
 * P8: langchain's middleware also reads `interruptOn` from the context of the run. Whoever resumes a thread, as a worker
 * does, has no context: what it asked about would run then.
 */
function rulesInContext(context: unknown): HoldpointError | undefined {
  const { interruptOn } = (context ?? {}) as { readonly interruptOn?: unknown };
  return (interruptOn ?? undefined) === undefined
    ? undefined
    : invalid(
        "interruptOn",
        "is an option, and is not read from the context of a run: give it to hitlMiddleware",
      );
}

const IN_DOUBT: readonly unknown[] = ["ask", "retry", "fail"] satisfies InDoubtPolicy[];

function assertOptions({ backend, inDoubt, leaseMs }: HITLMiddlewareOptions): void {
  if (backend !== undefined && typeof (backend as Partial<HITLBackend> | null)?.respond !== "function")
    throw invalid("backend", "has to be a HITLBackend");
  if (inDoubt !== undefined && typeof inDoubt !== "function" && !IN_DOUBT.includes(inDoubt))
    throw invalid("inDoubt", `has to be one of ${IN_DOUBT.join(", ")}, or a function that gives one`);
  if (leaseMs !== undefined && !(Number.isFinite(leaseMs) && leaseMs > 0))
    throw invalid("leaseMs", "has to be a number of milliseconds above 0");
}

function invalid(option: string, what: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `hitlMiddleware: ${option} ${what}.`, {
    details: { option },
  });
}
