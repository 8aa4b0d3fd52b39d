/** The question of an `ask`: what the human sees, may answer, and what his answer is bound to (PROTOCOL.md §3, P7). */
import { HoldpointError } from "../core/errors.ts";
import { type Decision, defaultResponseSchema } from "../core/hitl-types.ts";
import { cloneJson, type JsonObject, type JsonValue, toJson, toJsonObject } from "../core/json.ts";
import type { OnExpire, Subject } from "../core/record.ts";
import {
  assertUsableSchema,
  checkJsonSchema,
  isStandardSchema,
  type StandardIssue,
  type StandardSchema,
  toJsonSchema,
} from "../core/response-schema.ts";
import { suggestionsOf } from "./grant-terms.ts";
import type { CheckedRule } from "./rule.ts";
import type { PolicyCallView, PolicyContext, PolicyQuestion } from "./types.ts";

/** A record holds the arguments, too: a preview that leaves no room for them could not be asked about. */
const PREVIEW_LIMITS = { maxBytes: 64 * 1024, maxDepth: 32 };
const MAX_ERROR = 200;

export type QuestionRule = Pick<
  CheckedRule,
  | "id"
  | "message"
  | "risk_level"
  | "allowed_decisions"
  | "argsSchema"
  | "answerers"
  | "assignee"
  | "expiresInMs"
  | "on_expire"
  | "terms"
>;

/** @throws whatever the rule's functions throw; HoldpointError for a schema of the tool that cannot be used */
export async function questionOf(
  rule: QuestionRule,
  call: PolicyCallView,
  subject: Subject,
  context: PolicyContext,
): Promise<PolicyQuestion> {
  const { tool } = call;
  const args = cloneJson<JsonObject>(call.args);
  const suggestions = rule.allowed_decisions.includes("approve_always")
    ? suggestionsOf(rule.terms, args, context)
    : [];
  const allowed = offered(rule.allowed_decisions, suggestions.length > 0, context);
  const data: JsonObject = {
    message: (await textOf(rule, call)) ?? context.message ?? `Allow ${tool}?`,
    tool,
    args,
    allowed_decisions: [...allowed],
    ...(await previewOf(context, call)),
  };
  if (rule.risk_level !== undefined) data["risk_level"] = rule.risk_level;
  if (suggestions.length > 0) data["suggestions"] = suggestions as unknown as JsonValue;
  const permission = defaultResponseSchema("permission", data) as JsonObject;
  const properties = permission["properties"] as JsonObject;
  if (suggestions.length > 0) properties["scope"] = { enum: suggestions.map(({ scope }) => scope) };
  const isEditable = allowed.includes("edit");
  if (isEditable) properties["edited_args"] = editedSchema(rule, context);
  const response_schema = withOwnSchema(permission, context);
  assertUsableSchema(response_schema);
  const on_expire = onExpireBy(response_schema, rule.on_expire);
  return {
    request: {
      hitl_type: "permission",
      data,
      subject,
      response_schema: refined(response_schema, isEditable, context),
      ...(rule.assignee === undefined ? {} : { assignee: rule.assignee }),
      ...(on_expire === undefined ? {} : { on_expire }),
      ...(rule.answerers === undefined ? {} : { metadata: { answerers: [...rule.answerers] } }),
    },
    ...(rule.expiresInMs === undefined ? {} : { expiresInMs: rule.expiresInMs }),
  };
}

/**
 * P8: an answer by the passing of time that no human could give of this call is none, and the question expires. Nothing
 * else could be recorded, and the call would stand for ever.
 */
export function onExpireBy(response_schema: JsonObject, given: OnExpire | undefined): OnExpire | undefined {
  if (typeof given !== "object" || !("respond" in given)) return given;
  return checkJsonSchema(response_schema, given.respond).length > 0 ? "expire" : given;
}

/** A grant that nothing could be bound to is not offered. */
function offered(
  decisions: readonly Decision[],
  isGrantable: boolean,
  { allowed_decisions = decisions }: PolicyContext,
): readonly Decision[] {
  const left = decisions.filter(
    (decision) => (isGrantable || decision !== "approve_always") && allowed_decisions.includes(decision),
  );
  return left.length > 0 ? left : ["reject"];
}

