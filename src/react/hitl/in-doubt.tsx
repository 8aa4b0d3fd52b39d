import { type ReactElement, useMemo } from "react";
import { AnswerForm, type FormAction } from "../form/answer-form.tsx";
import { isObject, listOf, textOf } from "../read.ts";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";
import { fieldGroup, textProperty } from "./fields.ts";

/** What became of an interrupted call (PROTOCOL.md §8.4); only `happened` has a result. */
export function InDoubtBody({ data, answer, onAnswer }: HitlBodyProps): ReactElement {
  const texts = useTexts();
  const field = useMemo(
    () => fieldGroup([textProperty("result", texts.result, { format: "multiline" })]),
    [texts.result],
  );
  const actions = listOf(data["options"]).flatMap((option): FormAction[] => {
    const decision = isObject(option) ? textOf(option["value"]) : null;
    if (decision === null || !isObject(option)) return [];
    const omits = decision === "happened" ? [] : ["result"];
    return [{ name: decision, label: textOf(option["label"]) ?? decision, extra: { decision }, omits }];
  });
  return (
    <AnswerForm field={field} label={texts.answer} actions={actions} answer={answer} onAnswer={onAnswer} />
  );
}
