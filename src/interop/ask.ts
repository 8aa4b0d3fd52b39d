/** A question, as far as other people's user interfaces are concerned: what they show, and what they may answer. */
import { DECISIONS } from "../core/hitl-types.ts";
import { canonicalJson, type JsonObject, type JsonValue } from "../core/json.ts";
import type { HITLRecord } from "../core/record.ts";
import { checkJsonSchema } from "../core/response-schema.ts";

/** What is needed of an open record; every API of holdpoint returns records that have it. */
export type InteropAsk = Pick<
  HITLRecord,
  | "hitl_id"
  | "hitl_type"
  | "interrupt_id"
  | "tool_call_id"
  | "tool_name"
  | "data"
  | "params"
  | "response_schema"
  | "expires_at"
>;

/** The decisions of LangChain's review, of which agent-chat-ui and Agent Inbox make buttons. */
export const REVIEW_DECISIONS = ["approve", "edit", "reject", "respond"] as const;
export type ReviewDecision = (typeof REVIEW_DECISIONS)[number];

/** An object that is neither null nor a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The own property, whatever its name; undefined for anything else. */
export function own(value: unknown, name: string): JsonValue | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The digits of a record's id (PROTOCOL.md §7.1). */
export function interruptId({ interrupt_id, hitl_id }: Pick<InteropAsk, "interrupt_id" | "hitl_id">): string {
  return interrupt_id ?? hitl_id.slice(hitl_id.lastIndexOf("_") + 1);
}

/** What the answer's schema lets a field be; undefined if it says nothing of it. */
export function enumOf({ response_schema }: InteropAsk, field: string): readonly JsonValue[] | undefined {
  const found = own(own(own(response_schema, "properties"), field), "enum");
  return Array.isArray(found) ? found : undefined;
}

/** The answer's schema speaks of this field: it is the question's own, whatever it means elsewhere. */
export function declares({ response_schema }: InteropAsk, field: string): boolean {
  return own(own(response_schema, "properties"), field) !== undefined;
}

/** The `decision`s that an answer may hold; null for a question that asks for no decision. */
export function decisionsOf(ask: InteropAsk): readonly string[] | null {
  const found = enumOf(ask, "decision")?.filter((name) => typeof name === "string");
  if (found && found.length > 0) return found;
  if (ask.hitl_type !== "permission") return null;
  const allowed = ask.data["allowed_decisions"];
  return Array.isArray(allowed) ? allowed.filter((name) => typeof name === "string") : [...DECISIONS];
}

/** The decisions of ours that one of a reviewer's may become. */
const MEANS: Readonly<Record<ReviewDecision, readonly string[]>> = {
  approve: ["approve_once", "approve"],
  edit: ["edit"],
  reject: ["reject", "skip"],
  respond: ["respond"],
};

/** What a reviewer may do; empty only where no answer could be given at all. */
export function reviewDecisions(ask: InteropAsk): ReviewDecision[] {
  if (ask.hitl_type === "confirm") return yesOrNo(ask);
  const decisions = decisionsOf(ask);
  if (!decisions || ask.hitl_type === "in_doubt") return ["respond"];
  const named = REVIEW_DECISIONS.filter((name) => MEANS[name].some((one) => decisions.includes(one)));
  return named.length > 0 ? named : ["respond"];
}

/** What a click can say where the author's own schema wants more than a yes or a no. */
function yesOrNo({ response_schema: schema }: InteropAsk): ReviewDecision[] {
  if (!isObject(schema) || isDefault(schema)) return ["approve", "reject"];
  const taken = (["approve", "reject"] as const).filter(
    (name) => checkJsonSchema(schema, { confirmed: name === "approve" }).length === 0,
  );
  return taken.length > 0 ? taken : ["respond"];
}

/** Most confirmations have the schema of their type (`core/hitl-types.ts`), which takes both. */
function isDefault(schema: JsonObject): boolean {
  const required = own(schema, "required");
  const confirmed = own(own(schema, "properties"), "confirmed");
  return (
    Object.keys(schema).length === 3 &&
    Array.isArray(required) &&
    required.length === 1 &&
    own(confirmed, "type") === "boolean" &&
    Object.keys(confirmed as JsonObject).length === 1
  );
}

/** The question can be passed over without an answer to it. */
export function isIgnorable(ask: InteropAsk): boolean {
  const decisions = decisionsOf(ask) ?? [];
  return (
    (ask.hitl_type === "confirm" && yesOrNo(ask).includes("reject")) ||
    ["external_auth", "in_doubt"].includes(ask.hitl_type) ||
    decisions.includes("skip") ||
    decisions.includes("reject")
  );
}

export interface Action {
  readonly name: string;
  readonly args: JsonObject;
}

/** The call that is asked about; for a question that is about none, its type without arguments. */
export function actionOf({ hitl_type, data, params, tool_name }: InteropAsk): Action {
  if (hitl_type === "permission") {
    const tool = own(data, "tool");
    const args = own(data, "args");
    return {
      name: typeof tool === "string" ? tool : (tool_name ?? hitl_type),
      args: isObject(args) ? args : {},
    };
  }
  if (hitl_type === "confirm" && tool_name !== null) return { name: tool_name, args: params ?? {} };
  return { name: hitl_type, args: {} };
}

/** What edited values replace: the arguments of a permission, or the `values` that a node lets people edit. */
export function editableOf(ask: InteropAsk): { readonly field: string; readonly shown: JsonObject } {
  if (ask.hitl_type === "permission") return { field: "edited_args", shown: actionOf(ask).args };
  const values = own(ask.data, "values");
  return { field: "values", shown: isObject(values) ? values : {} };
}

const NO_LINES: readonly string[] = [];

/** The question as text, with its options. */
export function descriptionOf({ data }: InteropAsk): string {
  const questions = own(data, "questions");
  const lines: unknown[] = [own(data, "message"), own(data, "details"), ...optionLines(own(data, "options"))];
  if (Array.isArray(questions))
    for (const part of questions) lines.push(own(part, "message"), ...optionLines(own(part, "options")));
  const text = lines.filter((line) => typeof line === "string").join("\n\n");
  return text === "" ? "Waiting for a human." : text.toWellFormed();
}

function optionLines(options: JsonValue | undefined): readonly string[] {
  if (options === undefined) return NO_LINES;
  return optionsIn(options).map(({ value, label }) =>
    label === value ? `- ${value}` : `- ${label} (${value})`,
  );
}

export interface ShownOption {
  readonly value: string;
  readonly label: string;
}

export function optionsIn(options: JsonValue | undefined): ShownOption[] {
  if (!Array.isArray(options)) return [];
  return options.flatMap((option) => {
    if (typeof option === "string") return [{ value: option, label: option }];
    const [value, label] = [own(option, "value"), own(option, "label")];
    return typeof value === "string" ? [{ value, label: typeof label === "string" ? label : value }] : [];
  });
}

export function isSame(a: JsonValue, b: JsonValue): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