/** What an author's text says of the call; undefined without one. @throws whatever his function throws */
export async function textOf(
  { id, message }: Pick<QuestionRule, "id" | "message">,
  call: PolicyCallView,
): Promise<string | undefined> {
  if (typeof message !== "function") return message;
  const text: unknown = await message(call);
  if (typeof text === "string") return text;
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `The message of the rule "${id}" gave no text.`);
}

/** Who decides has to know that there is none: a call that breaks its preview must not look like one without. */
async function previewOf({ preview }: PolicyContext, { args }: PolicyCallView): Promise<JsonObject> {
  if (preview === undefined) return {};
  try {
    const shown = await preview(cloneJson<JsonObject>(args));
    return shown === undefined ? {} : { preview: toJson(shown, "preview", PREVIEW_LIMITS) };
  } catch (error) {
    return { preview_error: describe(error) };
  }
}

function describe(error: unknown): string {
  const { name, message } = errorOf(error);
  return `${name}: ${message}`;
}

/** An error as it can be stored, whatever was thrown. */
export function errorOf(error: unknown): { readonly name: string; readonly message: string } {
  try {
    const { name, message } = (error ?? {}) as { readonly name?: unknown; readonly message?: unknown };
    return {
      name: typeof name === "string" ? clipped(name) : "Error",
      message: clipped(typeof message === "string" ? message : typeof error === "string" ? error : "unknown"),
    };
  } catch {
    return { name: "Error", message: "unknown" };
  }
}

function clipped(text: string): string {
  return text.slice(0, MAX_ERROR).toWellFormed();
}

/**
 * P3: in the process that asks, an answer is checked with what JSON Schema cannot say, too: by the tool's schema, if it is an
 * edit, and by that of whoever asks. An answer that is taken elsewhere is checked by them when it is used.
 */
function refined(
  schema: JsonObject,
  isEditable: boolean,
  { argsSchema, response_schema: own }: PolicyContext,
): JsonObject | StandardSchema {
  const ofEdits = isEditable && isStandardSchema(argsSchema) ? argsSchema : undefined;
  const ofAnswers = isStandardSchema(own) ? own : undefined;
  if (!ofEdits && !ofAnswers) return schema;
  return {
    "~standard": {
      version: 1,
      vendor: "holdpoint",
      jsonSchema: { input: () => schema },
      validate: async (value) => {
        const { decision, edited_args } = value as { decision?: unknown; edited_args?: unknown };
        const ofEdit = decision === "edit" ? await issuesIn(ofEdits, edited_args, ["edited_args"]) : [];
        const issues = [...ofEdit, ...(await issuesIn(ofAnswers, value, []))];
        return issues.length > 0 ? { issues } : { value };
      },
    },
  };
}

async function issuesIn(
  schema: StandardSchema | undefined,
  value: unknown,
  at: readonly string[],
): Promise<StandardIssue[]> {
  const { issues = [] } = (await schema?.["~standard"].validate(structuredClone(value))) ?? {};
  return issues.map(({ message, path = [] }) => ({ message, path: [...at, ...path] }));
}

function withOwnSchema(schema: JsonObject, { response_schema: own }: PolicyContext): JsonObject {
  if (own === undefined || own === null) return schema;
  const json = isStandardSchema(own)
    ? toJsonSchema(own)
    : typeof own === "boolean"
      ? own
      : toJsonObject(own, "response_schema");
  return { ...schema, allOf: [json === true ? {} : named("request", json)] };
}

/** P3: an edit is checked where it is answered, in whatever process that is. */
function editedSchema({ argsSchema }: QuestionRule, context: PolicyContext): JsonObject | boolean {
  const own = named("tool", jsonSchemaOf(context.argsSchema));
  return argsSchema === undefined ? own : { allOf: [own, named("rule", argsSchema)] };
}

function jsonSchemaOf(given: PolicyContext["argsSchema"]): JsonObject | boolean {
  if (given === undefined) return true;
  return isStandardSchema(given) ? toJsonSchema(given) : toJsonObject(given, "argsSchema");
}

/** With a name of its own, what a schema refers to (`#/$defs/…`) is looked for within it. */
function named(name: string, schema: JsonObject | boolean): JsonObject | boolean {
  if (schema === true) return { type: "object" };
  if (schema === false || schema["$id"] !== undefined) return schema;
  return { $id: `urn:holdpoint:${name}`, ...schema };
}
