import { type ReactElement, useMemo } from "react";
import { AnswerForm } from "../form/answer-form.tsx";
import type { Choice, Field, Property } from "../form/field.ts";
import { type Dict, isForbiddenKey, isObject, listOf, textOf } from "../read.ts";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";
import { fieldGroup } from "./fields.ts";

function choicesOf(options: unknown): Choice[] {
  return listOf(options).flatMap((option): Choice[] => {
    if (typeof option === "string") return [{ value: option, label: option, description: null }];
    const value = isObject(option) ? textOf(option["value"]) : null;
    if (value === null || !isObject(option)) return [];
    return [{ value, label: textOf(option["label"]) ?? value, description: textOf(option["description"]) }];
  });
}

/** The field for one question: text, one of its options, or several (PROTOCOL.md §3). */
function questionField(question: Dict, title: string): Field {
  const choices = choicesOf(question["options"]);
  const free = question["allow_free_text"] === true;
  const base = { title, description: null, nullable: false, initial: undefined };
  const none = { min: null, max: null };
  const text: Field = { ...base, ...none, kind: "text", format: "multiline" };
  if (question["multiple"] !== true)
    return choices.length === 0 ? text : { ...base, kind: "choice", choices, other: free };
  if (choices.length === 0) return { ...base, ...none, kind: "list", item: { ...text, title: null } };
  return { ...base, ...none, kind: "multi", choices, other: free };
}

function fieldOfData(data: Dict, label: string): Field {
  const questions = listOf(data["questions"]).filter(isObject);
  if (questions.length === 0)
    return fieldGroup([{ name: "answer", required: true, field: questionField(data, label) }]);
  const answers = questions.flatMap((question): Property[] => {
    const id = textOf(question["id"]);
    if (id === null || isForbiddenKey(id)) return [];
    return [{ name: id, required: true, field: questionField(question, textOf(question["message"]) ?? id) }];
  });
  return fieldGroup([{ name: "answers", required: true, field: { ...fieldGroup(answers), title: label } }]);
}

/** One question, or several: options to pick from, free text, or both. */
export function AskUserBody({ data, answer, onAnswer }: HitlBodyProps): ReactElement {
  const texts = useTexts();
  const field = useMemo(() => fieldOfData(data, texts.answer), [data, texts.answer]);
  return (
    <AnswerForm
      field={field}
      label={texts.answer}
      actions={[{ name: "send", label: texts.send }]}
      answer={answer}
      onAnswer={onAnswer}
    />
  );
}
