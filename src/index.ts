/**
 * holdpoint: the human-in-the-loop layer for LangGraph.js.
 *
 * @module holdpoint
 */
export { InMemoryHITLBackend } from "./backends/memory/memory-backend.ts";
export { StoreHITLBackend, type StoreBackendOptions } from "./backends/store-backend.ts";
export type {
  CancelOptions,
  CancelResult,
  CreateRequest,
  CreateResult,
  HITLBackend,
  ListQuery,
  PageOptions,
  RespondOptions,
  RespondResult,
  WaitOptions,
} from "./backends/hitl-backend.ts";
export type {
  AsRead,
  ChangeHint,
  CommitResult,
  DueQuery,
  Guard,
  HistoryQuery,
  InsertOp,
  KeyName,
  Lease,
  LeaseRequest,
  NewEvent,
  OpResult,
  Page,
  PageQuery,
  Patch,
  PurgeQuery,
  ReadOp,
  RecordEvent,
  RecordKeys,
  RecordStore,
  StoreCapabilities,
  StoredRecord,
  StoreOp,
  UpdateOp,
  Watcher,
} from "./backends/record-store.ts";
export type { Keep, RetentionOptions, Schedule } from "./backends/retention/options.ts";
export type { SweepOptions, SweepResult } from "./backends/retention/sweeping.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export {
  ERROR_CODES,
  HITLCancelledError,
  HITLExpiredError,
  HoldpointError,
  type HoldpointErrorCode,
  type HoldpointErrorOptions,
  isHITLCancelledError,
  isHITLExpiredError,
  isHoldpointError,
} from "./core/errors.ts";
export { DECISIONS, type Decision, type Option, type Question } from "./core/hitl-types.ts";
export type { RandomId } from "./core/ids.ts";
export {
  DEFAULT_LIMITS,
  type JsonLimits,
  type JsonObject,
  type JsonPrimitive,
  type JsonValue,
} from "./core/json.ts";
export {
  type Actor,
  DEFAULT_TENANT,
  HITL_TYPES,
  type HITLRecord,
  HITLRecordSchema,
  type HITLType,
  type OnExpire,
  type ResumeInfo,
  type ResumeMode,
  type Subject,
} from "./core/record.ts";
export type { ResponseIssue, StandardIssue, StandardResult, StandardSchema } from "./core/response-schema.ts";
export { HITL_STATUSES, type HITLStatus } from "./core/states.ts";
export type { ResumableGraph } from "./nodes/graph.ts";
export { holdpointTools, type HoldpointToolsOptions } from "./nodes/holdpoint-tools.ts";
export {
  approvalNode,
  type ApprovalQuestion,
  type ApprovalResponse,
  type ApprovalRoutes,
  type Editable,
  type Edited,
} from "./nodes/interrupt-nodes/approval-node.ts";
export {
  type AnsweredAll,
  type AnsweredWith,
  askUserNode,
  type AskUserQuestion,
  type AskUserRoutes,
} from "./nodes/interrupt-nodes/ask-user-node.ts";
export {
  confirmNode,
  type ConfirmQuestion,
  type ConfirmRoutes,
} from "./nodes/interrupt-nodes/confirm-node.ts";
export { formNode, type FormQuestion, type FormRoutes } from "./nodes/interrupt-nodes/form-node.ts";
export type { Answered, Unanswered } from "./nodes/interrupt-nodes/outcomes.ts";
export { currentEffect } from "./nodes/ledger/current-effect.ts";
export type { LedgerRule, LedgerRuleCall, LedgerRules } from "./nodes/ledger/ledger-rule.ts";
export type { LedgerMark } from "./nodes/ledger/replayed.ts";
export type { PolicyMark } from "./nodes/policy/policy-mark.ts";
export { type Preview, type PreviewArgs, withPreview } from "./nodes/policy/preview.ts";
export {
  permissionNode,
  type PermissionNodeQuestion,
  type PermissionRoutes,
  type Permitted,
} from "./nodes/interrupt-nodes/permission-node.ts";
export type { NodeQuestion } from "./nodes/interrupt-nodes/question-options.ts";
export type {
  FromState,
  InterruptNode,
  Route,
  RouteUpdate,
  Throws,
} from "./nodes/interrupt-nodes/state-types.ts";
export type { GraphState, GraphTask, MessageGraph } from "./nodes/message/message-graph.ts";
export {
  sendMessage,
  type SendMessageResult,
  type WaitingMessage,
  waitingMessages,
  withdrawMessage,
} from "./nodes/message/send-message.ts";
export type { SendMessageOptions, ThreadMessageOptions, WhenPending } from "./nodes/message/send-options.ts";
export { repairMessages, type UnansweredToolCall, unansweredToolCalls } from "./nodes/message/tool-calls.ts";
export type { UserMessage } from "./nodes/message/user-message.ts";
export {
  hitlMiddleware,
  type HITLMiddleware,
  type HITLMiddlewareOptions,
  type HITLModelRequest,
  type HITLToolCallRequest,
} from "./nodes/middleware/hitl-middleware.ts";
export { modelBlocks, type ModelBlocksConfig } from "./nodes/model-blocks.ts";
export {
  respondAndResume,
  type RespondAndResumeOptions,
  type RespondAndResumeResult,
  type ResumeResult,
  resumeThread,
  type ResumeThreadOptions,
} from "./nodes/resume.ts";
export { HITLToolNode, type HITLToolNodeOptions } from "./nodes/tool-node.ts";
export {
  type AskQuestionsRequest,
  type AskRuntime,
  askUser,
  type AskUserAnswer,
  type AskUserRequest,
  type AuthAnswer,
  type AuthRequest,
  confirm,
  type ConfirmAnswer,
  type ConfirmRequest,
  type FormRequest,
  type PermissionAnswer,
  type PermissionRequest,
  requestAuth,
  requestForm,
  requestPermission,
} from "./suspend/ask.ts";
export { HoldpointCallbackHandler } from "./suspend/call-identity.ts";
export { type Resumption, resumption, type StepContext } from "./suspend/call-scope.ts";
export { type CallInDoubt, callsInDoubt, type CallsInDoubtQuery } from "./suspend/calls-in-doubt.ts";
export { configureHoldpoint, type HoldpointConfig, type HoldpointRunConfig } from "./suspend/configure.ts";
export type { HostInterrupt, InterruptPayload, PayloadAsk } from "./suspend/interrupt-payload.ts";
export { isPauseSuspend, type PausePayload, PauseSuspend } from "./suspend/pause-suspend.ts";
export { reportProgress } from "./suspend/progress.ts";
export { askUserTool, confirmTool } from "./suspend/ready-tools.ts";
export { step } from "./suspend/step.ts";
export {
  type AskOptions,
  HITLSuspend,
  type HITLSuspendInit,
  type HITLSuspendJson,
  isHITLSuspend,
} from "./suspend/suspend-signal.ts";
export type { InDoubtPolicy } from "./suspend/tool-step.ts";
