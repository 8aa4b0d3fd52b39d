import { type ReactElement, useMemo } from "react";
import { AnswerForm } from "../form/answer-form.tsx";
import { fieldOf } from "../form/field.ts";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";

/** The form of a question's response schema: `form`, `workflow_human`, and every type that has no way of its own. */
export function SchemaFormBody({ data, answer, onAnswer }: HitlBodyProps): ReactElement {
  const texts = useTexts();
  const schema = data["response_schema"] ?? data["schema"];
  const field = useMemo(
    () => fieldOf(schema, { yes: texts.yes, no: texts.no }),
    [schema, texts.yes, texts.no],
  );
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
