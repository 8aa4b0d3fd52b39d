/** A question as a flat form, as clients of MCP show them: one field for each thing that is asked, nothing nested. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { decisionsOf, type InteropAsk, isObject, optionsIn, own } from "./ask.ts";
import { questionsIn } from "./options.ts";
import { JSON_FIELD } from "./typed-answers.ts";

interface Named {
  readonly title?: string;
  readonly description?: string;
}

interface Several {
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly default?: string[];
}

/** One of several texts, with what people read in its place. */
export interface Mcp1Choice {
  readonly const: string;
  readonly title: string;
}

/** What a field of a form can be, and all that clients take for it. */
export type Mcp1Field = Named &
  (
    | { readonly type: "boolean"; readonly default?: boolean }
    | {
        readonly type: "number" | "integer";
        readonly minimum?: number;
        readonly maximum?: number;
        readonly default?: number;
      }
    | {
        readonly type: "string";
        readonly minLength?: number;
        readonly maxLength?: number;
        readonly format?: Format;
        readonly default?: string;
      }
    | { readonly type: "string"; readonly enum: string[]; readonly default?: string }
    | { readonly type: "string"; readonly oneOf: Mcp1Choice[]; readonly default?: string }
    | ({
        readonly type: "array";
        readonly items: { readonly type: "string"; readonly enum: string[] };
      } & Several)
    | ({ readonly type: "array"; readonly items: { readonly anyOf: Mcp1Choice[] } } & Several)
  );

/** No interface: that would not fit the SDK's own type, which has an index signature. */
export type Mcp1Form = {
  readonly type: "object";
  readonly properties: { readonly [name: string]: Mcp1Field };
  readonly required: string[];
};

const FORMATS = ["email", "uri", "date", "date-time"] as const;
type Format = (typeof FORMATS)[number];

const TEXT: Mcp1Field = { type: "string" };
const WHOLE: Mcp1Form = form({ [JSON_FIELD]: { ...TEXT, title: "Answer (JSON)" } }, [JSON_FIELD]);

