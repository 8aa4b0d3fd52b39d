/** Text and forms as answers, for the types that are no decision. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { decisionsOf, type InteropAsk, isObject, own } from "./ask.ts";
import { coerceTo, readJson } from "./coerce.ts";
import { inOptions, inQuestions, questionsIn } from "./options.ts";

/** The field of a form that holds an answer which no flat form can show. */
export const JSON_FIELD = "response_json";

/** What a text may stand for, the likeliest first. */
export function textAnswers(ask: InteropAsk, text: string): JsonValue[] {
  const { hitl_type, data, response_schema } = ask;
  const read = /^\s*[[{]/.test(text) ? readJson(text) : undefined;
  switch (hitl_type) {
    case "ask_user": {
      const questions = questionsIn(data);
      const [only] = questions;
      const answers: JsonValue[] = [];
      if (questions.length === 0) {
        answers.push({ answer: inOptions(data, text) });
        if (Array.isArray(read)) answers.push({ answer: inOptions(data, read) });
      } else if (questions.length === 1 && only && typeof only["id"] === "string") {
        answers.push({ answers: { [only["id"]]: inOptions(only, text) } });
      }
      if (isObject(read)) answers.push(read, { answers: inQuestions(data, read) });
      return answers.length > 0 ? answers : [text];
    }
    case "external_auth":
      return [{ status: text.trim() }];
    case "in_doubt":
      return [{ decision: inOptions(data, text.trim()) }];
    default: {
      const schema = response_schema ?? undefined;
      const structured = read === undefined ? [] : [coerceTo(schema, read)];
      const names = Object.keys(own(schema, "properties") ?? {});
      const field = names.length === 1 ? names[0] : undefined;
      const inField = field === undefined ? [] : [coerceTo(schema, { [field]: text })];
      const decision = text.trim();
      const decided = decisionsOf(ask)?.includes(decision) ? [{ decision }] : [];
      // Without a schema any text is an answer, and whatever it looks like it was typed as text.
      return schema === undefined || schema === true
        ? [text]
        : [...structured, ...decided, coerceTo(schema, text), ...inField];
    }
  }
}

/** What a form that was made of the question says, the likeliest first. */
export function contentAnswer(ask: InteropAsk, content: JsonObject): JsonValue[] {
  const { hitl_type, data, response_schema } = ask;
  const json = own(content, JSON_FIELD);
  if (typeof json === "string" && Object.keys(content).length === 1) {
    const read = readJson(json);
    return read === undefined ? [content] : [read];
  }
  const coerced = coerceTo(response_schema ?? undefined, content) as JsonObject;
  // An optional field that was left alone comes as an empty text.
  const filled = Object.fromEntries(Object.entries(coerced).filter(([, value]) => value !== ""));
  const isOurs = decisionsOf(ask) !== null || ["confirm", "external_auth"].includes(hitl_type);
  const said = isOurs ? filled : coerced;
  if (hitl_type !== "ask_user") return isOurs ? [said] : [said, filled];
  const answer = own(said, "answer");
  if (questionsIn(data).length > 0) return [{ answers: inQuestions(data, said) }, said];
  return [answer === undefined ? said : { ...said, answer: inOptions(data, answer) }];
}
