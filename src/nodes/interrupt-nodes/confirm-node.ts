/** `confirmNode`: a yes or a no decides where the graph goes on. */
import type { ConfirmAnswer } from "../../suspend/ask.ts";
import { makeNode } from "./make-node.ts";
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

export interface ConfirmQuestion<S, At = Deadline<S>, In = Deadline<S>, Then = Expiry<S>>
  extends NodeQuestion<S, At, In, Then> {
  readonly details?: FromState<S, string | undefined> | undefined;
  readonly risk_level?: FromState<S, "low" | "medium" | "high" | undefined> | undefined;
}

export type ConfirmRoutes<S, U, At, In, Then> = {
  readonly confirmed: Route<S, U, Answered<"confirmed", ConfirmAnswer>>;
  readonly declined: Route<S, U, Answered<"declined", ConfirmAnswer>>;
} & UnansweredRoutes<S, U, At, In, Then>;

const OWN_FIELDS = ["details", "risk_level"];

/**
 * A node that asks for a yes or a no (`hitl_type` `confirm`). Rules and errors as {@link approvalNode}.
 *
 * @example
 * ```ts
 * import { Annotation, END } from "@langchain/langgraph";
 * import { confirmNode } from "holdpoint";
 *
 * const State = Annotation.Root({ amount: Annotation<number> });
 *
 * export const sure = confirmNode(
 *   State,
 *   { message: (state) => `Pay ${state.amount} EUR?`, risk_level: "high" },
 *   { confirmed: "pay", declined: END },
 * );
 * ```
 */
export function confirmNode<
  Schema,
  At extends Deadline<StateOf<Schema>>,
  In extends Deadline<StateOf<Schema>>,
  const Then extends Expiry<StateOf<Schema>>,
  const R extends ConfirmRoutes<StateOf<Schema>, UpdateOf<Schema>, At, In, Then> &
    Only<R, "confirmed" | "declined" | "expired" | "cancelled">,
>(
  _schema: Schema,
  question: ConfirmQuestion<StateOf<Schema>, At, In, Then>,
  routes: R,
): InterruptNode<StateOf<Schema>, UpdateOf<Schema>, EndsOf<R>> {
  assertQuestion("confirmNode", question, OWN_FIELDS);
  return makeNode({
    routes: new Routes("confirmNode", routes, ["confirmed", "declined", ...unansweredIn(question)]),
    backend: question.backend,
    leaseMs: question.leaseMs,
    async ask(state, config) {
      const request = await requestOf(question as NodeQuestion<never>, OWN_FIELDS, state, config);
      return { hitl_type: "confirm", request };
    },
    outcomeOf(answer, record) {
      const route = (answer as ConfirmAnswer).confirmed ? "confirmed" : "declined";
      return { outcome: answeredOf(route, record, answer), route };
    },
  });
}
