/** The options of langchain's `humanInTheLoopMiddleware`, as rules: moving over is one import and a backend. */
import type { BaseMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import type { Runtime } from "@langchain/langgraph";
import { HoldpointError } from "../core/errors.ts";
import type { Decision } from "../core/hitl-types.ts";
import { hashJson } from "../core/ids.ts";
import { sourceOf } from "./rule.ts";
import type { PolicyCallView, PolicyRule } from "./types.ts";

/** A tool call as langchain's functions get it; here its arguments are frozen. */
export type InterruptToolCall = ToolCall;

/** What every agent of langchain has in its state. */
export interface InterruptState {
  messages: BaseMessage[];
  structuredResponse?: Record<string, unknown>;
}

/** What langchain hands to the functions of a middleware. */
export type InterruptRuntime = Partial<Omit<Runtime<Record<string, unknown>>, "configurable" | "context">> & {
  readonly context?: unknown;
  configurable?: { thread_id?: string; [key: string]: unknown };
};

export type InterruptDecision = "approve" | "edit" | "reject" | "respond";

export interface InterruptRequest<State = InterruptState, AgentRuntime = InterruptRuntime> {
  readonly toolCall: InterruptToolCall;
  readonly tool: undefined;
  readonly state: State;
  readonly runtime: AgentRuntime;
}

/**
 * The functions of an author. They are methods, so that TypeScript lets one in that is written for an agent's own state or
 * context, or for langchain's types: whoever gives the rules to an agent knows which it is.
 */
interface Functions<State, AgentRuntime> {
  description(call: InterruptToolCall, state: State, runtime: AgentRuntime): string | Promise<string>;
  when(request: InterruptRequest<State, AgentRuntime>): boolean | Promise<boolean>;
}

/**
 * How calls of a tool are asked about; the fields are langchain's. The functions have to be pure: each is called whenever
 * the call is about to run, so before and after an answer, in whatever process.
 */
export interface InterruptOnConfig<State = InterruptState, AgentRuntime = InterruptRuntime> {
  readonly allowedDecisions: readonly InterruptDecision[];
  /** What the human reads. Default: the prefix, with tool and arguments. */
  readonly description?: string | Functions<State, AgentRuntime>["description"] | undefined;
  /** JSON Schema that edited arguments have to satisfy, besides the tool's own. */
  readonly argsSchema?: Readonly<Record<string, unknown>> | undefined;
  /** False: the call is not asked about. */
  readonly when?: Functions<State, AgentRuntime>["when"] | undefined;
}

/** By the name of a tool: `true` asks, with approve, edit and reject; `false` does not. Nor is a tool asked about that is not named. */
export type InterruptOn<State = InterruptState, AgentRuntime = InterruptRuntime> = Readonly<
  Record<string, boolean | InterruptOnConfig<State, AgentRuntime>>
>;

const DECISION_NAMES: Readonly<Record<InterruptDecision, Decision>> = {
  approve: "approve_once",
  edit: "edit",
  reject: "reject",
  respond: "respond",
};
const ALL: readonly InterruptDecision[] = ["approve", "edit", "reject"];
const FIELDS: ReadonlySet<string> = new Set(["allowedDecisions", "description", "argsSchema", "when"]);
const PREFIX = "Tool execution requires approval";

function invalidOption(option: string, what: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", `${option} ${what}.`, { details: { option } });
}

function invalid(tool: string, message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `interruptOn[${JSON.stringify(tool)}] ${message}`, {
    details: { option: "interruptOn" },
  });
}

/**
 * The rules that `interruptOn` stands for. What it does not name runs in langchain: give `default: "allow"` for that.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT`; also for a config without `allowedDecisions`, which nobody could answer
 *
 * @example
 * ```ts
 * import { definePolicy, interruptOnRules } from "holdpoint/policy";
 *
 * export const policy = definePolicy({
 *   rules: interruptOnRules({
 *     send_email: { allowedDecisions: ["approve", "reject"], description: "Look at the address." },
 *     delete_file: { allowedDecisions: ["approve"], when: ({ toolCall }) => toolCall.args["path"] !== "/tmp" },
 *     read_file: false,
 *   }),
 *   default: "allow",
 * });
 * ```
 */
