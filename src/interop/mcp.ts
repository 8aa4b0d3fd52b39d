/** MCP elicitation: of protocol 2025-11-25 (SDK 1), and in tool results of several rounds of 2026-07-28 (SDK 2). */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { decisionsOf, descriptionOf, type InteropAsk, isObject, optionsIn, own } from "./ask.ts";
import { questionsIn } from "./options.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";
import { JSON_FIELD } from "./typed-answers.ts";

/** A flat form, or a page to open. */
export type Mcp1Elicitation =
  | {
      readonly mode: "form";
      readonly message: string;
      readonly requestedSchema: {
        readonly type: "object";
        readonly properties: JsonObject;
        readonly required: readonly string[];
      };
    }
  | {
      readonly mode: "url";
      readonly message: string;
      readonly elicitationId: string;
      readonly url: string;
    };

/** What the client answers. */
export interface Mcp1Result {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: { readonly [name: string]: string | number | boolean | readonly string[] };
}

export interface Mcp2InputRequired {
  readonly resultType: "input_required";
  readonly inputRequests: {
    readonly [hitl_id: string]: { readonly method: "elicitation/create"; readonly params: Mcp1Elicitation };
  };
  readonly requestState?: string;
}

/** What the client sends with the call that it makes again. */
export interface Mcp2InputResponses {
  readonly inputResponses: { readonly [hitl_id: string]: Mcp1Result };
  readonly requestState?: string;
}

type Form = Extract<Mcp1Elicitation, { mode: "form" }>["requestedSchema"];

/** The `params` of `elicitation/create`. A schema that no flat form can show becomes one field of JSON text. */
export function toMcp1(ask: InteropAsk): Mcp1Elicitation {
  const url = own(ask.data, "auth_url");
  const message = descriptionOf(ask);
  if (ask.hitl_type === "external_auth" && typeof url === "string")
    return { mode: "url", message, elicitationId: ask.hitl_id, url };
  return { mode: "form", message, requestedSchema: formOf(ask) };
}

/** The result of `elicitation/create` for this question. */
export function fromMcp1(value: unknown, ask: InteropAsk): ReadAnswers {
  return readAnswers(value, [ask], { formats: ["mcp_1"], plain: false });
}

/**
 * A tool result that asks, one request for each question, by `hitl_id`.
 *
 * @param requestState - comes back from the client, and may be anything by then: sign it, or leave it out and look the
 * questions up
 */
export function toMcp2(asks: readonly InteropAsk[], requestState?: string): Mcp2InputRequired {
  const requests = asks.map(
    (ask) => [ask.hitl_id, { method: "elicitation/create", params: toMcp1(ask) }] as const,
  );
  return {
    resultType: "input_required",
    inputRequests: Object.fromEntries(requests),
    ...(requestState === undefined ? {} : { requestState }),
  };
}

/** `inputResponses` of the call that is made again. What is in `requestState` is not read. */
export function fromMcp2(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: ["mcp_2"], plain: false });
}

const PLAIN: readonly JsonValue[] = ["string", "number", "integer", "boolean"];
const TEXT: JsonObject = { type: "string" };

function formOf(ask: InteropAsk): Form {
  const { hitl_type, data, response_schema } = ask;
  const decisions = decisionsOf(ask)?.filter((name) => name !== "edit" && name !== "approve_always");
  if (hitl_type === "confirm") return form({ confirmed: { type: "boolean" }, comment: TEXT }, ["confirmed"]);
  if (decisions) {
    const text = own(own(response_schema, "properties"), "comment") === undefined ? "message" : "comment";
    const more = hitl_type === "in_doubt" ? "result" : text;
    return form({ decision: { type: "string", enum: decisions }, [more]: TEXT }, ["decision"]);
  }
  if (hitl_type === "external_auth")
    return form({ status: { type: "string", enum: ["granted", "denied"] }, reference: TEXT }, ["status"]);
  if (hitl_type === "ask_user") {
    const questions = questionsIn(data);
    if (questions.length === 0) return form({ answer: choiceOf(data) }, ["answer"]);
    const fields = questions.map((question) => [question["id"] as string, choiceOf(question)] as const);
    return form(
      Object.fromEntries(fields),
      fields.map(([id]) => id),
    );
  }
  return isFlat(response_schema)
    ? form(own(response_schema, "properties") as JsonObject, requiredOf(response_schema))
    : form({ [JSON_FIELD]: { ...TEXT, title: "Answer (JSON)" } }, [JSON_FIELD]);
}

function form(properties: JsonObject, required: readonly string[]): Form {
  return { type: "object", properties, required };
}

function choiceOf(question: JsonObject): JsonObject {
  const options = optionsIn(own(question, "options"));
  const title = own(question, "message");
  const named: JsonObject = typeof title === "string" ? { title } : {};
  const isFree = options.length === 0 || own(question, "allow_free_text") === true;
  const oneOf: JsonValue = options.map(({ value, label }) => ({ const: value, title: label }));
  if (own(question, "multiple") === true)
    return { ...named, type: "array", items: isFree ? TEXT : { anyOf: oneOf } };
  return isFree ? { ...named, ...TEXT } : { ...named, ...TEXT, oneOf };
}

/** Texts, numbers, booleans and lists of choices: what a client of MCP can show. */
function isFlat(schema: JsonValue): boolean {
  const properties = own(schema, "properties");
  if (own(schema, "type") !== "object" || !isObject(properties)) return false;
  const fields = Object.values(properties);
  const isChoices = (field: JsonValue): boolean =>
    own(field, "type") === "array" && own(own(field, "items"), "enum") !== undefined;
  const isPlain = (field: JsonValue): boolean =>
    PLAIN.includes(own(field, "type") ?? null) || isChoices(field);
  return fields.length > 0 && fields.every(isPlain);
}

function requiredOf(schema: JsonValue): readonly string[] {
  const required = own(schema, "required");
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
}
