/**
 * Await style: `const { confirmed } = await confirm({ message })`. The question is recorded, the call suspends,
 * and when the body runs again the same line gives the answer (P1, P2).
 */
import type { HITLBackend } from "../backends/hitl-backend.ts";
import { HITLCancelledError, HITLExpiredError, HoldpointError } from "../core/errors.ts";
import type { Decision, Option } from "../core/hitl-types.ts";
import type { JsonValue } from "../core/json.ts";
import type { HITLRecord, Subject } from "../core/record.ts";
import {
  checkStandard,
  describeIssues,
  type InferOutput,
  isStandardSchema,
  type StandardSchema,
  toJsonSchema,
} from "../core/response-schema.ts";
import { hashJson } from "../core/ids.ts";
import { cloneJson, toJsonObject } from "../core/json.ts";
import { type CallScope, callScope } from "./call-scope.ts";
import { askBare } from "./bare.ts";
import { currentConfig } from "./current-config.ts";
import { type HostConfig, namespaceOf } from "./place.ts";
import type { Question } from "./question.ts";
import { quiet } from "./quiet.ts";
import type { AskOptions } from "./suspend-signal.ts";

/** The second argument of a tool, or the config of a node. */
export type AskRuntime = object | undefined;

type OptionValue<O> = O extends string
  ? O
  : O extends { readonly value: infer V extends string }
    ? V
    : string;

export interface AskUserRequest<O extends Option = Option> extends AskOptions {
  readonly message: string;
  readonly options?: readonly O[];
  readonly questions?: undefined;
  readonly multiple?: boolean;
  /** Besides the options anything may be answered. Without options that is always so. */
  readonly allow_free_text?: boolean;
}

export interface AskQuestionsRequest<Id extends string = string> extends AskOptions {
  readonly message: string;
  readonly options?: undefined;
  readonly questions: readonly {
    readonly id: Id;
    readonly message: string;
    readonly options?: readonly Option[];
    readonly multiple?: boolean;
    readonly allow_free_text?: boolean;
  }[];
}

type AnswerOf<R> = R extends { readonly options: readonly (infer O)[] }
  ? R extends { readonly allow_free_text: true }
    ? string
    : OptionValue<O>
  : string;

/** What {@link askUser} gives: one answer, several of the options, or one for each question. */
export type AskUserAnswer<R> = R extends { readonly response_schema: infer S extends StandardSchema }
  ? InferOutput<S>
  : R extends { readonly questions: readonly { readonly id: infer Id extends string }[] }
    ? { readonly answers: { readonly [id in Id]: string | readonly string[] } }
    : R extends { readonly multiple: true }
      ? { readonly answer: readonly AnswerOf<R>[] }
      : { readonly answer: AnswerOf<R> };

/**
 * Asks a human a question, in a tool or a node.
 *
 * @param runtime - the tool's second argument; needed only in a stock `ToolNode` with unwrapped tools.
 * @throws HITLExpiredError, HITLCancelledError, HoldpointError; and the signal that suspends the call, which
 * must not be caught.
 *
 * @example
 * ```ts
 * import { askUser } from "holdpoint";
 *
 * export async function chooseAccount(): Promise<"main" | "savings"> {
 *   const { answer } = await askUser({ message: "Which account?", options: ["main", "savings"] });
 *   return answer;
 * }
 * ```
 */
export function askUser<const R extends AskUserRequest | AskQuestionsRequest>(
  request: R,
  runtime?: AskRuntime,
): Promise<AskUserAnswer<R>> {
  return quiet(ask("ask_user", request, runtime)) as Promise<AskUserAnswer<R>>;
}

export interface ConfirmRequest extends AskOptions {
  readonly message: string;
  readonly details?: string;
  readonly risk_level?: "low" | "medium" | "high";
}

export interface ConfirmAnswer {
  readonly confirmed: boolean;
  readonly comment?: string;
}

/** Asks a human for a yes or a no. Rules and errors as {@link askUser}. */
export function confirm(request: ConfirmRequest, runtime?: AskRuntime): Promise<ConfirmAnswer> {
  return quiet(ask("confirm", request, runtime)) as Promise<ConfirmAnswer>;
}

export interface PermissionRequest extends AskOptions {
  readonly message: string;
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** What would happen, as far as it can be shown. JSON. */
  readonly preview?: unknown;
  /** Default: approve_once, reject. */
  readonly allowed_decisions?: readonly Decision[];
  readonly suggestions?: readonly unknown[];
}

/** What {@link requestPermission} gives; only the decisions that were allowed can occur. */
export type PermissionAnswer<D extends Decision = Decision> = {
  readonly decision: D;
  readonly message?: string;
  readonly scope?: string;
} & (D extends "edit" ? { readonly edited_args: Readonly<Record<string, JsonValue>> } : unknown);

type AllowedOf<R> = R extends { readonly allowed_decisions: readonly (infer D extends Decision)[] }
  ? D
  : "approve_once" | "reject";

/**
 * Asks for permission to do something with these arguments (P7: the approval is bound to them). In a tool that runs under
 * a policy, the policy is asked first: what it allows, or a grant does, nobody is asked about, and what it denies is
 * rejected (docs/policy.md, "In a tool").
 */
export function requestPermission<const R extends PermissionRequest>(
  request: R,
  runtime?: AskRuntime,
): Promise<AllowedOf<R> extends infer D ? (D extends Decision ? PermissionAnswer<D> : never) : never> {
  return quiet(askPermission(request, runtime)) as Promise<never>;
}

