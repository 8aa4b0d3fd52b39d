/** AI SDK 7: approvals of tool calls. It has no place for edits, nor for questions that are no approval. */
import { descriptionOf, type InteropAsk, reviewDecisions } from "./ask.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

/** A chunk of a UI message stream, and a part of a model message. */
export interface AiSdk7ApprovalRequest {
  readonly type: "tool-approval-request";
  readonly approvalId: string;
  readonly toolCallId: string;
  readonly reason: string;
}

export interface AiSdk7ApprovalResponse {
  readonly type: "tool-approval-response";
  readonly approvalId: string;
  readonly approved: boolean;
  readonly reason?: string;
}

/**
 * Questions that can be approved; `approvalId` is the `hitl_id`. The SDK takes a request only after the call that it is
 * about: where the question is about none, stream a `tool-input-available` with its `hitl_id` as `toolCallId` before it.
 */
export function toAiSdk7(asks: readonly InteropAsk[]): AiSdk7ApprovalRequest[] {
  return asks
    .filter((ask) => reviewDecisions(ask).includes("approve"))
    .map((ask) => ({
      type: "tool-approval-request",
      approvalId: ask.hitl_id,
      toolCallId: ask.tool_call_id ?? ask.hitl_id,
      reason: descriptionOf(ask),
    }));
}

/** One response or a list, the arguments of `addToolApprovalResponse`, or parts of UI messages that were responded to. */
export function fromAiSdk7(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["ai_sdk_7"], plain: false });
}
