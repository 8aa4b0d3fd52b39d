/** A client, as far as the matrix knows it. */
import type { HITLRecord } from "../../../src/index.ts";
import type { JsonValue } from "../../../src/core/json.ts";
import type { InteropFormat } from "../../../src/interop/index.ts";
import { type Action, type CANCELLED, OF, type Question } from "./questions.ts";

/** Values that all say the same; the first is sent to graphs as well. */
export interface Says {
  readonly values: readonly unknown[];
  /** What it comes to, where these words mean less than the action (a rejection without its reason). */
  readonly answer?: JsonValue | typeof CANCELLED | undefined;
}

/** `nearest`: what comes closest to it, and must answer nothing. */
interface Cannot {
  readonly cannot: string;
  readonly nearest?: unknown;
}

export type Saying = Says | Cannot;

/** One question, as it is shown, and what is said to it. */
export interface Part {
  readonly ask: HITLRecord;
  readonly value: unknown;
}

export interface Client {
  readonly name: string;
  readonly format: InteropFormat;
  /** Its answers reach a graph in another form than a server that receives them itself. */
  readonly graphOnly?: true;
  /** How it says which of several questions it means. */
  readonly addresses: string;
  /** What the value for one question is; null where it has no such words, as the question has no such answer. */
  says(action: Action, question: Question, ask: HITLRecord): Saying | null;
  /** One message for some of the questions that are shown. */
  several(parts: readonly Part[], shown: readonly HITLRecord[]): Saying;
}

export const says = (...values: readonly unknown[]): Says => ({ values });
/** The action in words of our own; null where the question has no such answer. */
export function ownWords(action: Action, question: Question): Says | null {
  const { answers, request, edited } = OF[question];
  const answer = answers[action];
  if (answer !== undefined) return says(answer);
  // As a client would say it that does not read the question's schema.
  if (request.hitl_type !== "permission") return null;
  return says(
    action === "edit" ? { decision: action, edited_args: edited } : { decision: action, message: "x" },
  );
}
