/** A question, and what became of it, as lines of a terminal. Its data is somebody else's: nothing is taken to be there. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { visible } from "./safe-text.ts";
import { type Layout, type Line, quote, type Style, tree } from "./text-lines.ts";

/** Fields that are shown in their own way, or that nobody needs to see. */
const KNOWN: ReadonlySet<string> = new Set([
  "message",
  "details",
  "risk_level",
  "options",
  "multiple",
  "allow_free_text",
  "questions",
  "tool",
  "args",
  "preview",
  "allowed_decisions",
  "suggestions",
  "schema",
  "auth_url",
  "provider",
  "scopes",
  "error",
  "hitl_id",
  "hitl_type",
  "status",
  "response_schema",
  "tool_name",
  "tool_call_id",
  "expires_at",
  "user_response",
  "responded_by",
  "responded_at",
  "reason",
  "version",
]);
const RISKS: Readonly<Record<string, Style>> = { low: "green", medium: "yellow", high: "red" };

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function own(text: string, style?: Style): Line {
  return { text, style, indent: 2, hang: 2 };
}

function joined(list: readonly JsonValue[], between: string): string {
  return list.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(between);
}

/** A label of ours and a short text of theirs. */
function labelled(label: string, value: JsonValue | undefined, style?: Style): Line[] {
  if (value === undefined || value === null || value === "") return [];
  return [own(`${label}: ${visible(typeof value === "string" ? value : JSON.stringify(value))}`, style)];
}

function section(label: string, value: JsonValue | undefined, layout: Layout): Line[] {
  if (value === undefined || value === null) return [];
  return [own(`${label}:`), ...tree(value, layout, { indent: 4 })];
}

function optionLines(question: JsonObject): Line[] {
  const lines: Line[] = listOf(question["options"]).map((option, index) => {
    const label = isObject(option) ? (option["label"] ?? option["value"]) : option;
    const description = isObject(option) ? textOf(option["description"]) : undefined;
    const shown = visible(typeof label === "string" ? label : JSON.stringify(label ?? null));
    const number = `${index + 1}) `;
    const more = description === undefined ? "" : ` (${visible(description)})`;
    return { text: `${number}${shown}${more}`, indent: 2, hang: number.length };
  });
  if (lines.length === 0) return [];
  if (question["multiple"] === true) lines.push(own("Choose any number of them.", "dim"));
  if (question["allow_free_text"] === true) lines.push(own("Or answer in your own words.", "dim"));
  return lines;
}

function questionLines(data: JsonObject, layout: Layout): Line[] {
  const questions = listOf(data["questions"]).filter(isObject);
  return questions.flatMap((question, index) => [
    own(`Question ${index + 1} (${visible(textOf(question["id"]) ?? "")})`, "bold"),
    ...quote(textOf(question["message"]) ?? "", layout, { indent: 2 }),
    ...optionLines(question),
  ]);
}

function typeOf(field: JsonObject): string {
  const { type } = field;
  const names = listOf(field["enum"]);
  if (names.length > 0) return `one of ${names.map((name) => JSON.stringify(name)).join(", ")}`;
  if ("const" in field) return JSON.stringify(field["const"]);
  return Array.isArray(type) ? joined(type, " or ") : (textOf(type) ?? "any");
}

function rangeOf(field: JsonObject): string {
  const bounds: readonly (readonly [string, string])[] = [
    ["minimum", "from "],
    ["maximum", "to "],
    ["exclusiveMinimum", "above "],
    ["exclusiveMaximum", "below "],
    ["minLength", "length from "],
    ["maxLength", "length to "],
    ["minItems", "items from "],
    ["maxItems", "items to "],
    ["format", "as "],
  ];
  const said = bounds.filter(([name]) => typeof field[name] === "number" || typeof field[name] === "string");
  return said.map(([name, words]) => `, ${words}${String(field[name] as string | number)}`).join("");
}

function fieldLines(schema: JsonValue | undefined): Line[] {
  if (!isObject(schema)) return [];
  const { properties } = schema;
  if (!isObject(properties)) return [own(`An answer: ${visible(typeOf(schema) + rangeOf(schema))}`)];
  const required = new Set(listOf(schema["required"]));
  return Object.keys(properties).flatMap((name) => {
    const field = properties[name];
    const shape = isObject(field) ? typeOf(field) + rangeOf(field) : "any";
    const said = isObject(field) ? (textOf(field["title"]) ?? textOf(field["description"])) : undefined;
    const fallback =
      isObject(field) && "default" in field ? `, else ${JSON.stringify(field["default"])}` : "";
    const need = required.has(name) ? "required" : "optional";
    const words = said === undefined ? "" : `: ${said}`;
    return [{ ...own(visible(`${name} (${shape}${fallback}, ${need})${words}`)), indent: 4 }];
  });
}

