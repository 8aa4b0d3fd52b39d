/** What the value of an interrupt holds for other people's user interfaces, beside our own fields (PROTOCOL.md §10.1). */
import type { JsonObject, JsonValue } from "../core/json.ts";
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
  const lists: ActionLists = {
    action_requests: [],
    review_configs: [],
    actionRequests: [],
    reviewConfigs: [],
  };
  const seen: Seen = { room: MAX_ARGS, refers: false };
  for (const ask of asks) {
    const { tool_call_id } = ask;
    const { name, args } = actionOf(ask);
    const description = descriptionOf(ask);
    const decisions = reviewDecisions(ask);
    seen.room -= description.length;
    look(args, seen);
    lists.action_requests.push({ name, args, arguments: args, description, tool_call_id });
    lists.review_configs.push({ action_name: name, allowed_decisions: decisions });
    lists.actionRequests.push({ name, args, description, toolCallId: tool_call_id });
    lists.reviewConfigs.push({ actionName: name, allowedDecisions: decisions });
  }
  return seen.room >= 0 || sizeOf(lists) <= MAX_ARGS ? lists : null;
}

function sizeOf({ action_requests }: ActionLists): number {
  return action_requests.reduce(
    (size, { args, description }) => size + JSON.stringify(args).length + description.length,
    0,
  );
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
    const { expires_at } = ask;
    const lists = all ?? (asks.length > 1 ? actionLists([ask]) : null);
    const payload: { -readonly [name in keyof SupersetPayload]: SupersetPayload[name] } = {
      ...lists,
      reason: reasonOf(ask),
      responseSchema: addressedSchemaOf(ask),
    };
    if (expires_at !== null) payload.expiresAt = isoTime(expires_at);
    const issues = issuesOf(ask, problems);
    if (issues.length > 0) payload.issues = issues;
    return payload;
  });
}

function issuesOf({ hitl_id }: InteropAsk, problems: readonly InteropProblem[]): readonly InteropProblem[] {
  if (problems.length === 0) return problems;
  return problems.filter((one) => one.hitl_id === null || one.hitl_id === hitl_id).slice(0, MAX_ISSUES);
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
  const seen: Seen = { room: MAX_SCHEMA, refers: false };
  look(schema, seen);
  const text = seen.room < 0 ? JSON.stringify(schema) : "";
  const isShown = text.length <= MAX_SCHEMA;
  const refers = seen.refers || text.includes('"$ref"');
  // Inside of another schema, what refers to its own root has to be a resource of its own.
  const inner = refers ? { $id: `urn:holdpoint:${interruptId(ask)}`, ...schema } : schema;
  return {
    type: "object",
    properties: { hitl_id: { const: ask.hitl_id }, response: isShown ? inner : {} },
    required: ["hitl_id", "response"],
    additionalProperties: false,
  };
}

/** What can be said of a value without making its text, which takes longer than all the rest. */
interface Seen {
  /** Characters that are surely left after its text; if negative, the text has to be measured. */
  room: number;
  /** It names `$ref` somewhere; not known if the room is negative. */
  refers: boolean;
}

function look(value: JsonValue, seen: Seen): void {
  if (seen.room < 0) return;
  if (typeof value === "string") {
    // A character takes six at most: \u0000.
    seen.room -= 6 * value.length + 3;
    if (value === "$ref") seen.refers = true;
    return;
  }
  seen.room -= 25;
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) look(item, seen);
    return;
  }
  for (const name of Object.keys(value)) {
    seen.room -= 6 * name.length + 4;
    if (name === "$ref") seen.refers = true;
    look(value[name] as JsonValue, seen);
  }
}
