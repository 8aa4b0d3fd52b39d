/**
 * `holdpoint/ledger`: tool calls that happen once. Retries, resumed graphs and other machines get the recorded result; a
 * call may wait for a human first; what a crash left open is said, and decided as its author declared (docs/ledger.md).
 *
 * @module
 */
export { EFFECT_STATUSES, EFFECT_TRANSITIONS } from "../core/states.ts";
export {
  AWAITING_STATUSES,
  isAwaitingStatus,
  isTerminalStatus,
  TERMINAL_STATUSES,
} from "./effect-record.ts";
export {
  EffectDeniedError,
  EffectFailedError,
  EffectLedgerError,
  EffectLedgerInvariantError,
  EffectLedgerValidationError,
  EffectStoreError,
  type EffectStoreErrorContext,
  EffectTimeoutError,
  isEffectDeniedError,
  isEffectFailedError,
  isEffectLedgerInvariantError,
  isEffectLedgerValidationError,
  isEffectStoreError,
  isEffectTimeoutError,
} from "./errors.ts";
export type { EffectEvent, EffectHooks } from "./hooks.ts";
export { canonicalize, computeIdemKey, resourceIdCanonical, validateArgs } from "./idem-key.ts";
export type { CommitOptions } from "./by-hand.ts";
export { type DecisionOptions, EffectLedger } from "./ledger.ts";
export type {
  ApprovalOptions,
  ConcurrencyOptions,
  EffectDefaults,
  EffectLedgerOptions,
  RetryPolicy,
  RunCallOptions,
  RunOptions,
} from "./options.ts";
export type {
  BeginResult,
  CommitOutcome,
  DoubtDecision,
  Effect,
  EffectApproval,
  EffectContext,
  EffectError,
  EffectHandler,
  EffectRef,
  EffectStatus,
  InDoubtChoice,
  ListEffectsQuery,
  Redact,
  RedactContext,
  ResourceDescriptor,
  ToolCall,
  Verification,
} from "./types.ts";

export type { TransactionBackend } from "../backends/hitl-backend.ts";
