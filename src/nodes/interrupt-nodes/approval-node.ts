/** `approvalNode`: work stops until a human approves it, rejects it, or edits parts of the state. */
import { HoldpointError } from "../../core/errors.ts";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { HITLRecord } from "../../core/record.ts";
import type { InferOutput, StandardSchema } from "../../core/response-schema.ts";
import { makeNode } from "./make-node.ts";
import { type Answered, answeredOf, type UnansweredRoutes, unansweredIn } from "./outcomes.ts";
import { checkPart, jsonSchemaOf, type PartSchema, schemaWithParts } from "./part-schemas.ts";
import {
  assertQuestion,
  type Deadline,
  type Expiry,
  type NodeQuestion,
  requestOf,
} from "./question-options.ts";
import { Routes } from "./routes.ts";
import type { EndsOf, FromState, InterruptNode, Only, Route, StateOf, UpdateOf } from "./state-types.ts";

/** Parts of the state, each with the schema of what it may be edited to. */
export type Editable<U> = { readonly [K in keyof U]?: StandardSchema<unknown, U[K]> };

export interface ApprovalQuestion<S, E, At = Deadline<S>, In = Deadline<S>, Then = Expiry<S>>
  extends NodeQuestion<S, At, In, Then> {
  readonly details?: FromState<S, string | undefined> | undefined;
  /**
   * Parts of the state that the human may edit, each with its schema. Their values are shown in `data.values`, and
   * have to be JSON. What is edited becomes an update of the state.
   */
  readonly editable?: E;
}

/** What the record takes for an answer. */
export interface ApprovalResponse<D extends "approve" | "reject" | "edit"> {
  readonly decision: D;
  readonly comment?: string;
}

type ValuesOf<E> = { readonly [K in keyof E]?: InferOutput<E[K]> };

export interface Edited<E>
  extends Answered<"edited", ApprovalResponse<"edit"> & { readonly values: ValuesOf<E> }> {
  /** What was edited, as its schemas gave it: at least one of the editable parts. */
  readonly values: ValuesOf<E>;
}

/** Where each outcome leads. `edited` is there if something is editable, `expired` if there is a deadline. */
export type ApprovalRoutes<S, U, E, At, In, Then> = {
  readonly approved: Route<S, U, Answered<"approved", ApprovalResponse<"approve">>>;
  readonly rejected: Route<S, U, Answered<"rejected", ApprovalResponse<"reject">>>;
} & ([undefined] extends [E] ? { readonly edited?: never } : { readonly edited: Route<S, U, Edited<E>> }) &
  UnansweredRoutes<S, U, At, In, Then>;

const OWN_FIELDS = ["details"];
const OUTCOMES: Readonly<Record<string, string>> = {
  approve: "approved",
  reject: "rejected",
  edit: "edited",
};

/**
 * A node that asks a human to approve. `hitl_type` is `workflow_human`; the answer is `{ decision, comment? }` with
 * `approve`, `reject`, or `edit` and `values`. An edit that its schemas refuse changes nothing, and the question can
 * still be answered (P3). Nothing but an answer approves (P8).
 *
 * @param _schema - of the graph's state: the node is typed by it
 * @param routes - where each outcome leads, and what it writes to the state
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` for a question or a route that cannot be used. The node itself
 * throws as asking does, and `HITLExpiredError`, `HITLCancelledError` where no route says otherwise.
 *
 * @example
 * ```ts
 * import { Annotation, END } from "@langchain/langgraph";
 * import { approvalNode } from "holdpoint";
 *
 * const State = Annotation.Root({ draft: Annotation<string>, feedback: Annotation<string | null> });
 *
 * export const review = approvalNode(
 *   State,
 *   { message: (state) => `Publish "${state.draft}"?`, expiresInMs: 86_400_000 },
 *   {
 *     approved: "publish",
 *     rejected: { goto: "write", update: ({ comment }) => ({ feedback: comment }) },
 *     expired: END,
 *   },
 * );
 * ```
 */
export function approvalNode<
  Schema,
  const E extends Editable<UpdateOf<Schema>> | undefined,
  At extends Deadline<StateOf<Schema>>,
  In extends Deadline<StateOf<Schema>>,
  const Then extends Expiry<StateOf<Schema>>,
  const R extends ApprovalRoutes<StateOf<Schema>, UpdateOf<Schema>, E, At, In, Then> &
    Only<R, "approved" | "rejected" | "edited" | "expired" | "cancelled">,
