import { type ReactElement, useEffect, useMemo, useRef, useState } from "react";
import type { Decision } from "../../core/hitl-types.ts";
import type { JsonValue } from "../../core/json.ts";
import { AnswerForm, type FormAction } from "../form/answer-form.tsx";
import { fieldOfValue, type Property } from "../form/field.ts";
import { type Dict, isObject } from "../read.ts";
import { ENGLISH, type HitlTexts } from "../texts.ts";
import { useTexts } from "../texts-context.ts";
import type { HitlBodyProps } from "./body-props.ts";
import { fieldGroup, textProperty } from "./fields.ts";

/** In the order of the protocol. Not the constant of `core`: it would bring a page the whole of zod. */
const DECISIONS = Object.keys(ENGLISH.decisions) as Decision[];

/** Those that the question allows, in the order of the protocol; all if it does not say. */
function allowedDecisions(data: Dict): readonly Decision[] {
  const given = data["allowed_decisions"];
  return Array.isArray(given) ? DECISIONS.filter((decision) => given.includes(decision)) : DECISIONS;
}

function messageOf(texts: HitlTexts): Property {
  return textProperty("message", texts.message, { format: "multiline" });
}

function actionOf(decision: Decision, texts: HitlTexts): FormAction {
  return {
    name: decision,
    label: texts.decisions[decision],
    extra: { decision },
    ...(decision === "respond" ? { needs: ["message"] } : {}),
    // A scope says how far a grant goes; only one decision makes a grant.
    ...(decision === "approve_always" ? {} : { omits: ["scope"] }),
  };
}

/** The call with its arguments as fields: their types stay, and what has no field is JSON. */
function EditForm(props: HitlBodyProps & { readonly onBack: () => void }): ReactElement {
  const { data, answer, onAnswer, onBack } = props;
  const texts = useTexts();
  const field = useMemo(() => {
    const args = (isObject(data["args"]) ? data["args"] : {}) as JsonValue;
    const labels = { yes: texts.yes, no: texts.no };
    const edited = { ...fieldOfValue(args, labels), title: texts.editedArguments };
    return fieldGroup([{ name: "edited_args", required: true, field: edited }, messageOf(texts)]);
  }, [data, texts]);
  return (
    <AnswerForm
      field={field}
      label={texts.editedArguments}
      actions={[{ name: "edit", label: texts.sendEdited, extra: { decision: "edit" } }]}
      answer={answer}
      onAnswer={onAnswer}
      takesFocus
    >
      <button type="button" data-action="back" onClick={onBack}>
        {texts.back}
      </button>
    </AnswerForm>
  );
}

/** One button for each decision that is allowed; `edit` opens the arguments. */
export function PermissionBody(props: HitlBodyProps): ReactElement {
  const { data, answer, onAnswer } = props;
  const texts = useTexts();
  const [editing, setEditing] = useState(false);
  const editButton = useRef<HTMLButtonElement>(null);
  const cameBack = useRef(false);
  useEffect(() => {
    if (!editing && cameBack.current) editButton.current?.focus();
    cameBack.current = editing;
  }, [editing]);
  const decisions = useMemo(() => allowedDecisions(data), [data]);
  const field = useMemo(
    () =>
      fieldGroup([
        messageOf(texts),
        ...(decisions.includes("approve_always") ? [textProperty("scope", texts.scope)] : []),
      ]),
    [decisions, texts],
  );
  if (editing && decisions.includes("edit")) return <EditForm {...props} onBack={() => setEditing(false)} />;
  return (
    <AnswerForm
      field={field}
      label={texts.message}
      actions={decisions
        .filter((decision) => decision !== "edit")
        .map((decision) => actionOf(decision, texts))}
      answer={answer}
      onAnswer={onAnswer}
    >
      {decisions.includes("edit") ? (
        <button ref={editButton} type="button" data-action="edit" onClick={() => setEditing(true)}>
          {texts.decisions.edit}
        </button>
      ) : null}
    </AnswerForm>
  );
}
