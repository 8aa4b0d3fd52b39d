/** `permissionNode`: may this be done, with these arguments? */
import { type Decision, defaultResponseSchema } from "../../core/hitl-types.ts";
import { hashJson } from "../../core/ids.ts";
import { type JsonObject, type JsonValue, toJsonObject } from "../../core/json.ts";
import type { InferOutput } from "../../core/response-schema.ts";
import type { PermissionAnswer } from "../../suspend/ask.ts";
import { makeNode } from "./make-node.ts";
import { type Answered, answeredOf, type UnansweredRoutes, unansweredIn } from "./outcomes.ts";
import { checkPart, jsonSchemaOf, type PartSchema, schemaWithParts } from "./part-schemas.ts";
import {
  type AskRequest,
  assertQuestion,
  type Deadline,
  type Expiry,
  type NodeQuestion,
  requestOf,
} from "./question-options.ts";
import { Routes } from "./routes.ts";
import type { EndsOf, FromState, InterruptNode, Only, Route, StateOf, UpdateOf } from "./state-types.ts";

export interface PermissionNodeQuestion<
  S,
  D extends Decision = Decision,
  A = PartSchema | undefined,
  At = Deadline<S>,
  In = Deadline<S>,
  Then = Expiry<S>,
> extends NodeQuestion<S, At, In, Then> {
  readonly tool: FromState<S, string>;
  readonly args: FromState<S, Readonly<Record<string, unknown>>>;
  /** What would happen, as far as it can be shown. JSON. */
  readonly preview?: FromState<S, unknown>;
  /** Default: approve_once, reject. */
  readonly allowed_decisions?: readonly D[] | undefined;
  readonly suggestions?: FromState<S, readonly unknown[] | undefined> | undefined;
  /** What edited arguments have to satisfy. */
  readonly args_schema?: A;
}

type EditedArgs<A> = InferOutput<A, Readonly<Record<string, JsonValue>>>;

/** `args` are those that were approved: the edited ones after an edit (P7). */
export type Permitted<D extends Decision, A> = Answered<
  D,
  D extends "edit"
    ? Omit<PermissionAnswer<D>, "edited_args"> & { readonly edited_args: EditedArgs<A> }
    : PermissionAnswer<D>
> &
  (D extends "edit"
    ? { readonly args: EditedArgs<A> }
    : D extends "approve_once" | "approve_always"
      ? { readonly args: Readonly<Record<string, JsonValue>> }
      : unknown);

export type PermissionRoutes<S, U, D extends Decision, A, At, In, Then> = {
  readonly [Name in D]: Route<S, U, Permitted<Name, A>>;
} & { readonly [Name in Exclude<Decision, D>]?: never } & UnansweredRoutes<S, U, At, In, Then>;

const OWN_FIELDS = ["tool", "args", "preview", "suggestions"];
const APPROVED: ReadonlySet<string> = new Set(["approve_once", "approve_always"] satisfies Decision[]);

/**
 * A node that asks for permission to do something with arguments (`hitl_type` `permission`); the approval is bound
 * to them (P7). Each allowed decision needs a route. Rules and errors as {@link approvalNode}.
 *
 * @example
 * ```ts
 * import { Annotation, END } from "@langchain/langgraph";
 * import { permissionNode } from "holdpoint";
 *
 * const State = Annotation.Root({ order: Annotation<string>, refund: Annotation<object> });
 *
 * export const mayRefund = permissionNode(
 *   State,
 *   { message: "Refund?", tool: "refund", args: (state) => ({ order: state.order }) },
 *   { approve_once: { goto: "refund", update: ({ args }) => ({ refund: args }) }, reject: END },
 * );
 * ```
 */
export function permissionNode<
  Schema,
  A extends PartSchema | undefined,
  At extends Deadline<StateOf<Schema>>,
  In extends Deadline<StateOf<Schema>>,
  const Then extends Expiry<StateOf<Schema>>,
  const R extends PermissionRoutes<StateOf<Schema>, UpdateOf<Schema>, D, A, At, In, Then> &
    Only<R, Decision | "expired" | "cancelled">,
  const D extends Decision = "approve_once" | "reject",
>(
  _schema: Schema,
  question: PermissionNodeQuestion<StateOf<Schema>, D, A, At, In, Then>,
  routes: R,
): InterruptNode<StateOf<Schema>, UpdateOf<Schema>, EndsOf<R>> {
  const { backend, leaseMs, args_schema } = question as PermissionNodeQuestion<never>;
  const allowed: readonly Decision[] = question.allowed_decisions ?? ["approve_once", "reject"];
  assertQuestion("permissionNode", question, [...OWN_FIELDS, "allowed_decisions", "args_schema"]);
  const response_schema = args_schema ? permissionSchema(allowed, args_schema) : undefined;
  return makeNode({
    routes: new Routes("permissionNode", routes, [...allowed, ...unansweredIn(question)]),
    backend,
    leaseMs,
    async ask(state, config) {
      const resolved = await requestOf(question as NodeQuestion<never>, OWN_FIELDS, state, config);
      const { tool, args: given } = resolved as unknown as { tool: string; args: unknown };
      const args = toJsonObject(given, "args");
      return {
        hitl_type: "permission",
        request: { ...resolved, args, allowed_decisions: [...allowed], response_schema } as AskRequest,
        subject: { tool, args, approved_hash: hashJson([tool, args]) },
      };
    },
    outcomeOf(answer, record, { subject }) {
      const { decision, edited_args } = answer as { decision: Decision; edited_args?: JsonObject };
      const outcome = answeredOf(decision, record, answer);
      const args = decision === "edit" ? edited_args : APPROVED.has(decision) ? subject?.args : undefined;
      return { outcome: args === undefined ? outcome : ({ ...outcome, args } as never), route: decision };
    },
  });
}

function permissionSchema(
  allowed: readonly Decision[],
  schema: PartSchema,
): ReturnType<typeof schemaWithParts> {
  const base = defaultResponseSchema("permission", { allowed_decisions: [...allowed] }) as JsonObject;
  const properties = {
    ...(base["properties"] as JsonObject),
    edited_args: jsonSchemaOf("edited_args", schema),
  };
  return schemaWithParts({ ...base, properties }, async (answer) => {
    const { decision, edited_args } = answer;
    if (decision !== "edit") return { value: answer };
    const checked = await checkPart(["edited_args"], schema, edited_args as JsonValue);
    return "value" in checked ? { value: { ...answer, edited_args: checked.value } } : checked;
  });
}
