/** What the value of an interrupt holds for other people's user interfaces, beside our own fields (PROTOCOL.md §10.1). */
import type { JsonObject } from "../core/json.ts";
import {
  actionOf,
  descriptionOf,
  type InteropAsk,
  interruptId,
  type ReviewDecision,
  reviewDecisions,
} from "./ask.ts";
import type { InteropProblem } from "./problem.ts";

/** As LangChain for Python says it; `arguments` is for Agent Inbox. */
export interface ActionRequest {
  readonly name: string;
  readonly args: JsonObject;
  readonly arguments: JsonObject;
  readonly description: string;
  readonly tool_call_id: string | null;
}

export interface ReviewConfig {
  readonly action_name: string;
  readonly allowed_decisions: ReviewDecision[];
}

/** As LangChain for JavaScript says it. */
export interface CamelActionRequest {
  readonly name: string;
  readonly args: JsonObject;
  readonly description: string;
  readonly toolCallId: string | null;
}

export interface CamelReviewConfig {
  readonly actionName: string;
  readonly allowedDecisions: ReviewDecision[];
}

/** AG-UI takes any text; these are ours. */
export type AskReason = "tool_approval" | "confirmation" | "input_required" | "auth_required";

/** The fields for others; the lists hold every open question of the step, in the order of `asks`. */
export interface SupersetPayload {
  readonly action_requests?: ActionRequest[];
  readonly review_configs?: ReviewConfig[];
  readonly actionRequests?: CamelActionRequest[];
  readonly reviewConfigs?: CamelReviewConfig[];
  readonly reason: AskReason;
  /** ISO 8601; absent if the question does not expire. */
  readonly expiresAt?: string;
  /**
   * What AG-UI's client of LangGraph sends back says which question it answers: that client leaves out the ids of interrupts
   * where one is answered.
   */
  readonly responseSchema: JsonObject;
  /** What was wrong with what was answered last; absent if nothing was. */
  readonly issues?: readonly InteropProblem[];
}

/** Characters of the arguments that the lists repeat. Who reviews must never see them cut short: rather not at all. */
const MAX_ARGS = 64 * 1024;
const MAX_ISSUES = 20;
/** Characters of a response schema that is repeated. */
const MAX_SCHEMA = 16 * 1024;
/** ECMA-262, "Time Values and Time Range". */
const LAST_TIME = 8.64e15;

export function reasonOf(ask: Pick<InteropAsk, "hitl_type">): AskReason {
  switch (ask.hitl_type) {
    case "permission":
      return "tool_approval";
    case "confirm":
      return "confirmation";
    case "external_auth":
      return "auth_required";
    default:
      return "input_required";
  }
}

export type ActionLists = Pick<
  Required<SupersetPayload>,
  "action_requests" | "review_configs" | "actionRequests" | "reviewConfigs"
>;

/** Lists of some questions; null if their arguments take too much room. */
export function actionLists(asks: readonly InteropAsk[]): ActionLists | null {
  let size = 0;
  const actions = asks.map((ask) => {
    const { name, args } = actionOf(ask);
    const description = descriptionOf(ask);
    size += JSON.stringify(args).length + description.length;
    return { ask, name, args, description, decisions: reviewDecisions(ask) };
  });
  if (size > MAX_ARGS) return null;
  return {
    action_requests: actions.map(({ ask: { tool_call_id }, name, args, description }) => ({
      name,
      args,
      arguments: args,
      description,
      tool_call_id,
    })),
    review_configs: actions.map(({ name, decisions }) => ({
      action_name: name,
      allowed_decisions: decisions,
    })),
    actionRequests: actions.map(({ ask: { tool_call_id }, name, args, description }) => ({
      name,
      args,
      description,
      toolCallId: tool_call_id,
    })),
    reviewConfigs: actions.map(({ name, decisions }) => ({ actionName: name, allowedDecisions: decisions })),
  };
}

/**
 * One for each question. Where all lists together are too long, each holds its own question alone.
 *
 * @param problems - of the answers that came last
 */
export function supersetOf(
  asks: readonly InteropAsk[],
  problems: readonly InteropProblem[] = [],
): SupersetPayload[] {
  const all = actionLists(asks);
  return asks.map((ask) => {
    const { hitl_id, expires_at } = ask;
    const lists = all ?? (asks.length > 1 ? actionLists([ask]) : null);
    const issues = problems
      .filter((one) => one.hitl_id === null || one.hitl_id === hitl_id)
      .slice(0, MAX_ISSUES);
    return {
      ...lists,
      reason: reasonOf(ask),
      responseSchema: addressedSchemaOf(ask),
      ...(expires_at === null ? {} : { expiresAt: isoTime(expires_at) }),
      ...(issues.length === 0 ? {} : { issues }),
    };
  });
}

/** A time that no calendar has is the last one that it has. */
export function isoTime(epochMs: number): string {
  return new Date(Math.max(-LAST_TIME, Math.min(epochMs, LAST_TIME))).toISOString();
}

/** What a reader needs that takes only objects for schemas, as AG-UI and LangGraph's SDK do. */
export function schemaOf({
  response_schema: schema,
}: Pick<InteropAsk, "response_schema">): JsonObject | null {
  return typeof schema === "boolean" ? (schema ? {} : { not: {} }) : schema;
}

/** `{ hitl_id, response }`, of which the response is what the question's own schema says. */
function addressedSchemaOf(ask: InteropAsk): JsonObject {
  const schema = schemaOf(ask) ?? {};
  const text = JSON.stringify(schema);
  // Inside of another schema, what refers to its own root has to be a resource of its own.
  const inner = text.includes('"$ref"') ? { $id: `urn:holdpoint:${interruptId(ask)}`, ...schema } : schema;
  return {
    type: "object",
    properties: { hitl_id: { const: ask.hitl_id }, response: text.length > MAX_SCHEMA ? {} : inner },
    required: ["hitl_id", "response"],
    additionalProperties: false,
  };
}
