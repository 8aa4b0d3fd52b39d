/** A call whose holder died in its middle: a human says what became of it (P9). */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import type { JsonObject, JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { isTerminalHITLStatus } from "../core/states.ts";
import { callJson, type CallIdentity, type CallValue } from "./call-record.ts";
import { prepareQuestion, type Question, QuestionNames } from "./question.ts";
import type { ToolStep } from "./tool-step.ts";

interface Doubt {
  readonly decision: "run_again" | "happened" | "give_up";
  readonly result?: string | undefined;
}

/**
 * The question, for calls and effects alike (PROTOCOL.md §8.4, §19.4).
 *
 * @param more - what else is known of it
 * @param result - what a result has to be, where it happened
 */
export function doubtRequest(tool: string, args: JsonObject, more: JsonObject, result: JsonObject | true) {
  return {
    hitl_type: "in_doubt",
    data: {
      message: `The call of ${tool} was interrupted in its middle: it may or may not have taken effect. Look, then decide.`,
      tool,
      args,
      ...more,
      options: [
        { value: "run_again", label: "It did not happen: run it" },
        { value: "happened", label: "It happened: go on with this result" },
        { value: "give_up", label: "Give it up" },
      ],
    },
    response_schema: {
      type: "object",
      properties: { decision: { enum: ["run_again", "happened", "give_up"] }, result },
      required: ["decision"],
    },
  };
}

/**
 * @param fence - of the holder that died: each death is a question of its own.
 * @param steps - that are recorded as done, and will not run again.
 */
function doubtQuestion(
  call: CallIdentity,
  fence: number,
  steps: readonly string[],
  metadata: JsonObject,
): Question {
  return {
    key: `in_doubt:${fence}`,
    alias: undefined,
    expiresInMs: undefined,
    request: {
      ...doubtRequest(call.tool_name, call.params ?? {}, { steps_done: [...steps] }, { type: "string" }),
      metadata,
    },
  };
}

/** P8: who says that a call runs again lets it run. So it is for those whom its last permission was for. */
export function approversOf(
  questions: ReadonlyMap<string, StoredRecord>,
  { asked }: CallValue,
): { readonly answerers?: JsonValue } {
  const permission = asked
    .map(({ id }) => questions.get(id))
    .findLast((stored) => stored?.value["hitl_type"] === "permission");
  const { answerers } = (permission?.value["metadata"] ?? {}) as JsonObject;
  return answerers === undefined ? {} : { answerers };
}

/** P8: whatever is not a clear decision gives the call up. The answer has satisfied the schema, if there is one. */
export function doubtDecision<Result = JsonValue>({
  status,
  user_response,
}: HITLRecord): {
  readonly decision: Doubt["decision"];
  readonly result?: Result | undefined;
} {
  const answer =
    status === "completed" ? (user_response as { decision?: unknown; result?: Result } | null) : null;
  if (answer?.decision === "run_again" || answer?.decision === "happened")
    return { decision: answer.decision, result: answer.result };
  return { decision: "give_up" };
}

/** What becomes of a call in doubt; `open` while a human has not decided. */
export async function decide(
  step: ToolStep,
  call: CallIdentity,
  value: CallValue,
  stored: StoredRecord,
): Promise<Doubt | "open"> {
  const policy = step.inDoubt(call.tool_name);
  if (policy === "retry") return { decision: "run_again" };
  if (policy === "fail") return { decision: "give_up" };
  const known = value.doubt === null ? undefined : step.questions.get(value.doubt);
  const record = known ?? (await askDoubt(step, call, value, stored));
  return isTerminalHITLStatus(record?.status ?? "pending")
    ? doubtDecision<string>(toHITLRecord(record as StoredRecord))
    : "open";
}

async function askDoubt(
  step: ToolStep,
  call: CallIdentity,
  value: CallValue,
  stored: StoredRecord,
): Promise<StoredRecord | undefined> {
  const { place } = step;
  if (step.lacksQuestions([stored.id])) await step.loadQuestions([stored.id]);
  const approvers = approversOf(step.questions, value);
  const question = doubtQuestion(call, stored.fence, Object.keys(value.steps), approvers);
  const named = new QuestionNames(0).next(place, call, question);
  const { insert } = prepareQuestion(place, call, question, named, step.now());
  const { results } = await place.backend.store.commit([
    insert,
    {
      op: "update",
      id: stored.id,
      optional: true,
      guard: { status: ["in_doubt"], version: stored.version },
      patch: { value: callJson({ ...value, doubt: named.id }) },
    },
  ]);
  for (const { record } of results) step.note(record);
  return step.questions.get(named.id);
}

/** What the model reads of a call that is not run (again). */
export function doubtText(doubt: Doubt): string {
  if (doubt.decision === "happened")
    return doubt.result ?? "The call had taken effect before it was interrupted.";
  return "The call was interrupted and may or may not have taken effect. It was given up; do not assume either.";
}
