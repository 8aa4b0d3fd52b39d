/**
 * Before a call runs: what the policy, a grant or a human's answer makes of it. One function for all hosts: a node asks it
 * just before each run of the body, with the arguments that the tool is about to get (docs/policy.md, "Before a call runs").
 */
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { type Decision, DECISIONS } from "../core/hitl-types.ts";
import { hashJson } from "../core/ids.ts";
import { cloneJson, type JsonObject, type JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { checkStandard, describeIssues, isStandardSchema } from "../core/response-schema.ts";
import { mayAnswer } from "../core/answerers.ts";
import { openAsksOver, overCapText } from "./caps.ts";
import type { Grant } from "./grant-record.ts";
import type { PolicyGrants } from "./grants.ts";
import type { Policy } from "./policy.ts";
import type {
  GrantUser,
  PolicyAsk,
  PolicyCall,
  PolicyContext,
  PolicyDecision,
  PolicyDeny,
  PolicyQuestion,
} from "./types.ts";

export interface GateOptions {
  readonly policy: Policy;
  /** Without them approve always is approve once. */
  readonly grants?: PolicyGrants | undefined;
  /** Where the questions are: without it the policy's caps are not kept. */
  readonly backend?: HITLBackend | undefined;
}

/** What is to be done with a call. */
export type GateResult =
  /** It runs, with these arguments. */
  | {
      readonly outcome: "run";
      readonly because: "policy" | "grant" | "answer";
      readonly decision: PolicyDecision;
      readonly args: Readonly<JsonObject>;
      readonly grant?: Grant;
      /** Of a human, where it is his answer that counts. */
      readonly answer?: GateAnswer;
      /** A human has changed the arguments: for the model, which does not know. */
      readonly note?: string;
    }
  /** A human is to be asked: for the first time; again, since what he approved has `changed`; about what he has `edited`. */
  | {
      readonly outcome: "ask";
      readonly because: "policy" | "changed" | "edited";
      readonly decision: PolicyAsk;
      readonly question: PolicyQuestion;
    }
  /** The question is still open. */
  | { readonly outcome: "wait"; readonly hitl_id: string }
  /** It does not run. `message` is the call's result for the model; `error` says whether it is one. */
  | {
      readonly outcome: "answer";
      readonly because: "denied" | "rejected" | "responded" | "skipped" | "expired" | "cancelled";
      readonly message: string;
      readonly error: boolean;
      readonly decision?: PolicyDecision;
      readonly answer?: GateAnswer;
    };

/** What a human has answered. */
export interface GateAnswer {
  readonly decision: Decision;
  readonly message: string | undefined;
  readonly scope: string | undefined;
  readonly edited_args: JsonObject | undefined;
}

/**
 * What a host asks before a call runs. It keeps nothing between two calls.
 *
 * @example
 * ```ts
 * import type { HITLRecord } from "holdpoint";
 * import type { PolicyGate } from "holdpoint/policy";
 *
 * export async function transfer(gate: PolicyGate, args: { amount: number }, question: HITLRecord | null) {
 *   const by = { session_id: "s1", call_id: "call_1 in its checkpoint" };
 *   const result = await gate.check({ name: "transfer", args }, by, by, question);
 *   return result.outcome === "run" ? `transferred ${String(result.args["amount"])}` : result.outcome;
 * }
 * ```
 */
export class PolicyGate {
  readonly #policy: Policy;
  readonly #grants: PolicyGrants | undefined;
  readonly #backend: HITLBackend | undefined;

  constructor({ policy, grants, backend }: GateOptions) {
    this.#policy = policy;
    this.#grants = grants;
    this.#backend = backend;
  }

  /**
   * @param call - as the tool is about to receive it, after all middleware (P7)
   * @param question - the newest question of the call, as the store has it; null before it was asked
   * @throws HoldpointError of the store; the call must not run then (P8)
   */
  async check(
    call: PolicyCall,
    context: PolicyContext,
    by: GrantUser,
    question: HITLRecord | null,
  ): Promise<GateResult> {
    if (question && question.status !== "pending") return this.#afterAnswer(call, context, question);
    const decision = await this.#decide(call, context);
    if (decision.verdict === "deny") return this.#denied(decision, call, context);
    if (decision.verdict === "allow")
      return { outcome: "run", because: "policy", decision, args: decision.args };
    const used = await this.#grants?.consume(decision, by);
    if (used) return { outcome: "run", because: "grant", decision, args: decision.args, grant: used.grant };
    if (question?.subject?.approved_hash === decision.approved_hash)
      return { outcome: "wait", hitl_id: question.hitl_id };
    return (await this.#overCap(call, decision, by)) ?? this.#ask("policy", call, context);
  }

  async #overCap(call: PolicyCall, decision: PolicyAsk, by: GrantUser): Promise<GateResult | null> {
    const { caps } = this.#policy;
    if (!this.#backend) return null;
    const { session_id, call_id } = by;
    const { approved_hash } = decision;
    const ask = { session_id, call_id, approved_hash, tool_call_id: call.id };
    const over = await openAsksOver(this.#backend, caps, ask);
    if (over === null) return null;
    const message = overCapText(call.name, over, caps);
    return { outcome: "answer", because: "denied", message, error: true, decision };
  }

  async #afterAnswer(call: PolicyCall, context: PolicyContext, question: HITLRecord): Promise<GateResult> {
    if (question.status !== "completed") return ended(call.name, question);
    const answer = answerOf(question);
    if (!answer) return rejected(call.name, "the answer was not one that is allowed");
    const { message } = answer;
    switch (answer.decision) {
      case "reject":
        return { ...rejected(call.name, message), answer };
      case "respond":
        return { outcome: "answer", because: "responded", message: message ?? "", error: false, answer };
      case "skip":
        return {
          outcome: "answer",
          because: "skipped",
          message: skippedText(call.name, message),
          error: false,
          answer,
        };
      case "edit":
        return this.#afterEdit(call, context, question, answer);
      case "approve_always":
        await this.#grants?.fromAnswer(question.hitl_id);
        return this.#afterApproval(call, context, question, answer);
      case "approve_once":
        return this.#afterApproval(call, context, question, answer);
    }
  }

  /** P7: the approval counts for what was shown, by the rule that asked; and a deny wins over it. */
  async #afterApproval(
    given: PolicyCall,
    context: PolicyContext,
    question: HITLRecord,
    answer: GateAnswer,
  ): Promise<GateResult> {
    const edited = editedArgs(question);
    const call = edited ? { ...given, args: edited } : given;
    const error = edited && (await editError(edited, context));
    if (error) return this.#ask("edited", call, context, question, error);
    const decision = await this.#decide(call, context);
    if (decision.verdict === "deny") return this.#denied(decision, call, context);
    const isShown = question.subject?.approved_hash === decision.approved_hash;
    if (decision.verdict === "ask" && !isShown) return this.#ask("changed", call, context, question);
    const { args } = decision;
    const note = edited ? { note: editNote(call.name, edited) } : {};
    if (!isShown) return { outcome: "run", because: "policy", decision, args, ...note };
    return { outcome: "run", because: "answer", decision, args, answer, ...note };
  }

  /** P7: who has written the arguments has approved them, by the rule that he was asked by; another one asks anew. */
  async #afterEdit(
    given: PolicyCall,
    context: PolicyContext,
    question: HITLRecord,
    answer: GateAnswer,
  ): Promise<GateResult> {
    const edited = answer.edited_args ?? {};
    // Who sends back what he was shown has approved it.
    if (hashJson(edited) === hashJson(question.subject?.args ?? null))
      return this.#afterApproval(given, context, question, answer);
    const call = { ...given, args: edited };
    const error = await editError(edited, context);
    if (error !== null) return this.#ask("edited", call, context, question, error);
    const decision = await this.#decide(call, context);
    if (decision.verdict === "deny") return this.#denied(decision, call, context);
    const { tool, rule_id, rule_version } = question.subject ?? {};
    const isSameRule = decision.rule_id === rule_id && decision.rule_version === rule_version;
    if (decision.verdict === "ask" && !(isSameRule && tool === call.name))
      return this.#ask("edited", call, context, question);
    const note = editNote(call.name, edited);
    return { outcome: "run", because: "answer", decision, args: decision.args, answer, note };
  }

  /** Previews are for people: one is made only if somebody is asked. */
  #decide(call: PolicyCall, context: PolicyContext): Promise<PolicyDecision> {
    const { preview: _, ...rest } = context;
    return this.#policy.decide(call, rest);
  }

  /**
   * @param before - the question that was answered: the human sees what was approved, or what was edited, until now
   * @param error - what the tool's own schema says of edited arguments (P3)
   */
  async #ask(
    because: "policy" | "changed" | "edited",
    call: PolicyCall,
    context: PolicyContext,
    before?: HITLRecord,
    error?: string,
  ): Promise<GateResult> {
    const decision = await this.#policy.decide(call, context);
    if (decision.verdict === "deny") return this.#denied(decision, call, context);
    if (decision.verdict === "allow")
      return error === undefined
        ? { outcome: "run", because: "policy", decision, args: decision.args }
        : rejected(call.name, error);
    const { question } = decision;
    const { request } = question;
    const data = {
      ...request.data,
      ...(before?.subject && because === "changed" ? { previous_args: before.subject.args } : {}),
      ...editedFrom(because, before),
      ...(error === undefined ? {} : { error }),
    };
    return {
      outcome: "ask",
      because,
      decision,
      question: { ...question, request: { ...request, data } },
    };
  }

  async #denied(decision: PolicyDeny, call: PolicyCall, context: PolicyContext): Promise<GateResult> {
    const shown = decision.question && context.preview ? await this.#policy.decide(call, context) : decision;
    const { message } = decision;
    return { outcome: "answer", because: "denied", message, error: true, decision: shown };
  }
}

