/** `formNode`: a human fills in a form, and what it holds goes to the state. */
import {
  type InferOutput,
  isStandardSchema,
  type StandardSchema,
  toJsonSchema,
} from "../../core/response-schema.ts";
import { makeNode } from "./make-node.ts";
import { type Answered, answeredOf, type UnansweredRoutes, unansweredIn } from "./outcomes.ts";
import {
  type AskRequest,
  assertQuestion,
  type Deadline,
  type Expiry,
  type NodeQuestion,
  requestOf,
  resolve,
} from "./question-options.ts";
import { Routes } from "./routes.ts";
import type { EndsOf, FromState, InterruptNode, Only, Route, StateOf, UpdateOf } from "./state-types.ts";

type FormSchema = StandardSchema | Readonly<Record<string, unknown>>;

export interface FormQuestion<
  S,
  F = FromState<S, FormSchema>,
  At = Deadline<S>,
  In = Deadline<S>,
  Then = Expiry<S>,
> extends NodeQuestion<S, At, In, Then> {
  /** JSON Schema, or a Standard Schema whose output is the `response`. */
  readonly schema: F;
}

type SubmittedOf<F> = F extends StandardSchema
  ? InferOutput<F>
  : F extends (...args: never[]) => infer Made
    ? InferOutput<Awaited<Made>>
    : unknown;

export type FormRoutes<S, U, F, At, In, Then> = {
  readonly submitted: Route<S, U, Answered<"submitted", SubmittedOf<F>>>;
} & UnansweredRoutes<S, U, At, In, Then>;

/**
 * A node that asks a human to fill in a form (`hitl_type` `form`). Rules and errors as {@link approvalNode}.
 *
 * @example
 * ```ts
 * import { Annotation } from "@langchain/langgraph";
 * import { formNode } from "holdpoint";
 * import { z } from "zod";
 *
 * const State = Annotation.Root({ city: Annotation<string>, guests: Annotation<number> });
 *
 * export const trip = formNode(
 *   State,
 *   { message: "Where to?", schema: z.object({ city: z.string().min(1), guests: z.number().int() }) },
 *   { submitted: { update: ({ response }) => response } },
 * );
 * ```
 */
export function formNode<
  Schema,
  const F extends FromState<StateOf<Schema>, FormSchema>,
  At extends Deadline<StateOf<Schema>>,
  In extends Deadline<StateOf<Schema>>,
  const Then extends Expiry<StateOf<Schema>>,
  const R extends FormRoutes<StateOf<Schema>, UpdateOf<Schema>, F, At, In, Then> &
    Only<R, "submitted" | "expired" | "cancelled">,
>(
  _schema: Schema,
  question: FormQuestion<StateOf<Schema>, F, At, In, Then>,
  routes: R,
): InterruptNode<StateOf<Schema>, UpdateOf<Schema>, EndsOf<R>> {
  assertQuestion("formNode", question, ["schema"]);
  return makeNode({
    routes: new Routes("formNode", routes, ["submitted", ...unansweredIn(question)]),
    backend: question.backend,
    leaseMs: question.leaseMs,
    async ask(state, config) {
      const request = await requestOf(question as NodeQuestion<never>, [], state, config);
      const schema = await resolve<FormSchema>(question.schema, state, config);
      const shown = isStandardSchema(schema) ? toJsonSchema(schema) : schema;
      return {
        hitl_type: "form",
        request: { ...request, schema: shown, response_schema: schema } as AskRequest,
      };
    },
    outcomeOf(answer, record) {
      return { outcome: answeredOf("submitted", record, answer), route: "submitted" };
    },
  });
}
