/**
 * The option `policy` of a node, of wrapped tools, of the middleware: what is between the host and a tool, just before its
 * body, with the arguments that the tool is about to get (P7). It runs within the call: what it asks suspends the call.
 */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { HITLRecord } from "../../core/record.ts";
import { isStandardSchema } from "../../core/response-schema.ts";
import { type GateResult, PolicyGate } from "../../policy/gate.ts";
import { PolicyGrants } from "../../policy/grants.ts";
import type { Policy } from "../../policy/policy.ts";
import type { PolicyCall, PolicyContext } from "../../policy/types.ts";
import type { CallPermissions, PermissionQuestion } from "../../suspend/call-permissions.ts";
import { callScope } from "../../suspend/call-scope.ts";
import { currentConfig } from "../../suspend/current-config.ts";
import type { HoldpointRunConfig } from "../../suspend/configure.ts";
import { isBubbleUp, isFatal } from "../../suspend/errors.ts";
import { type HostConfig, namespaceOf, placeOf } from "../../suspend/place.ts";
import { isHITLSuspend } from "../../suspend/suspend-signal.ts";
import { asToolOutput, type ToolOutput } from "../tool-outcome.ts";
import { judgeOf } from "./permission-judge.ts";
import { answeredMessage, noted } from "./policy-mark.ts";
import { previewOf } from "./preview.ts";
import { grantCallId, questionName } from "./question-names.ts";

/** How a host runs a tool. */
export interface PolicedTool {
  /** With the arguments that the tool is about to get. */
  readonly call: ToolCall;
  readonly config: LangGraphRunnableConfig;
  /** Of the task, where the config does not show it. */
  readonly state?: unknown;
  readonly tool: unknown;
  /** With the arguments that were allowed: a human may have changed them. */
  readonly run: (call: ToolCall) => Promise<unknown>;
}

export type Settled = GateResult & { readonly outcome: "run" | "answer" };

/** What asks, waits and decides for the calls of one policy in one call's body. */
export interface Gatekeeper {
  readonly permissions: CallPermissions;
  /** @param name - tells what is asked about from all else that the body asks */
  settle(name: string, call: PolicyCall, context: PolicyContext, extra?: QuestionExtra): Promise<Settled>;
}

/** What an author's own request adds to the policy's question. */
export type QuestionExtra = (question: PermissionQuestion) => PermissionQuestion;

export class CallPolicy {
  readonly #policy: Policy;
  readonly #backend: HITLBackend | undefined;
  /** A run may bring a backend of its own. */
  readonly #gates = new WeakMap<StoreHITLBackend, PolicyGate>();
  readonly #gateWithoutStore: PolicyGate;

  constructor(policy: Policy, backend: HITLBackend | undefined) {
    this.#policy = policy;
    this.#backend = backend;
    this.#gateWithoutStore = new PolicyGate({ policy });
  }

