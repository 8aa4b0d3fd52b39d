/** What a policy is given and what it says. Decisions are data: whoever gets one does what it says (docs/policy.md). */
import type { CreateRequest } from "../backends/hitl-backend.ts";
import type { Decision } from "../core/hitl-types.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { OnExpire } from "../core/record.ts";
import type { StandardSchema } from "../core/response-schema.ts";
import type { ArgsPattern } from "./args-pattern.ts";
import type { PermissionTypes } from "./permission-type.ts";

export type Verdict = "allow" | "ask" | "deny";
export type RiskLevel = "low" | "medium" | "high";

/** `enforce` is the default; each other mode warns when the policy is defined. */
export type PolicyMode = "enforce" | "dry-run" | "deny-all" | "bypass";

export const GRANT_SCOPES = ["session", "user", "tenant"] as const;
export type GrantScope = (typeof GRANT_SCOPES)[number];

/** A tool call, as the tool is about to receive it (P7). */
export interface PolicyCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** The model's id of the call, for the rules' functions. */
  readonly id?: string | undefined;
}

/** Where the call is made, and what the host knows of the tool. */
export interface PolicyContext {
  /** The graph's state, for `when` and texts. */
  readonly state?: unknown;
  /** The tool's runtime, for `when` and texts. */
  readonly runtime?: unknown;
  /** For grants of the scope `session`. */
  readonly session_id?: string | undefined;
  /** For whom the agent works; for grants of the scope `user`. */
  readonly user_id?: string | undefined;
  /** The tool's own schema: edited arguments have to satisfy it (P3). JSON Schema, or a Standard Schema. */
  readonly argsSchema?: Readonly<Record<string, unknown>> | StandardSchema | undefined;
  /** What the call would do, as far as it can be shown. Called only if a human is asked. */
  readonly preview?: ((args: JsonObject) => unknown) | undefined;
  /** What whoever asks would say; a rule's own message goes before it. */
  readonly message?: string | undefined;
  /** Of whoever asks: an answer has to satisfy it, besides what the rule and the tool want. */
  readonly response_schema?: Readonly<Record<string, unknown>> | boolean | StandardSchema | null | undefined;
  /** What whoever asks can do with. A human may choose from those that the rule allows, too. */
  readonly allowed_decisions?: readonly Decision[] | undefined;
}

/** What a rule's functions see. `args` is frozen. */
export interface PolicyCallView<State = unknown, Runtime = unknown> {
  readonly tool: string;
  readonly args: Readonly<JsonObject>;
  readonly tool_call_id?: string | undefined;
  readonly state: State;
  readonly runtime: Runtime;
}

/** What an answer `approve_always` gives. */
export interface GrantTerms {
  /** What the human may choose from; the first is the default. Default: `session`. */
  readonly scopes?: readonly GrantScope[] | undefined;
  /** `same` (default): all arguments have to be those that were approved; a list: these paths; `any`: none. */
  readonly args?: "same" | "any" | readonly string[] | undefined;
  /** How many calls it allows, 1 to 1000. Default: any number. */
  readonly uses?: number | undefined;
  readonly expiresInMs?: number | undefined;
}

