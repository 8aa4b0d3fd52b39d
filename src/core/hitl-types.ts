/**
 * The named kinds of question: what their `data` holds and what an answer must look like (PROTOCOL.md §3).
 * Any other `hitl_type` is allowed; it has no default response schema.
 */
import { z } from "zod";
import { HoldpointError } from "./errors.ts";
import { type JsonObject, type JsonValue } from "./json.ts";

export const OptionSchema = z.union([
  z.string(),
  z.looseObject({ value: z.string(), label: z.string(), description: z.string().optional() }),
]);
/** A choice: its text, or a value with the label that people see. */
export type Option = z.infer<typeof OptionSchema>;

export const QuestionSchema = z.looseObject({
  id: z.string().min(1),
  message: z.string(),
  options: z.array(OptionSchema).optional(),
  multiple: z.boolean().optional(),
  allow_free_text: z.boolean().optional(),
});
/** One of several questions that are asked together; answered under its `id`. */
export type Question = z.infer<typeof QuestionSchema>;

export const DECISIONS = ["approve_once", "approve_always", "edit", "reject", "respond", "skip"] as const;
export type Decision = (typeof DECISIONS)[number];

const message = z.string().optional();

/** What is known of the `data` of each named type. Unknown fields are kept, known ones are checked. */
export const DATA_SCHEMAS = {
  ask_user: z.looseObject({
    message,
    options: z.array(OptionSchema).optional(),
    multiple: z.boolean().optional(),
    allow_free_text: z.boolean().optional(),
    questions: z.array(QuestionSchema).min(1).optional(),
  }),
  confirm: z.looseObject({
    message,
    details: z.string().optional(),
    risk_level: z.enum(["low", "medium", "high"]).optional(),
  }),
  permission: z.looseObject({
    message,
    tool: z.string().optional(),
    args: z.record(z.string(), z.unknown()).optional(),
    preview: z.unknown().optional(),
    allowed_decisions: z.array(z.enum(DECISIONS)).min(1).optional(),
    suggestions: z.array(z.unknown()).optional(),
  }),
  form: z.looseObject({
    message,
    schema: z.union([z.record(z.string(), z.unknown()), z.boolean()]).optional(),
  }),
  external_auth: z.looseObject({
    message,
    auth_url: z.string().optional(),
    provider: z.string().optional(),
    scopes: z.array(z.string()).optional(),
  }),
  workflow_human: z.looseObject({ message }),
} as const;

type NamedType = keyof typeof DATA_SCHEMAS;

function isNamed(type: string): type is NamedType {
  return Object.hasOwn(DATA_SCHEMAS, type);
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` when a known field has the wrong shape. */
export function assertData(hitl_type: string, data: JsonObject): void {
  if (!isNamed(hitl_type)) return;
  const result = DATA_SCHEMAS[hitl_type].safeParse(data);
  if (result.success) return;
  const [issue] = result.error.issues;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `data of a ${hitl_type} request: ${issue?.path.join(".") || "data"}: ${issue?.message ?? "invalid"}`,
    { details: { issues: result.error.issues } },
  );
}

function answerSchema(question: {
  readonly options?: readonly Option[] | undefined;
  readonly multiple?: boolean | undefined;
  readonly allow_free_text?: boolean | undefined;
}): JsonObject {
  const values =
    question.options?.map((option) => (typeof option === "string" ? option : option.value)) ?? [];
  const free = values.length === 0 || question.allow_free_text === true;
  const one: JsonObject = free ? { type: "string" } : { type: "string", enum: values };
  return question.multiple ? { type: "array", items: one } : one;
}

function object(properties: JsonObject, required: string[]): JsonObject {
  return { type: "object", properties, required };
}

function confirmAnswer(): JsonObject {
  return object({ confirmed: { type: "boolean" }, comment: { type: "string" } }, ["confirmed"]);
}

function authAnswer(): JsonObject {
  const status = { enum: ["granted", "denied"] };
  return object({ status, reference: { type: "string" }, message: { type: "string" } }, ["status"]);
}

/**
 * The schema that an answer is checked against when the author gave none. Null: any JSON is an answer.
 */
export function defaultResponseSchema(hitl_type: string, data: JsonObject): JsonObject | boolean | null {
  switch (hitl_type) {
    case "ask_user": {
      const { questions, ...single } = data as z.infer<(typeof DATA_SCHEMAS)["ask_user"]>;
      if (!questions) return object({ answer: answerSchema(single) }, ["answer"]);
      const answers = Object.fromEntries(questions.map((question) => [question.id, answerSchema(question)]));
      return object({ answers: object(answers, Object.keys(answers)) }, ["answers"]);
    }
    case "confirm":
      return confirmAnswer();
    case "permission": {
      const allowed = (data["allowed_decisions"] as JsonValue[] | undefined) ?? [...DECISIONS];
      return {
        ...object(
          {
            decision: { enum: allowed },
            edited_args: { type: "object" },
            message: { type: "string" },
            scope: { type: "string" },
          },
          ["decision"],
        ),
        allOf: [requireWith("edit", "edited_args"), requireWith("respond", "message")],
      };
    }
    case "form":
      return (data["schema"] as JsonObject | boolean | undefined) ?? null;
    case "external_auth":
      return authAnswer();
    default:
      return null;
  }
}

function requireWith(decision: Decision, property: string): JsonObject {
  return {
    if: { properties: { decision: { const: decision } }, required: ["decision"] },
    // biome-ignore lint/suspicious/noThenProperty: a JSON Schema keyword.
    then: { required: [property] },
  };
}