/** One field of JSON text for what no flat form can ask. */
export function formOf(ask: InteropAsk): Mcp1Form {
  const { hitl_type, data, response_schema } = ask;
  if (hitl_type === "confirm") return form({ confirmed: { type: "boolean" }, comment: TEXT }, ["confirmed"]);
  const decisions = decisionsOf(ask);
  if (decisions) {
    const offered = decisions.filter((name) => name !== "edit" && name !== "approve_always");
    if (offered.length === 0) return WHOLE;
    const text = own(own(response_schema, "properties"), "comment") === undefined ? "message" : "comment";
    const more = hitl_type === "in_doubt" ? "result" : text;
    return form({ decision: { type: "string", enum: offered }, [more]: TEXT }, ["decision"]);
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
  return flatForm(response_schema) ?? WHOLE;
}

function form(properties: Mcp1Form["properties"], required: string[]): Mcp1Form {
  return { type: "object", properties, required };
}

function choiceOf(question: JsonObject): Mcp1Field {
  const choices = optionsIn(own(question, "options")).map(({ value, label }) => ({
    const: value,
    title: label,
  }));
  const title = own(question, "message");
  const named: Named = typeof title === "string" ? { title } : {};
  const isFree = choices.length === 0 || own(question, "allow_free_text") === true;
  const isMultiple = own(question, "multiple") === true;
  // A list of texts that nobody has written before has no field.
  if (isFree)
    return { ...named, ...TEXT, ...(isMultiple ? { description: 'Several: ["one", "another"]' } : {}) };
  return isMultiple
    ? { ...named, type: "array", items: { anyOf: choices } }
    : { ...named, type: "string", oneOf: choices };
}

/** Null for a schema with a field that is none, or without one that it requires. */
function flatForm(schema: JsonValue): Mcp1Form | null {
  const properties = own(schema, "properties");
  if (own(schema, "type") !== "object" || !isObject(properties)) return null;
  const fields: [string, Mcp1Field][] = [];
  for (const [name, described] of Object.entries(properties)) {
    const field = isObject(described) ? fieldOf(described) : null;
    if (field === null) return null;
    fields.push([name, field]);
  }
  const required = textsIn(own(schema, "required")) ?? [];
  const isWhole = fields.length > 0 && required.every((name) => Object.hasOwn(properties, name));
  return isWhole ? form(Object.fromEntries(fields), required) : null;
}

/** What clients do not know is left out: the answer is checked by the whole schema (P3). */
function fieldOf(schema: JsonObject): Mcp1Field | null {
  const named: Named = picked(schema, ["title", "description"], isText);
  const type = schema["type"];
  const single = choicesIn(schema);
  if (type === "array") {
    const items = own(schema, "items");
    const several = isObject(items) ? choicesIn(items) : null;
    if (!several) return null;
    const usual = textsIn(schema["default"]);
    const limits: Several = {
      ...picked(schema, ["minItems", "maxItems"], isNumber),
      ...(usual?.every((value) => several.values.includes(value)) ? { default: usual } : {}),
    };
    return several.titled
      ? { ...named, type, ...limits, items: { anyOf: several.titled } }
      : { ...named, type, ...limits, items: { type: "string", enum: several.values } };
  }
  if (single && type !== "boolean") {
    const usual = single.values.find((value) => value === String(schema["default"] as string | number));
    const rest = usual === undefined ? named : { ...named, default: usual };
    return single.titled
      ? { ...rest, type: "string", oneOf: single.titled }
      : { ...rest, type: "string", enum: single.values };
  }
  switch (type) {
    case "boolean":
      return { ...named, type, ...picked(schema, ["default"], isBoolean) };
    case "number":
    case "integer":
      return { ...named, type, ...picked(schema, ["minimum", "maximum", "default"], isNumber) };
    case "string":
      return {
        ...named,
        type,
        ...picked(schema, ["minLength", "maxLength"], isNumber),
        ...picked(schema, ["format"], isFormat),
        ...picked(schema, ["default"], isText),
      };
    default:
      return null;
  }
}

interface Choices {
  readonly values: string[];
  /** With titles, where the schema has some. */
  readonly titled: Mcp1Choice[] | null;
}

/** Numbers are chosen as texts, and read back by the schema. */
function choicesIn(schema: JsonObject): Choices | null {
  const members = own(schema, "enum");
  if (Array.isArray(members)) {
    const isPlain = members.length > 0 && members.every((member) => isText(member) || isNumber(member));
    return isPlain ? { values: members.map(String), titled: null } : null;
  }
  const described = own(schema, "oneOf") ?? own(schema, "anyOf");
  if (!Array.isArray(described) || described.length === 0) return null;
  const titled: Mcp1Choice[] = [];
  for (const one of described) {
    const [value, title] = [own(one, "const"), own(one, "title")];
    if (!isText(value) && !isNumber(value)) return null;
    titled.push({ const: String(value), title: isText(title) ? title : String(value) });
  }
  return { values: titled.map((choice) => choice.const), titled };
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";
const isBoolean = (value: unknown): value is boolean => typeof value === "boolean";
const isFormat = (value: unknown): value is Format => FORMATS.some((format) => format === value);

function textsIn(value: JsonValue | undefined): string[] | null {
  return Array.isArray(value) && value.every(isText) ? value : null;
}

/** The fields that are there, and are what they have to be. */
function picked<const Name extends string, Value>(
  from: JsonObject,
  names: readonly Name[],
  is: (value: unknown) => value is Value,
): { [name in Name]?: Value } {
  const found = names.flatMap((name) => (is(from[name]) ? [[name, from[name]] as const] : []));
  return Object.fromEntries(found) as { [name in Name]?: Value };
}
