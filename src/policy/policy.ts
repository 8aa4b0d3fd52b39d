/**
 * `definePolicy`: which tool calls run, wait for a human, or do not run (docs/policy.md). The rules are read anew for each
 * call that is about to run, so that a deny wins over whatever was approved (P7), and what cannot be decided denies (P8).
 */
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import { hashJson, isValidForeignId } from "../core/ids.ts";
import { cloneJson, type JsonObject, type JsonValue, toJsonObject } from "../core/json.ts";
import { capsOf } from "./caps.ts";
import { termsOf } from "./grant-terms.ts";
import { permissionTypesOf } from "./permission-type.ts";
import { errorOf, type QuestionRule, questionOf, textOf } from "./question.ts";
import { type CheckedRule, checkedRule, VERDICTS } from "./rule.ts";
import type {
  DecisionReason,
  PolicyCall,
  PolicyCallView,
  PolicyCaps,
  PolicyContext,
  PolicyDecision,
  PolicyDeny,
  PolicyMode,
  PolicyOptions,
  PolicyQuestion,
  Verdict,
} from "./types.ts";

const MODES: readonly PolicyMode[] = ["enforce", "dry-run", "deny-all", "bypass"];
const OPTIONS: ReadonlySet<string> = new Set([
  "rules",
  "default",
  "permissions",
  "mode",
  "caps",
  "onWarning",
] satisfies (keyof PolicyOptions)[]);
const MAX_RULES = 1000;
/** Ids of decisions that no rule has made. */
const DEFAULT_ID = "default";
const INVALID_CALL_ID = "invalid_call";

/** What decides on calls. Made by {@link definePolicy}; it keeps nothing between two calls. */
export interface Policy {
  readonly mode: PolicyMode;
  /** The rules in their order, as they are bound to approvals. */
  readonly rules: readonly { readonly id: string; readonly version: string; readonly verdict: Verdict }[];
  /** For whoever asks: see {@link openAsksOver}. */
  readonly caps: PolicyCaps;
  /** Never rejects: what goes wrong is a deny (P8). */
  decide(call: PolicyCall, context?: PolicyContext): Promise<PolicyDecision>;
}

interface Found {
  readonly verdict: Verdict;
  readonly reason: DecisionReason;
  readonly rule: QuestionRule & Pick<CheckedRule, "version">;
}

/**
 * Checks the rules and makes a policy of them.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a rule that cannot be used
 *
 * @example
 * ```ts
 * import { definePolicy } from "holdpoint/policy";
 *
 * export const policy = definePolicy({
 *   rules: [
 *     { id: "reads", for: "read_*", verdict: "allow" },
 *     { id: "mail", for: "send_mail", args: { to: "*@example.com" }, verdict: "ask", risk_level: "low" },
 *     { id: "rm", permission: "shell:rm *", verdict: "deny" },
 *   ],
 *   permissions: { bash: "shell" },
 * });
 * ```
 */
export function definePolicy(options: PolicyOptions): Policy {
  assertOptions(options);
  const { rules: given, default: otherwise = "ask", mode = "enforce", onWarning = warn } = options;
  const types = permissionTypesOf(options.permissions);
  const rules = given.map((rule, index) => checkedRule(rule, index, types));
  const caps = capsOf(options.caps);
  assertIds(rules);
  if (mode !== "enforce")
    onWarning(`The policy runs in the mode "${mode}": its rules are not enforced as they are.`);
  return new RulePolicy(rules, otherwise, mode, caps);
}

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message, { details: { option: "policy" } });
}

function warn(message: string): void {
  process.emitWarning(message, { type: "HoldpointPolicyWarning", code: "HOLDPOINT_POLICY_MODE" });
}

function assertOptions(options: PolicyOptions): void {
  if (typeof options !== "object" || options === null) invalid("A policy has to be { rules: … }.");
  const unknown = Object.keys(options).find((name) => !OPTIONS.has(name));
  if (unknown !== undefined) invalid(`A policy has no option ${JSON.stringify(unknown)}.`);
  const { rules, default: otherwise = "ask", mode = "enforce", onWarning = warn } = options;
  if (!Array.isArray(rules) || rules.length > MAX_RULES)
    invalid(`A policy needs rules: a list of at most ${MAX_RULES}.`);
  if (!VERDICTS.includes(otherwise)) invalid('default has to be "allow", "ask" or "deny".');
  if (!MODES.includes(mode)) invalid(`mode has to be one of ${MODES.join(", ")}.`);
  if (typeof onWarning !== "function") invalid("onWarning has to be a function.");
}

function assertIds(rules: readonly CheckedRule[]): void {
  const seen = new Set<string>([DEFAULT_ID, INVALID_CALL_ID]);
  for (const { id } of rules) {
    if (seen.has(id)) invalid(`Two rules have the id "${id}", or it is one that holdpoint uses.`);
    seen.add(id);
  }
}

class RulePolicy implements Policy {
  readonly mode: PolicyMode;
  readonly rules: readonly CheckedRule[];
  readonly caps: PolicyCaps;
  readonly #default: Found;

  constructor(rules: readonly CheckedRule[], otherwise: Verdict, mode: PolicyMode, caps: PolicyCaps) {
    this.rules = rules;
    this.mode = mode;
    this.caps = caps;
    const rule = { ...bare(DEFAULT_ID), version: hashJson({ default: otherwise }) };
    this.#default = { verdict: otherwise, reason: "default", rule };
  }