function authLines(data: JsonObject): Line[] {
  const url = textOf(data["auth_url"]);
  // Not the URL class: it would show what a browser opens, not what was sent.
  const isWeb = url !== undefined && /^https?:\/\//i.test(url);
  const warning = url !== undefined && !isWeb ? [own("This is no web address. Do not open it.", "red")] : [];
  return [
    ...labelled("Provider", data["provider"]),
    ...labelled("Open", url, isWeb ? "cyan" : undefined),
    ...warning,
    ...labelled("Scopes", joined(listOf(data["scopes"]), ", ")),
  ];
}

function typeLines(type: string, data: JsonObject, layout: Layout): Line[] {
  switch (type) {
    case "ask_user":
      return data["questions"] === undefined ? optionLines(data) : questionLines(data, layout);
    case "permission":
      return [
        ...labelled("Tool", data["tool"] ?? data["tool_name"]),
        ...section("Arguments", data["args"], layout),
        ...section("Preview", data["preview"], layout),
        ...section("Suggestions", data["suggestions"], layout),
        ...decisionLines(data),
      ];
    case "form":
      return [own("Fields:"), ...fieldLines(data["schema"] ?? data["response_schema"])];
    case "external_auth":
      return authLines(data);
    case "workflow_human":
      return [
        ...otherTypeLines(data, layout),
        ...section("May be edited", data["values"], layout),
        ...decisionLines(data),
      ];
    default:
      return [...otherTypeLines(data, layout), ...decisionLines(data)];
  }
}

function otherTypeLines(data: JsonObject, layout: Layout): Line[] {
  return [
    ...optionLines(data),
    ...section("Tool", data["tool"], layout),
    ...section("Arguments", data["args"], layout),
    ...section("Preview", data["preview"], layout),
  ];
}

function decisionLines(data: JsonObject): Line[] {
  return labelled("Decisions", joined(listOf(data["allowed_decisions"]), ", "));
}

function otherLines(data: JsonObject, layout: Layout): Line[] {
  // Only an approval has values of its own.
  const isKnown = (name: string): boolean =>
    KNOWN.has(name) || (name === "values" && data["hitl_type"] === "workflow_human");
  const names = Object.keys(data).filter((name) => !isKnown(name));
  if (names.length === 0) return [];
  const rest = Object.fromEntries(names.map((name) => [name, data[name] as JsonValue]));
  return section("More", rest, layout);
}

/** A date that cannot be one is shown as it is. */
function timeOf(value: JsonValue | undefined): JsonValue | undefined {
  if (typeof value !== "number") return value;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? value : date.toISOString();
}

function outcomeLines(data: JsonObject, layout: Layout): Line[] {
  const { status, responded_by, user_response } = data;
  const who = isObject(responded_by) ? (responded_by["name"] ?? responded_by["id"]) : undefined;
  if (status === "pending") return labelled("Answer before", timeOf(data["expires_at"]), "yellow");
  return [
    ...(status === "completed" ? section("Answer", user_response, layout) : []),
    ...labelled("By", who),
    ...labelled("At", timeOf(data["responded_at"])),
    ...labelled("Reason", data["reason"]),
  ];
}

/** The lines below the title of a `hitl` block. */
export function hitlLines(data: JsonObject, layout: Layout): Line[] {
  const risk = textOf(data["risk_level"]);
  const message = textOf(data["message"]);
  const details = textOf(data["details"]);
  return [
    ...(message === undefined ? [] : quote(message, layout, { style: "bold" })),
    ...(details === undefined ? [] : quote(details, layout)),
    ...labelled(
      "Risk",
      risk,
      risk === undefined ? undefined : Object.hasOwn(RISKS, risk) ? RISKS[risk] : "red",
    ),
    ...labelled("The last answer was not taken", data["error"], "red"),
    ...typeLines(textOf(data["hitl_type"]) ?? "", data, layout),
    ...otherLines(data, layout),
    ...outcomeLines(data, layout),
  ];
}