export function interruptOnRules<State = InterruptState, AgentRuntime = InterruptRuntime>(
  interruptOn: InterruptOn<State, AgentRuntime>,
  { descriptionPrefix = PREFIX }: { readonly descriptionPrefix?: string | undefined } = {},
): PolicyRule[] {
  if (typeof interruptOn !== "object" || interruptOn === null || Array.isArray(interruptOn))
    throw invalidOption("interruptOn", "has to be { tool: true | false | config }");
  if (typeof descriptionPrefix !== "string") throw invalidOption("descriptionPrefix", "has to be text");
  return Object.entries(interruptOn as InterruptOn).flatMap(([tool, given]) =>
    rulesOf(tool, given, descriptionPrefix),
  );
}

function rulesOf(tool: string, given: InterruptOn[string], prefix: string): PolicyRule[] {
  const id = `interrupt_on:${tool}`;
  const tools = literalGlob(tool);
  if (given === false) return [{ id, for: tools, verdict: "allow" }];
  const config: InterruptOnConfig = given === true ? { allowedDecisions: ALL } : given;
  if (typeof config !== "object" || config === null)
    return invalid(tool, "has to be true, false or an object.");
  const unknown = Object.keys(config).find((name) => !FIELDS.has(name));
  if (unknown !== undefined) invalid(tool, `has a field ${JSON.stringify(unknown)} that is not known.`);
  const { description, argsSchema, when } = config;
  if (description !== undefined && typeof description !== "string" && typeof description !== "function")
    invalid(tool, "has a description that is neither text nor a function.");
  if (when !== undefined && typeof when !== "function") invalid(tool, "has a `when` that is no function.");
  const ask: PolicyRule = {
    id,
    for: tools,
    verdict: "ask",
    allowed_decisions: decisionsOf(tool, config.allowedDecisions),
    message: typeof description === "string" ? description : (view) => described(view, description, prefix),
    argsSchema,
  };
  if (when === undefined) return [ask];
  // The rule's own function is ours, and the same for all: what the author has written is in the version.
  const version = hashJson(sourceOf(when, `interruptOn[${JSON.stringify(tool)}]`));
  const isAsked: PolicyRule["when"] = ({ state, runtime, ...view }) =>
    when({ ...agentOf(state, runtime), toolCall: toolCallOf(view), tool: undefined });
  // A tool that is named is asked about or runs, by its `when` alone, whatever rules come after.
  return [
    { ...ask, when: isAsked, version },
    { id: `${id}:else`, for: tools, verdict: "allow" },
  ];
}

function decisionsOf(tool: string, given: unknown): Decision[] {
  const isKnown = (name: unknown): boolean => typeof name === "string" && Object.hasOwn(DECISION_NAMES, name);
  if (!Array.isArray(given) || given.length === 0 || !given.every(isKnown))
    return invalid(tool, `needs allowedDecisions: some of ${Object.keys(DECISION_NAMES).join(", ")}.`);
  const names: readonly InterruptDecision[] = given;
  return names.map((name) => DECISION_NAMES[name]);
}

async function described(
  view: PolicyCallView,
  description: Exclude<InterruptOnConfig["description"], string>,
  prefix: string,
): Promise<string> {
  const { tool, args } = view;
  const { state, runtime } = agentOf(view.state, view.runtime);
  if (description) return description(toolCallOf(view), state, runtime);
  return `${prefix}\n\nTool: ${tool}\nArgs: ${JSON.stringify(args, null, 2)}`;
}

function toolCallOf({
  tool,
  args,
  tool_call_id,
}: Pick<PolicyCallView, "tool" | "args" | "tool_call_id">): InterruptToolCall {
  return { name: tool, args, ...(tool_call_id === undefined ? {} : { id: tool_call_id }), type: "tool_call" };
}

/** As its author has declared them: a policy knows no agent. */
function agentOf(state: unknown, runtime: unknown): Pick<InterruptRequest, "state" | "runtime"> {
  return { state, runtime } as Pick<InterruptRequest, "state" | "runtime">;
}

/** Names are literal there. */
function literalGlob(name: string): string {
  return name.replaceAll(/[*?[]/g, "[$&]");
}
