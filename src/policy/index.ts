/**
 * `holdpoint/policy`: which tool calls run, wait for a human, or do not run; and standing approvals (docs/policy.md).
 *
 * @module
 */
export type { ArgsPattern, FieldPattern } from "./args-pattern.ts";
export { type AskToCount, type CapScope, openAsksOver, overCapText } from "./caps.ts";
export { type GateAnswer, type GateOptions, type GateResult, PolicyGate } from "./gate.ts";
export { GRANT_STATUSES, type GrantStatus } from "../core/states.ts";
export type { Grant } from "./grant-record.ts";
export { type AskGroup, groupAsks, type GroupOptions, type GroupResult, respondToGroup } from "./groups.ts";
export {
  type GrantRequest,
  type GrantUsed,
  type ListGrantsQuery,
  PolicyGrants,
  type PolicyGrantsOptions,
  type RevokeGrantResult,
} from "./grants.ts";
export {
  type InterruptDecision,
  type InterruptOn,
  type InterruptOnConfig,
  interruptOnRules,
  type InterruptRequest,
  type InterruptRuntime,
  type InterruptState,
  type InterruptToolCall,
} from "./interrupt-on.ts";
export type { PermissionType, PermissionTypes } from "./permission-type.ts";
export { definePolicy, type Policy } from "./policy.ts";
export {
  type DecisionReason,
  GRANT_SCOPES,
  type GrantScope,
  type GrantSuggestion,
  type GrantTerms,
  type GrantUser,
  type PolicyAllow,
  type PolicyAsk,
  type PolicyCall,
  type PolicyCallView,
  type PolicyCaps,
  type PolicyContext,
  type PolicyDecision,
  type PolicyDeny,
  type PolicyMode,
  type PolicyOptions,
  type PolicyQuestion,
  type PolicyRule,
  type RiskLevel,
  type Verdict,
} from "./types.ts";
