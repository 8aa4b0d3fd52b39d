import type { ResponseIssue } from "../core/response-schema.ts";

/**
 * Why something in a value answers nothing. `unreadable`: it is no JSON, too large or too deep. `not_understood`: no shape
 * that is known. `unknown_id`: no open question has it. `ambiguous`: it may be meant for several. `wrong_count`: a list of
 * another length than was shown. `mismatch`: it is about another call than the question. `not_allowed`: the question offers
 * no such decision. `invalid`: the answer's schema refuses it. `repeated`: a question is answered twice, differently.
 * `refused`: the backend did not take it.
 */
export type InteropProblemCode =
  | "unreadable"
  | "not_understood"
  | "unknown_id"
  | "ambiguous"
  | "wrong_count"
  | "mismatch"
  | "not_allowed"
  | "invalid"
  | "repeated"
  | "refused";

export interface InteropProblem {
  /** The question that it was meant for; null if that is not known. */
  readonly hitl_id: string | null;
  readonly code: InteropProblemCode;
  /** For people: what was wrong, and what was expected. Plain text without control characters. */
  readonly message: string;
  /** With `invalid`: where. */
  readonly issues?: readonly ResponseIssue[];
}

const MAX_MESSAGE = 500;

/** Problems repeat what somebody else has sent. */
export function problem(
  hitl_id: string | null,
  code: InteropProblemCode,
  message: string,
  issues?: readonly ResponseIssue[],
): InteropProblem {
  const text = plain(message);
  if (!issues) return { hitl_id, code, message: text };
  const clipped = issues.slice(0, 20).map(({ path, message: said }) => ({
    path: path.slice(0, 20).map((part) => (typeof part === "string" ? plain(part) : part)),
    message: plain(said),
  }));
  return { hitl_id, code, message: text, issues: clipped };
}

function plain(text: string): string {
  const short = text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
  return short.toWellFormed().replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ");
}