  /** @throws HoldpointError `ERR_HITL_INVALID_INPUT` for what `definePolicy` has not made: it would allow everything */
  static of(policy: Policy | undefined, backend: HITLBackend | undefined): CallPolicy | undefined {
    if (policy === undefined) return undefined;
    if (typeof (policy as Partial<Policy> | null)?.decide === "function")
      return new CallPolicy(policy, backend);
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "The option policy has to be a policy: definePolicy({ rules: […] }), of holdpoint/policy.",
      { details: { option: "policy" } },
    );
  }

  /**
   * As the tool would: gives its output, throws its error. A call that does not run has its message.
   *
   * @throws the signal that suspends the call
   * @throws HoldpointError `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_NO_THREAD`, `ERR_HITL_NO_BACKEND` where nobody can be asked;
   * those of the store. The tool has not run then (P8).
   */
  async guard(given: PolicedTool): Promise<ToolOutput> {
    const tool = inBody(given);
    const { call, config, run } = tool;
    const permissions = permissionsAt(config as HostConfig);
    const asked: PolicyCall = { name: call.name, args: call.args ?? {}, id: call.id };
    const name = permissions ? questionName(permissions, asked) : "";
    const settled = await this.#settle(permissions, name, asked, this.#contextOf(tool));
    if (settled.outcome === "answer") return answeredMessage(call, settled);
    const { args } = settled;
    const made = settled.note === undefined ? call : { ...call, args };
    const output = asToolOutput(
      await underPolicy(permissions, this.#judge(permissions, tool), () =>
        noting(settled.note, () => run(made)),
      ),
      call,
    );
    return noted(output, call, settled);
  }

  #judge(permissions: CallPermissions | undefined, tool: PolicedTool): CallPermissions["judge"] {
    if (!permissions) return undefined;
    const settle: Gatekeeper["settle"] = (name, call, context, extra) =>
      this.#settle(permissions, name, call, context, extra);
    const { argsSchema: _, preview: __, ...context } = this.#contextOf(tool);
    return judgeOf({ permissions, settle }, context);
  }

  #contextOf({ config, state, tool }: PolicedTool): PolicyContext {
    const { schema } = (tool ?? {}) as { readonly schema?: PolicyContext["argsSchema"] };
    const preview = previewOf(tool);
    return {
      state: state ?? stateOf(config),
      runtime: config,
      user_id: userOf(config),
      argsSchema: isSchema(schema) ? schema : undefined,
      ...(preview ? { preview } : {}),
    };
  }

  async #settle(
    permissions: CallPermissions | undefined,
    name: string,
    call: PolicyCall,
    given: PolicyContext,
    extra: QuestionExtra = (question) => question,
  ): Promise<Settled> {
    if (!permissions) return this.#settleAnywhere(call, given);
    const { place } = permissions;
    const { session_id } = place;
    const gate = this.#gateOver(place.backend);
    const context = { ...given, session_id };
    const by = { call_id: grantCallId(permissions, name), session_id, user_id: given.user_id };
    let question: HITLRecord | null = permissions.newest(name);
    for (;;) {
      const result = await gate.check(call, context, by, question);
      // Whose answer counts was heard; one that came to nothing since the call has changed was not (P2).
      if (question && !(result.outcome === "ask" && result.because === "changed"))
        permissions.hear(question.hitl_id);
      switch (result.outcome) {
        case "wait":
          question = await permissions.wait(name, result.hitl_id);
          break;
        case "ask":
          question = await permissions.ask(name, extra(result.question));
          break;
        case "answer":
          if (result.decision?.verdict === "deny" && result.decision.question)
            await permissions.noteDryRun(name, extra(result.decision.question));
          return result;
        case "run":
          return result;
      }
    }
  }

  /** Where nobody can be asked: the rules alone decide. */
  async #settleAnywhere(call: PolicyCall, context: PolicyContext): Promise<Settled> {
    const by = { call_id: "none", session_id: "none" };
    const result = await this.#gateWithoutStore.check(call, context, by, null);
    if (result.outcome === "run" || result.outcome === "answer") return result;
    const { runtime } = context;
    placeOf(runtime as HostConfig, this.#backend);
    throw new HoldpointError(
      "ERR_HITL_NO_CALL_IDENTITY",
      `The policy asks a human about ${call.name}, but nothing here keeps its call. Run the tool in a node of holdpoint.`,
      { details: { tool_name: call.name } },
    );
  }

  #gateOver(backend: StoreHITLBackend): PolicyGate {
    const known = this.#gates.get(backend);
    if (known) return known;
    const grants = new PolicyGrants({ backend });
    const made = new PolicyGate({ policy: this.#policy, grants, backend });
    this.#gates.set(backend, made);
    return made;
  }
}

/** A body that runs another tool need not hand its config on. */
function inBody(tool: PolicedTool): PolicedTool {
  if (tool.config.configurable) return tool;
  const config = currentConfig();
  return config ? { ...tool, config: config as LangGraphRunnableConfig } : tool;
}

function permissionsAt(config: HostConfig): CallPermissions | undefined {
  const scope = callScope.getStore();
  return scope?.checkpoint_ns === (namespaceOf(config) ?? "") ? scope.permissions : undefined;
}

async function underPolicy<T>(
  permissions: CallPermissions | undefined,
  judge: CallPermissions["judge"],
  run: () => Promise<T>,
): Promise<T> {
  if (!permissions) return run();
  const outer = permissions.judge;
  permissions.judge = judge;
  permissions.depth += 1;
  try {
    return await run();
  } finally {
    permissions.depth -= 1;
    if (permissions.depth > 0) permissions.judge = outer;
  }
}

/** What the model reads of a failure has to say that the arguments were not its own. */
async function noting<T>(note: string | undefined, run: () => Promise<T>): Promise<T> {
  if (note === undefined) return run();
  try {
    return await run();
  } catch (error) {
    const isOwn = isHITLSuspend(error) || isFatal(error) || isBubbleUp(error);
    if (!isOwn && error instanceof Error && !Object.isFrozen(error))
      error.message = `${error.message}\n\n${note}`;
    throw error;
  }
}

function isSchema(schema: unknown): boolean {
  return isStandardSchema(schema) || (typeof schema === "object" && schema !== null);
}

function userOf({ configurable }: LangGraphRunnableConfig): string | undefined {
  const run = (configurable as Record<string, unknown> | undefined)?.["holdpoint"];
  return (run as HoldpointRunConfig | undefined)?.user_id;
}

/** The state of the task, as far as the host shows it. */
function stateOf(config: LangGraphRunnableConfig): unknown {
  const { state, configurable } = config as {
    readonly state?: unknown;
    readonly configurable?: { readonly __pregel_scratchpad?: { readonly currentTaskInput?: unknown } };
  };
  return state ?? configurable?.__pregel_scratchpad?.currentTaskInput;
}
