/** `askUserNode`: a human's answer goes to the state, or decides where the graph goes on. */
import { HoldpointError } from "../../core/errors.ts";
import type { Option, Question } from "../../core/hitl-types.ts";
import type { HITLRecord } from "../../core/record.ts";
import { type Followed, makeNode } from "./make-node.ts";
import { type Answered, answeredOf, type UnansweredRoutes, unansweredIn } from "./outcomes.ts";
import {
  assertQuestion,
  type Deadline,
  type Expiry,
  type NodeQuestion,
  requestOf,
} from "./question-options.ts";
import { Routes } from "./routes.ts";
import type { EndsOf, FromState, InterruptNode, Only, Route, StateOf, UpdateOf } from "./state-types.ts";

export type NodeOptions<S> = FromState<S, readonly Option[]> | undefined;
export type NodeQuestions<S> = FromState<S, readonly Question[]> | undefined;
type Flag = boolean | undefined;

export interface AskUserQuestion<
  S,
  O = NodeOptions<S>,
  Multiple = Flag,
  Free = Flag,
  Questions = NodeQuestions<S>,
  At = Deadline<S>,
  In = Deadline<S>,
  Then = Expiry<S>,
> extends NodeQuestion<S, At, In, Then> {
  readonly options?: O;
  readonly multiple?: Multiple;
  /** Besides the options anything may be answered. Without options that is always so. */
  readonly allow_free_text?: Free;
  /** Several questions, instead of one with options. */
  readonly questions?: Questions;
}

type ValueOf<O> = O extends string ? O : O extends { readonly value: infer V extends string } ? V : string;

/** The values of options that are written down; any text where they are made of the state. */
type ValuesOf<O> = [O] extends [readonly (infer One)[]] ? ValueOf<One> : string;

type OneAnswer<O, Free> = [Free] extends [true] ? string : ValuesOf<O>;

/** The answer, with what it holds. */
export interface AnsweredWith<Name extends string, A> extends Answered<Name, { readonly answer: A }> {
  readonly answer: A;
}

type AnswersOf<Questions> = {
  readonly [Id in Questions extends readonly { readonly id: infer I extends string }[] ? I : string]:
    | string
    | readonly string[];
};

export interface AnsweredAll<Questions>
  extends Answered<"answered", { readonly answers: AnswersOf<Questions> }> {
  readonly answers: AnswersOf<Questions>;
}

type AnyAnswer<O, Multiple, Free, Questions> = [undefined] extends [Questions]
  ? AnsweredWith<"answered", [Multiple] extends [true] ? readonly OneAnswer<O, Free>[] : OneAnswer<O, Free>>
  : AnsweredAll<Questions>;

/** Each option can be a route of its own if the options are written down, and one of them is answered. */
type ByOption<S, U, O, Multiple, Free> = [O] extends [readonly unknown[]]
  ? [Multiple] extends [true]
    ? never
    : {
        readonly answered?: never;
        readonly options: { readonly [V in ValuesOf<O>]: Route<S, U, AnsweredWith<"option", V>> };
      } & ([Free] extends [true]
        ? { readonly free_text: Route<S, U, AnsweredWith<"free_text", string>> }
        : { readonly free_text?: never })
  : never;

/** One route for whatever is `answered`, or one for each of the `options` (and one for `free_text`). */
export type AskUserRoutes<S, U, O, Multiple, Free, Questions, At, In, Then> = (
  | {
      readonly answered: Route<S, U, AnyAnswer<O, Multiple, Free, Questions>>;
      readonly options?: never;
      readonly free_text?: never;
    }
  | ByOption<S, U, O, Multiple, Free>
) &
  UnansweredRoutes<S, U, At, In, Then>;

const OWN_FIELDS = ["options", "multiple", "allow_free_text", "questions"];