  async decide(call: PolicyCall, context: PolicyContext = {}): Promise<PolicyDecision> {
    const view = viewOf(call, context);
    if ("error" in view) return this.#invalidCall(view);
    let found: Found = this.#default;
    for (const rule of this.rules) {
      try {
        const matches = rule.matches(view);
        if (!(typeof matches === "boolean" ? matches : await matches)) continue;
        found = { verdict: rule.verdict, reason: "rule", rule };
        break;
      } catch (error) {
        return this.#failed(rule, view, error);
      }
    }
    try {
      return await this.#decided(found, view, context);
    } catch (error) {
      return this.#failed(found.rule, view, error);
    }
  }

  async #decided(found: Found, view: PolicyCallView, context: PolicyContext): Promise<PolicyDecision> {
    const { verdict: would, rule } = found;
    const { mode } = this;
    const base = this.#base(found, view);
    if (mode === "deny-all")
      return {
        ...base,
        verdict: "deny",
        reason: "mode",
        message: notRun(view.tool, "every call is denied now"),
      };
    // A call would be asked about whatever a mode makes of it; the question tells what would be seen.
    const asks = would === "ask" && mode !== "bypass";
    const question = asks ? await this.#question(rule, view, context, base.approved_hash) : undefined;
    if (mode === "dry-run") {
      const message = notRun(view.tool, "this is a dry run");
      return { ...base, verdict: "deny", reason: "mode", message, ...(question ? { question } : {}) };
    }
    if (would === "deny") {
      const message =
        (await textOf(rule, view)) ?? notRun(view.tool, `the policy's rule "${rule.id}" denies it`);
      return { ...base, verdict: "deny", message };
    }
    if (question) return { ...base, verdict: "ask", question };
    return { ...base, verdict: "allow", reason: would === "ask" ? "mode" : base.reason };
  }

  #question(
    rule: Found["rule"],
    view: PolicyCallView,
    context: PolicyContext,
    approved_hash: string,
  ): Promise<PolicyQuestion> {
    const { id: rule_id, version: rule_version } = rule;
    const args = cloneJson<JsonObject>(view.args);
    return questionOf(rule, view, { tool: view.tool, args, approved_hash, rule_id, rule_version }, context);
  }

  /** P8: it might have been the first rule that means the call, so nobody knows what is to be done with it. */
  #failed(rule: Found["rule"], view: PolicyCallView, error: unknown): PolicyDeny {
    const base = this.#base({ verdict: "deny", reason: "rule_failed", rule }, view);
    const message = notRun(view.tool, `the policy's rule "${rule.id}" failed`);
    return { ...base, verdict: "deny", message, error: errorOf(error) };
  }

  #invalidCall({ tool, error }: InvalidCall): PolicyDeny {
    const rule = { ...bare(INVALID_CALL_ID), version: "1" };
    const base = this.#base({ verdict: "deny", reason: "invalid_call", rule }, { ...EMPTY, tool });
    const why = isHoldpointError(error) ? error.message : "its arguments cannot be read";
    return { ...base, verdict: "deny", message: notRun(tool, why), error: errorOf(error) };
  }

  #base({ verdict, reason, rule }: Found, { tool, args }: PolicyCallView) {
    const { id: rule_id, version: rule_version } = rule;
    const approved_hash = approvedHash({ tool, args, rule_id, rule_version });
    return { would: verdict, mode: this.mode, reason, rule_id, rule_version, tool, args, approved_hash };
  }
}

const EMPTY: PolicyCallView = { tool: "", args: Object.freeze({}), state: undefined, runtime: undefined };

/** What a decision without a rule of the author asks with. */
function bare(id: string): QuestionRule {
  return {
    id,
    message: undefined,
    risk_level: undefined,
    allowed_decisions: ["approve_once", "reject"],
    argsSchema: undefined,
    answerers: undefined,
    assignee: undefined,
    expiresInMs: undefined,
    on_expire: undefined,
    terms: termsOf(),
  };
}

function notRun(tool: string, why: string): string {
  return `${tool === "" ? "The tool" : tool} did not run: ${why}.`;
}

/** What an approval is bound to (P7). */
export function approvedHash(bound: {
  readonly tool: string;
  readonly args: Readonly<JsonObject>;
  readonly rule_id: string;
  readonly rule_version: string;
}): string {
  return hashJson([bound.tool, bound.args, bound.rule_id, bound.rule_version]);
}

interface InvalidCall {
  /** Empty if the name is none. */
  readonly tool: string;
  readonly error: unknown;
}

/** A copy that nobody can change: what is decided on is what is hashed, and what the next rule sees. */
function viewOf(call: PolicyCall, context: PolicyContext): PolicyCallView | InvalidCall {
  let tool = "";
  try {
    const { name, args: given, id: tool_call_id } = call;
    if (!isValidForeignId(name)) throw new HoldpointError("ERR_HITL_INVALID_INPUT", "its name is none");
    tool = name;
    const { state, runtime } = context;
    return { tool, args: frozen(toJsonObject(given ?? {}, "args")), tool_call_id, state, runtime };
  } catch (error) {
    return { tool, error };
  }
}

function frozen<T extends JsonValue>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const item of Object.values(value)) frozen(item);
  return Object.freeze(value);
}