>(
  _schema: Schema,
  question: ApprovalQuestion<StateOf<Schema>, E, At, In, Then>,
  routes: R,
): InterruptNode<StateOf<Schema>, UpdateOf<Schema>, EndsOf<R>> {
  assertQuestion("approvalNode", question, [...OWN_FIELDS, "editable"]);
  const editable = question.editable as Readonly<Record<string, PartSchema>> | undefined;
  const response_schema = approvalSchema(editable);
  return makeNode({
    routes: new Routes("approvalNode", routes, [
      "approved",
      "rejected",
      ...(editable ? ["edited"] : []),
      ...unansweredIn(question),
    ]),
    backend: question.backend,
    leaseMs: question.leaseMs,
    async ask(state, config) {
      const request = await requestOf(question as NodeQuestion<never>, OWN_FIELDS, state, config);
      const allowed_decisions = editable ? ["approve", "reject", "edit"] : ["approve", "reject"];
      const values = editable ? { values: currentValues(state, editable) } : {};
      return {
        hitl_type: "workflow_human",
        request: Object.assign(request, { allowed_decisions, ...values, response_schema }),
      };
    },
    outcomeOf(answer, record: HITLRecord) {
      const { decision, values } = answer as { decision: string; values?: Record<string, unknown> };
      const route = OUTCOMES[decision] as string;
      const outcome = answeredOf(route, record, answer);
      return values
        ? { outcome: { ...outcome, values } as never, route, edited: values }
        : { outcome, route };
    },
  });
}

function currentValues(
  state: unknown,
  editable: Readonly<Record<string, PartSchema>>,
): Record<string, unknown> {
  const known = (state ?? {}) as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.keys(editable)
      .filter((name) => known[name] !== undefined)
      .map((name) => [name, known[name]]),
  );
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
function approvalSchema(
  editable: Readonly<Record<string, PartSchema>> | undefined,
): JsonObject | StandardSchema {
  const decided = (decisions: string[], more: JsonObject = {}): JsonObject => ({
    type: "object",
    properties: { decision: { enum: decisions }, comment: { type: "string" }, ...more },
    required: ["decision"],
  });
  // Who approves with values may think that they count.
  if (editable === undefined) return { ...decided(["approve", "reject"]), not: { required: ["values"] } };
  const parts = Object.entries(editable).filter(([, schema]) => schema !== undefined);
  if (parts.length === 0)
    throw new HoldpointError("ERR_HITL_INVALID_INPUT", "approvalNode: editable names no part of the state.");
  const values: JsonObject = {
    type: "object",
    properties: Object.fromEntries(parts.map(([name, schema]) => [name, jsonSchemaOf(name, schema)])),
    additionalProperties: false,
    minProperties: 1,
  };
  const json: JsonObject = {
    ...decided(["approve", "reject", "edit"], { values }),
    if: { properties: { decision: { const: "edit" } }, required: ["decision"] },
    // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword.
    then: { required: ["values"] },
    else: { properties: { values: false } },
  };
  return schemaWithParts(json, (answer) => checkValues(answer, new Map(parts)));
}

async function checkValues(
  answer: Readonly<Record<string, JsonValue>>,
  schemas: ReadonlyMap<string, PartSchema>,
): Promise<{ value: unknown } | { issues: { path: (string | number)[]; message: string }[] }> {
  if (answer["decision"] !== "edit") return { value: answer };
  const values: [string, unknown][] = [];
  const issues: { path: (string | number)[]; message: string }[] = [];
  for (const [name, value] of Object.entries((answer["values"] ?? {}) as JsonObject)) {
    const schema = schemas.get(name);
    if (schema === undefined) {
      issues.push({ path: ["values", name], message: "cannot be edited" });
      continue;
    }
    const checked = await checkPart(["values", name], schema, value);
    if ("value" in checked) values.push([name, checked.value]);
    else issues.push(...checked.issues.map(({ path, message }) => ({ path: [...path], message })));
  }
  return issues.length > 0 ? { issues } : { value: { ...answer, values: Object.fromEntries(values) } };
}