async function askPermission(request: PermissionRequest, runtime: AskRuntime): Promise<unknown> {
  const { tool } = request;
  const args = toJsonObject(request.args, "args");
  const subject: Subject = { tool, args, approved_hash: hashJson([tool, args]) };
  const { allowed_decisions = ["approve_once", "reject"] } = request;
  const complete = { ...request, allowed_decisions };
  const judge = scopeAt(configOf(runtime))?.permissions?.judge;
  return judge ? judge(complete) : ask("permission", complete, runtime, subject);
}

export interface FormRequest extends AskOptions {
  readonly message: string;
  /** JSON Schema, or a Standard Schema whose output is what this function gives. */
  readonly schema: StandardSchema | Readonly<Record<string, unknown>>;
}

type FormAnswer<R> = R extends { readonly schema: infer S } ? InferOutput<S> : unknown;

/** Asks a human to fill in a form. */
export function requestForm<const R extends FormRequest>(
  request: R,
  runtime?: AskRuntime,
): Promise<FormAnswer<R>> {
  return quiet(askForm(request, runtime)) as Promise<FormAnswer<R>>;
}

async function askForm(request: FormRequest, runtime: AskRuntime): Promise<unknown> {
  const { schema, ...rest } = request;
  const shown = isStandardSchema(schema) ? toJsonSchema(schema) : schema;
  return ask("form", { ...rest, schema: shown, response_schema: schema }, runtime);
}

export interface AuthRequest extends AskOptions {
  readonly message: string;
  readonly auth_url: string;
  readonly provider?: string;
  readonly scopes?: readonly string[];
  /** The external system answers with it: `backend.getByCallback(callback_id)`, then `respond`. */
  readonly callback_id?: string;
}

export interface AuthAnswer {
  readonly status: "granted" | "denied";
  /** Where the secret is kept; never the secret itself. */
  readonly reference?: string;
  readonly message?: string;
}

/** Waits for an authorisation outside, completed through its `callback_id`. */
export function requestAuth(request: AuthRequest, runtime?: AskRuntime): Promise<AuthAnswer> {
  return quiet(ask("external_auth", request, runtime)) as Promise<AuthAnswer>;
}

/** How a question is asked; everything else in a request is its `data`. */
export const OPTION_NAMES: ReadonlySet<string> = new Set([
  "key",
  "response_schema",
  "expires_at",
  "expiresInMs",
  "on_expire",
  "assignee",
  "metadata",
  "callback_id",
] satisfies (keyof AskOptions | "callback_id")[]);

function ask(
  hitl_type: string,
  request: AskOptions & { readonly callback_id?: string; readonly schema?: unknown },
  runtime: AskRuntime,
  subject?: Subject,
): Promise<unknown> {
  return askForRecord(hitl_type, request, runtime, { subject }).then(({ answer }) => answer);
}

/** The answer, and the record that holds it: who answered, and when. */
export interface RecordedAnswer {
  readonly answer: unknown;
  readonly record: HITLRecord;
}

/**
 * What all ways to ask come to.
 *
 * @param context - `backend`: that of the node which asks, where no call of ours is around it.
 */
export async function askForRecord(
  hitl_type: string,
  request: AskOptions & { readonly callback_id?: string; readonly schema?: unknown },
  runtime: AskRuntime,
  {
    subject,
    backend,
  }: { readonly subject?: Subject | undefined; readonly backend?: HITLBackend | undefined },
): Promise<RecordedAnswer> {
  const { key, expiresInMs, response_schema, expires_at, on_expire, assignee, metadata, callback_id } =
    request;
  const data = Object.fromEntries(Object.entries(request).filter(([name]) => !OPTION_NAMES.has(name)));
  const standard = isStandardSchema(response_schema) ? response_schema : undefined;
  const question: Question = {
    key,
    alias: undefined,
    expiresInMs,
    request: {
      hitl_type,
      data,
      metadata,
      response_schema,
      expires_at,
      on_expire,
      assignee,
      callback_id,
      subject,
    },
  };
  let retry: Question["retry"];
  for (;;) {
    const record = await recorded(retry ? { ...question, retry } : question, runtime, backend);
    const answer = answerOf(record);
    if (!standard) return { answer, record };
    const checked = await checkStandard(standard, answer);
    if ("value" in checked) return { answer: checked.value, record };
    // P3: accepted by the JSON Schema, refused by a refinement that only this process knows: ask again.
    retry = { count: (retry?.count ?? 0) + 1, error: describeIssues(checked.issues) };
  }
}

function recorded(
  question: Question,
  runtime: AskRuntime,
  backend: HITLBackend | undefined,
): Promise<HITLRecord> {
  const config = configOf(runtime);
  return scopeAt(config)?.ask(question) ?? askBare(question, config, runtime, backend);
}

function configOf(runtime: AskRuntime): HostConfig | undefined {
  const given: HostConfig | undefined = runtime;
  return given?.configurable ? given : currentConfig();
}

/** Inside a graph that a tool runs, the tool's own scope is not the place that asks. */
function scopeAt(config: HostConfig | undefined): CallScope | undefined {
  const scope = callScope.getStore();
  return scope && (namespaceOf(config) ?? scope.checkpoint_ns) === scope.checkpoint_ns ? scope : undefined;
}

/** @throws HITLExpiredError, HITLCancelledError (P8) */
function answerOf(record: HITLRecord): JsonValue {
  switch (record.status) {
    case "completed":
      // The author may change what he is given, and his body may run once more on this record.
      return cloneJson(record.user_response);
    case "expired":
      throw new HITLExpiredError(record.hitl_id);
    case "cancelled":
      throw new HITLCancelledError(record.hitl_id, record.reason ?? undefined);
    default:
      throw new HoldpointError("ERR_HITL_STORE", `The question ${record.hitl_id} is still ${record.status}.`);
  }
}
