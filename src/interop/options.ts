/** Choices, as people name them: by their value, or by the label that they saw. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { isObject, optionsIn, own } from "./ask.ts";
import { readJson } from "./coerce.ts";

/** The answer with values in the place of labels; a list where several may be chosen. */
export function inOptions(question: JsonObject, said: JsonValue): JsonValue {
  const isMultiple = own(question, "multiple") === true;
  const answer = isMultiple ? (textList(said) ?? said) : said;
  if (Array.isArray(answer)) {
    const values = answer.map((entry) => valueOf(question, entry));
    return isMultiple || values.length !== 1 ? values : (values[0] as JsonValue);
  }
  const value = valueOf(question, answer);
  return isMultiple ? [value] : value;
}

/** Several texts in one, as whoever has a single field for them writes them. */
function textList(said: JsonValue): JsonValue[] | null {
  if (typeof said !== "string" || !/^\s*\[/.test(said)) return null;
  const read = readJson(said);
  return Array.isArray(read) && read.every((entry) => typeof entry === "string") ? read : null;
}

/** Answers to several questions, by the ids of these. */
export function inQuestions(data: JsonObject, answers: JsonObject): JsonObject {
  const asked = questionsIn(data);
  return Object.fromEntries(
    Object.entries(answers).map(([id, answer]) => {
      const question = asked.find((candidate) => candidate["id"] === id);
      return [id, question ? inOptions(question, answer) : answer];
    }),
  );
}

export function questionsIn(data: JsonObject): readonly JsonObject[] {
  const questions = own(data, "questions");
  return Array.isArray(questions) ? questions.filter(isObject) : [];
}

/** A label counts where no value is called so, and where no other option has it. */
function valueOf(question: JsonObject, answer: JsonValue): JsonValue {
  const options = optionsIn(own(question, "options"));
  if (typeof answer !== "string" || options.some(({ value }) => value === answer)) return answer;
  const labelled = options.filter(({ label }) => label === answer);
  return labelled.length === 1 ? (labelled[0]?.value ?? answer) : answer;
}