/** One rule: all that it names has to hold of a call, and then `verdict` is what is done (docs/policy.md). */
export interface PolicyRule {
  readonly verdict: Verdict;
  /** Names the rule, unique in its policy. Default: made of its content. */
  readonly id?: string | undefined;
  /** Stands for what the rule's functions do. Without it their source text enters the version. */
  readonly version?: string | undefined;
  /** Names of tools, or globs. */
  readonly for?: string | readonly string[] | undefined;
  /** `type:pattern`, or globs of it, as in aury: `shell:rm -rf *`. */
  readonly permission?: string | readonly string[] | undefined;
  readonly args?: ArgsPattern | undefined;
  readonly schema?: Readonly<Record<string, unknown>> | StandardSchema | undefined;
  readonly when?: ((call: PolicyCallView) => boolean | Promise<boolean>) | undefined;
  /** What the human reads; with `deny`, the model. */
  readonly message?: string | ((call: PolicyCallView) => string | Promise<string>) | undefined;
  readonly risk_level?: RiskLevel | undefined;
  /** Default: approve_once, reject. */
  readonly allowed_decisions?: readonly Decision[] | undefined;
  /** JSON Schema that edited arguments have to satisfy, besides the tool's own. */
  readonly argsSchema?: Readonly<Record<string, unknown>> | undefined;
  /** Ids of the actors who may answer. Default: whoever can. */
  readonly answerers?: readonly string[] | undefined;
  readonly assignee?: string | undefined;
  /** How long the question is open. */
  readonly expiresInMs?: number | undefined;
  readonly on_expire?: OnExpire | undefined;
  /** What `approve_always` gives. */
  readonly grant?: GrantTerms | undefined;
}

/** How many questions of the policy may be open at once, 1 to 1000 each; over that, calls are denied. Default: no caps. */
export interface PolicyCaps {
  readonly session?: number | undefined;
  readonly tenant?: number | undefined;
}

export interface PolicyOptions {
  /** In order: the first that means a call decides. */
  readonly rules: readonly PolicyRule[];
  /** For calls that no rule means. Default `ask`. */
  readonly default?: Verdict | undefined;
  /** What the calls of tools are, for rules with `permission`. */
  readonly permissions?: PermissionTypes | undefined;
  readonly mode?: PolicyMode | undefined;
  readonly caps?: PolicyCaps | undefined;
  /** Hears of a mode that is not `enforce`. Default: a warning of the process. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Why it is so: a rule; the default; a rule that failed; a call that cannot be shown; a mode. */
export type DecisionReason = "rule" | "default" | "rule_failed" | "invalid_call" | "mode";

interface Decided {
  /** What the rules say; differs from `verdict` only in a mode that is not `enforce`. */
  readonly would: Verdict;
  readonly mode: PolicyMode;
  readonly reason: DecisionReason;
  readonly rule_id: string;
  readonly rule_version: string;
  readonly tool: string;
  /** A copy of the arguments that were decided on; frozen. */
  readonly args: Readonly<JsonObject>;
  /** SHA-256 of `[tool, args, rule_id, rule_version]` in canonical JSON: what an approval is bound to (P7). */
  readonly approved_hash: string;
}

export interface PolicyAllow extends Decided {
  readonly verdict: "allow";
}

export interface PolicyAsk extends Decided {
  readonly verdict: "ask";
  readonly question: PolicyQuestion;
}

export interface PolicyDeny extends Decided {
  readonly verdict: "deny";
  /** For the model: that the call did not run, and why. */
  readonly message: string;
  /** Of a rule that failed; for logs, not for the model. */
  readonly error?: { readonly name: string; readonly message: string };
  /** In the mode `dry-run`: what would be asked. */
  readonly question?: PolicyQuestion;
}

export type PolicyDecision = PolicyAllow | PolicyAsk | PolicyDeny;

/** The question of an `ask`, complete but for where it is asked. */
export interface PolicyQuestion {
  readonly request: Pick<
    CreateRequest,
    "hitl_type" | "data" | "subject" | "assignee" | "on_expire" | "metadata" | "response_schema"
  >;
  /** From when it is asked. */
  readonly expiresInMs?: number;
}

/** A grant that an answer `approve_always` may choose; an entry of the question's `suggestions`. */
export interface GrantSuggestion {
  readonly scope: GrantScope;
  readonly scope_id: string | null;
  readonly args: Readonly<Record<string, JsonValue>>;
  readonly uses: number | null;
  readonly expires_in_ms: number | null;
}

/** The call that a grant may allow: which one, and for whom. */
export interface GrantUser {
  /** Names the call for all time: the engine's id of it, not the one that a model gave. */
  readonly call_id: string;
  readonly session_id: string;
  /** For whom the agent works. */
  readonly user_id?: string | undefined;
}
