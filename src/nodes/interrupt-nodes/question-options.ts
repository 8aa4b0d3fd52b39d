/** What every interrupt node takes besides its own question. */
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import type { OnExpire } from "../../core/record.ts";
import { isStandardSchema } from "../../core/response-schema.ts";
import { OPTION_NAMES } from "../../suspend/ask.ts";
import type { AskOptions } from "../../suspend/suspend-signal.ts";
import type { FromState } from "./state-types.ts";

/** When, as a number or made of the state. */
export type Deadline<S> = FromState<S, number> | undefined;
export type Expiry<S> = FromState<S, OnExpire> | undefined;

/**
 * `At`, `In` and `Then` are what the author wrote for `expires_at`, `expiresInMs` and `on_expire`: they say whether the
 * question can expire.
 */
export interface NodeQuestion<S, At = Deadline<S>, In = Deadline<S>, Then = Expiry<S>> {
  readonly message: FromState<S, string>;
  /** Further fields of the record's `data`, for whoever shows it. JSON. */
  readonly data?: FromState<S, Readonly<Record<string, unknown>>> | undefined;
  /** Names the question within its task (P2). Needed only if its text changes for the same state. */
  readonly key?: FromState<S, string> | undefined;
  readonly assignee?: FromState<S, string | undefined> | undefined;
  readonly metadata?: FromState<S, Readonly<Record<string, unknown>>> | undefined;
  /** Epoch milliseconds; or give `expiresInMs`. */
  readonly expires_at?: At;
  /** Milliseconds from the first time that the question is asked. */
  readonly expiresInMs?: In;
  readonly on_expire?: Then;
  /** Where the question is kept. The run's own (`configurable.holdpoint.backend`) outranks it, `configureHoldpoint` does not. */
  readonly backend?: HITLBackend | undefined;
  /** Milliseconds without a sign of life after which a run of this node is taken for dead. Default 60 000. */
  readonly leaseMs?: number | undefined;
}

/** Fields of {@link NodeQuestion}, and what becomes of them. */
export const QUESTION_FIELDS: readonly string[] = [
  "message",
  "data",
  "key",
  "assignee",
  "metadata",
  "expires_at",
  "expiresInMs",
  "on_expire",
  "backend",
  "leaseMs",
] satisfies (keyof NodeQuestion<unknown>)[];

export type AskRequest = AskOptions & { readonly message: string };

/** A misspelled `expiresInMs` would be a question that never expires. @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function assertQuestion(where: string, question: object, own: readonly string[]): void {
  if (
    typeof question !== "object" ||
    question === null ||
    (question as { message?: unknown }).message === undefined
  )
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${where} needs a question with a message.`);
  const other = Object.keys(question).find((name) => !QUESTION_FIELDS.includes(name) && !own.includes(name));
  if (other !== undefined)
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${where}: a question has no field "${other}".`);
}

/** A schema may itself be a function. */
export async function resolve<T>(
  value: unknown,
  state: unknown,
  config: LangGraphRunnableConfig,
): Promise<T> {
  if (typeof value !== "function" || isStandardSchema(value)) return value as T;
  return (await value(state, config)) as T;
}

/** What every question comes to for this state; `own` are further fields of its data. */
export async function requestOf(
  question: NodeQuestion<never>,
  own: readonly string[],
  state: unknown,
  config: LangGraphRunnableConfig,
): Promise<AskRequest> {
  const of = <T>(value: unknown): Promise<T> => resolve<T>(value, state, config);
  const data: Record<string, unknown> = { ...(await of<object | undefined>(question.data)) };
  for (const name of ["message", ...own]) {
    const value = await of<unknown>((question as unknown as Record<string, unknown>)[name]);
    if (value !== undefined) data[name] = value;
  }
  const reserved = Object.keys(data).find((name) => OPTION_NAMES.has(name));
  if (reserved !== undefined)
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      `data has no field "${reserved}": it is an option of the question.`,
    );
  if (typeof data["message"] !== "string" || data["message"] === "")
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "The message of a question has to be a text.");
  return {
    ...(data as { message: string }),
    key: await of<string | undefined>(question.key),
    assignee: await of<string | undefined>(question.assignee),
    metadata: await of<Record<string, unknown> | undefined>(question.metadata),
    expires_at: await of<number | undefined>(question.expires_at),
    expiresInMs: await of<number | undefined>(question.expiresInMs),
    on_expire: await of<OnExpire | undefined>(question.on_expire),
  };
}