/**
 * A node that asks a question (`hitl_type` `ask_user`). Rules and errors as {@link approvalNode}.
 *
 * @example
 * ```ts
 * import { Annotation } from "@langchain/langgraph";
 * import { askUserNode } from "holdpoint";
 *
 * const State = Annotation.Root({ title: Annotation<string>, style: Annotation<string> });
 *
 * export const title = askUserNode(
 *   State,
 *   { message: "A title?" },
 *   { answered: { update: ({ answer }) => ({ title: answer }) } },
 * );
 * export const style = askUserNode(
 *   State,
 *   { message: "Which style?", options: ["short", "long"] },
 *   { options: { short: "summarise", long: { goto: "write", update: { style: "long" } } } },
 * );
 * ```
 */
export function askUserNode<
  Schema,
  const O extends NodeOptions<StateOf<Schema>>,
  const Multiple extends Flag,
  const Free extends Flag,
  const Questions extends NodeQuestions<StateOf<Schema>>,
  At extends Deadline<StateOf<Schema>>,
  In extends Deadline<StateOf<Schema>>,
  const Then extends Expiry<StateOf<Schema>>,
  const R extends AskUserRoutes<
    StateOf<Schema>,
    UpdateOf<Schema>,
    O,
    Multiple,
    Free,
    Questions,
    At,
    In,
    Then
  > &
    Only<R, "answered" | "options" | "free_text" | "expired" | "cancelled">,
>(
  _schema: Schema,
  question: AskUserQuestion<StateOf<Schema>, O, Multiple, Free, Questions, At, In, Then>,
  routes: R,
): InterruptNode<StateOf<Schema>, UpdateOf<Schema>, EndsOf<R>> {
  assertQuestion("askUserNode", question, OWN_FIELDS);
  const { byOption, flat, needed } = routesOf(question as AskUserQuestion<never>, routes);
  return makeNode({
    routes: new Routes("askUserNode", flat, [...needed, ...unansweredIn(question)]),
    backend: question.backend,
    leaseMs: question.leaseMs,
    async ask(state, config) {
      const request = await requestOf(question as NodeQuestion<never>, OWN_FIELDS, state, config);
      return { hitl_type: "ask_user", request };
    },
    outcomeOf(answer, record) {
      return followed(answer as { answer?: unknown; answers?: unknown }, record, byOption);
    },
  });
}

/** No outcome is called so, whatever an option is. */
const OPTION_PREFIX = "option:";

function routesOf(
  { options, multiple, allow_free_text }: AskUserQuestion<never>,
  routes: object,
): { byOption: boolean; flat: Readonly<Record<string, unknown>>; needed: readonly string[] } {
  const { options: byOption, ...rest } = (routes ?? {}) as { options?: Readonly<Record<string, unknown>> };
  if (byOption === undefined) return { byOption: false, flat: rest, needed: ["answered"] };
  if (!Array.isArray(options) || multiple)
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "askUserNode: routes by option need options that are written down, of which one is answered. Use one route `answered`.",
    );
  const values = (options as readonly Option[]).map((option) =>
    typeof option === "string" ? option : option.value,
  );
  return {
    byOption: true,
    flat: {
      ...rest,
      ...Object.fromEntries(Object.entries(byOption).map(([value, route]) => [OPTION_PREFIX + value, route])),
    },
    needed: [...values.map((value) => OPTION_PREFIX + value), ...(allow_free_text ? ["free_text"] : [])],
  };
}

function followed(
  response: { readonly answer?: unknown; readonly answers?: unknown },
  record: HITLRecord,
  byOption: boolean,
): Followed {
  const { answer, answers } = response;
  const answered = (name: string, route: string): Followed => ({
    outcome: { ...answeredOf(name, record, response), ...(answers === undefined ? { answer } : { answers }) },
    route,
  });
  if (!byOption) return answered("answered", "answered");
  const { options = [] } = record.data as { options?: readonly Option[] };
  const isOption = options.some((option) => (typeof option === "string" ? option : option.value) === answer);
  return isOption ? answered("option", OPTION_PREFIX + String(answer)) : answered("free_text", "free_text");
}
