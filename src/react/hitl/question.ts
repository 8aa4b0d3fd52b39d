/** A question as a `hitl` block shows it. */
import { isTerminalHITLStatus } from "../../core/states.ts";
import { stateOfEnding } from "../answer-store.ts";
import { isObject, numberOf, objectOf, textOf } from "../read.ts";
import type { AnswerState, Ending, ViewBlock } from "../types.ts";

/** Null if the block asks nothing: another kind, or one without a `hitl_id`. */
export function hitlIdOf(block: ViewBlock): string | null {
  return block.kind === "hitl" ? textOf(block.data?.["hitl_id"]) : null;
}

export function hitlTypeOf(block: ViewBlock): string {
  return textOf(block.data?.["hitl_type"]) ?? "";
}

/** How the question ended, if the block says that it has. */
function endingOf(block: ViewBlock): Ending | null {
  const data = objectOf(block.data);
  const status = textOf(data["status"]) ?? "";
  if (!isTerminalHITLStatus(status)) return null;
  const by = data["responded_by"];
  return {
    status: status as Ending["status"],
    user_response: data["user_response"],
    responded_by:
      isObject(by) && typeof by["id"] === "string" ? (by as unknown as Ending["responded_by"]) : null,
    responded_at: numberOf(data["responded_at"]),
    reason: textOf(data["reason"]),
  };
}

/** Nothing that is done here changes it any more (P4). */
export function isEnded(answer: AnswerState): boolean {
  return ["answered", "conflict", "expired", "cancelled"].includes(answer.state);
}

/**
 * What is known of a question: by the block, and by what was done here. An end that our own attempt met says more than
 * the block's (a conflict), and both say more than an attempt that is on its way.
 */
export function answerOf(block: ViewBlock, own: AnswerState): AnswerState {
  if (isEnded(own)) return own;
  const ending = endingOf(block);
  return ending ? stateOfEnding(ending, "answered") : own;
}
