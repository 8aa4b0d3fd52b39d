/** Answers of other people's user interfaces, given to the backend: where an application has them before a graph does. */
import type { CancelResult, HITLBackend, RespondResult } from "../backends/hitl-backend.ts";
import { HoldpointError, type HoldpointErrorCode, isHoldpointError } from "../core/errors.ts";
import type { Actor, HITLRecord } from "../core/record.ts";
import { formatsFor, INTEROP_FORMATS, type InteropFormat } from "./formats.ts";
import { type InteropProblem, problem } from "./problem.ts";
import { type InteropAnswer, readAnswers } from "./read-answers.ts";

export interface RespondFromOptions {
  readonly backend: HITLBackend;
  /** Whose open questions it may answer. */
  readonly thread_id?: string;
  /** The questions that it may answer, in the order in which they were shown. In place of `thread_id`. */
  readonly asks?: readonly HITLRecord[];
  readonly actor?: Actor;
}

/** What became of one answer; `status` as `respond` and `cancel` of the backend say. */
export interface RespondedFrom {
  readonly hitl_id: string;
  readonly status: RespondResult["status"] | CancelResult["status"];
  readonly record: HITLRecord | null;
}

export interface RespondFromResult {
  readonly results: readonly RespondedFrom[];
  /** What was not understood, and what the backend did not take: it answers nothing. */
  readonly problems: readonly InteropProblem[];
}

/** More open questions than a thread has. */
const MAX_OPEN = 1000;

/**
 * Reads an answer as another user interface sends it, and answers the questions that it is meant for (P3, P4). The graph is
 * not woken: call `resumeThread` where `results` are `accepted` or `cancelled`.
 *
 * @param format - the only one that is understood; `any` for all
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for options that cannot be; of the store. Never because of `value`.
 *
 * @example
 * ```ts
 * import type { HITLBackend } from "holdpoint";
 * import { respondFrom } from "holdpoint/interop";
 *
 * export async function fromInbox(backend: HITLBackend, thread_id: string, body: unknown): Promise<string[]> {
 *   const { results, problems } = await respondFrom("agent_inbox_1", body, { backend, thread_id });
 *   return [...results.map(({ status }) => status), ...problems.map(({ message }) => message)];
 * }
 * ```
 */
export async function respondFrom(
  format: InteropFormat | "any",
  value: unknown,
  { backend, thread_id, asks, actor }: RespondFromOptions,
): Promise<RespondFromResult> {
  if (format !== "any" && !INTEROP_FORMATS.includes(format)) throw invalid(`There is no format "${format}".`);
  if ((asks === undefined) === (thread_id === undefined)) throw invalid("Pass either thread_id or asks.");
  const open = asks ?? (await openIn(backend, thread_id as string));
  const { answers, problems } = readAnswers(value, open, {
    formats: format === "any" ? undefined : formatsFor(format),
    // Nobody knows in which order they were shown.
    byPlace: asks !== undefined,
  });
  const results: RespondedFrom[] = [];
  const refused: InteropProblem[] = [];
  for (const answer of answers) {
    const { result, problem: why } = await give(backend, answer, { actor });
    if (result)
      results.push({ hitl_id: answer.hitl_id, status: result.status, record: result.record ?? null });
    if (why) refused.push(why);
  }
  return { results, problems: [...problems, ...refused] };
}

async function openIn(backend: HITLBackend, thread_id: string): Promise<readonly HITLRecord[]> {
  return (await backend.list({ thread_id, status: "pending", limit: MAX_OPEN })).items;
}

/** What an answer itself may be refused for; anything else is the store's (P8). */
const OF_ANSWER: readonly HoldpointErrorCode[] = [
  "ERR_HITL_INVALID_INPUT",
  "ERR_HITL_NOT_JSON",
  "ERR_HITL_TOO_LARGE",
  "ERR_HITL_TOO_DEEP",
];

type Given =
  | { readonly result: RespondResult | CancelResult; readonly problem?: InteropProblem }
  | { readonly result?: undefined; readonly problem: InteropProblem };

/** One answer, given to the backend; `problem` if it did not take it. @throws HoldpointError of the store */
export async function give(
  backend: Pick<HITLBackend, "respond" | "cancel">,
  answer: InteropAnswer,
  options: { readonly actor?: Actor | undefined; readonly idempotency_key?: string | undefined },
): Promise<Given> {
  const { hitl_id } = answer;
  const { actor, idempotency_key } = options;
  let result: RespondResult | CancelResult;
  try {
    result = answer.cancel
      ? await backend.cancel(hitl_id, { actor, reason: answer.reason })
      : await backend.respond(hitl_id, answer.response, { actor, idempotency_key });
  } catch (error) {
    if (!isHoldpointError(error) || !OF_ANSWER.includes(error.code)) throw error;
    return { problem: problem(hitl_id, "refused", error.message) };
  }
  const why = REFUSED[result.status];
  if (why === undefined) return { result };
  if (result.status !== "invalid") return { result, problem: problem(hitl_id, "refused", why) };
  return { result, problem: problem(hitl_id, "invalid", why, result.issues) };
}

const REFUSED: { readonly [status in (RespondResult | CancelResult)["status"]]?: string } = {
  conflict: "The question was answered already, in another way.",
  invalid: "The answer does not satisfy the response_schema.",
  forbidden: "This user may not answer the question.",
  expired: "The question has expired.",
  not_found: "The question is not there any more.",
  indeterminate: "The store did not confirm the answer. Send it again.",
};

function invalid(message: string): HoldpointError {
  return new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}
