import { type ReactElement, useMemo } from "react";
import { AnswerForm } from "../form/answer-form.tsx";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";
import { fieldGroup, textProperty } from "./fields.ts";

/** Yes or no, with the risk in words and a comment. */
export function ConfirmBody({ answer, onAnswer }: HitlBodyProps): ReactElement {
  const texts = useTexts();
  const field = useMemo(
    () => fieldGroup([textProperty("comment", texts.comment, { format: "multiline" })]),
    [texts.comment],
  );
  return (
    <AnswerForm
      field={field}
      label={texts.answer}
      actions={[
        { name: "confirm", label: texts.confirm, extra: { confirmed: true } },
        { name: "decline", label: texts.decline, extra: { confirmed: false } },
      ]}
      answer={answer}
      onAnswer={onAnswer}
    />
  );
}
