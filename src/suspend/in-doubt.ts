/** A call whose holder died in its middle: a human says what became of it (P9). */
import type { HITLRecord } from "../core/record.ts";
import type { CallIdentity } from "./call-record.ts";
import type { Question } from "./question.ts";

export interface Doubt {
  readonly decision: "run_again" | "happened" | "give_up";
  readonly result?: string | undefined;
}

/**
 * @param fence - of the holder that died: each death is a question of its own.
 * @param steps - that are recorded as done, and will not run again.
 */
export function doubtQuestion(call: CallIdentity, fence: number, steps: readonly string[]): Question {
  return {
    key: `in_doubt:${fence}`,
    alias: undefined,
    expiresInMs: undefined,
    request: {
      hitl_type: "in_doubt",
      data: {
        message: `The call of ${call.tool_name} was interrupted in its middle: it may or may not have taken effect. Look, then decide.`,
        tool: call.tool_name,
        args: call.params ?? {},
        steps_done: [...steps],
        options: [
          { value: "run_again", label: "It did not happen: run it" },
          { value: "happened", label: "It happened: go on with this result" },
          { value: "give_up", label: "Give it up" },
        ],
      },
      response_schema: {
        type: "object",
        properties: { decision: { enum: ["run_again", "happened", "give_up"] }, result: { type: "string" } },
        required: ["decision"],
      },
    },
  };
}

/** P8: whatever is not a clear decision gives the call up. */
export function doubtOf(record: HITLRecord): Doubt {
  const answer = record.status === "completed" ? (record.user_response as Partial<Doubt> | null) : null;
  if (answer?.decision === "run_again" || answer?.decision === "happened") {
    return { decision: answer.decision, result: answer.result };
  }
  return { decision: "give_up" };
}

/** What the model reads of a call that is not run (again). */
export function doubtText(doubt: Doubt): string {
  if (doubt.decision === "happened")
    return doubt.result ?? "The call had taken effect before it was interrupted.";
  return "The call was interrupted and may or may not have taken effect. It was given up; do not assume either.";
}