/** What was answered, if it was allowed, and by somebody who may answer; null for whatever else (P8). */
function answerOf(question: HITLRecord): GateAnswer | null {
  const { user_response, responded_by, data, hitl_type, reason } = question;
  const given = (user_response ?? {}) as { readonly [name: string]: JsonValue };
  const { decision, message, scope, edited_args } = given;
  const allowed = data["allowed_decisions"];
  if (hitl_type !== "permission" || !DECISIONS.includes(decision as Decision)) return null;
  if (!Array.isArray(allowed) || !allowed.includes(decision as string)) return null;
  // What the author has written for the deadline is his answer, not that of somebody who may not give one.
  if (reason !== "expired" && !mayAnswer(question, responded_by)) return null;
  if (decision === "edit" && !isObject(edited_args)) return null;
  return {
    decision: decision as Decision,
    message: typeof message === "string" ? message : undefined,
    scope: typeof scope === "string" ? scope : undefined,
    edited_args: isObject(edited_args) ? edited_args : undefined,
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Before anybody edited them; a question that has them is about arguments that a human wrote. */
const EDITED_FROM = "edited_from";

function editedFrom(because: string, before: HITLRecord | undefined): JsonObject {
  const first = before?.data[EDITED_FROM] ?? (because === "edited" ? before?.subject?.args : undefined);
  return first === undefined ? {} : { [EDITED_FROM]: first };
}

function editedArgs({ data, subject }: HITLRecord): JsonObject | null {
  return data[EDITED_FROM] === undefined ? null : (subject?.args ?? null);
}

function editNote(tool: string, args: JsonObject): string {
  return `A human changed the arguments of this call to ${tool}. It ran with: ${JSON.stringify(args)}`;
}

/** What the tool's own schema says of edited arguments beyond its JSON Schema; null if nothing is wrong. */
async function editError(args: JsonObject, { argsSchema }: PolicyContext): Promise<string | null> {
  if (!isStandardSchema(argsSchema)) return null;
  const checked = await checkStandard(argsSchema, cloneJson(args));
  return "issues" in checked ? describeIssues(checked.issues) : null;
}

function rejected(tool: string, reason: string | undefined): GateResult & { readonly outcome: "answer" } {
  const because = reason === undefined || reason === "" ? "." : `: ${reason}`;
  const message = `A human did not allow this call to ${tool}, so it did not run${because}`;
  return { outcome: "answer", because: "rejected", message, error: true };
}

function skippedText(tool: string, reason: string | undefined): string {
  const text = `A human skipped this call to ${tool}; it did not run. Go on without it.`;
  return reason === undefined || reason === "" ? text : `${text} ${reason}`;
}

function ended(tool: string, { status, reason }: HITLRecord): GateResult {
  const because = status === "expired" ? "expired" : "cancelled";
  const why = reason === null || reason === because ? "" : ` (${reason})`;
  const message = `The question whether ${tool} may run was ${because}${why}, so it did not run.`;
  return { outcome: "answer", because, message, error: true };
}
