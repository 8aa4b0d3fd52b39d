/** Fields that hold one text: typed, picked from a list, or JSON. */
import type { HTMLInputTypeAttribute, ReactElement } from "react";
import { labelText } from "../text/safe-text.ts";
import { useTexts } from "../texts-context.ts";
import { type Draft, OTHER } from "./draft.ts";
import type { ChoiceField, JsonField, NumberField, TextField, TextFormat } from "./field.ts";
import { LabelText, NotesView, useNotes } from "./field-notes.tsx";
import type { FieldProps } from "./field-props.ts";

const INPUT_TYPES: Readonly<Record<Exclude<TextFormat, "multiline">, HTMLInputTypeAttribute>> = {
  plain: "text",
  email: "email",
  url: "url",
  date: "date",
  "date-time": "datetime-local",
};

function withText(draft: Draft & { kind: "value" }, text: string): Draft {
  return { ...draft, text };
}

export function TextInput(props: FieldProps<TextField | NumberField | JsonField, "value">): ReactElement {
  const { field, draft, id, required, onChange } = props;
  const notes = useNotes(props);
  const shared = {
    id,
    value: draft.text,
    "aria-required": required || undefined,
    ...notes.aria,
  };
  const area = field.kind === "json" || (field.kind === "text" && field.format === "multiline");
  return (
    <div className="holdpoint-field" data-kind={field.kind}>
      <label htmlFor={id}>
        <LabelText {...props} />
      </label>
      {area ? (
        <textarea
          {...shared}
          rows={field.kind === "json" ? 6 : 3}
          spellCheck={field.kind !== "json"}
          onChange={(event) => onChange(withText(draft, event.target.value))}
        />
      ) : (
        <input
          {...shared}
          type={field.kind === "text" && field.format !== "multiline" ? INPUT_TYPES[field.format] : "text"}
          // A number input drops what it cannot read, and nobody could be told what was wrong with it.
          inputMode={field.kind === "number" ? (field.integer ? "numeric" : "decimal") : undefined}
          autoComplete="off"
          onChange={(event) => onChange(withText(draft, event.target.value))}
        />
      )}
      <NotesView id={id} notes={notes} />
    </div>
  );
}

/** A choice of many values; see `ChoiceInput` for few. */
export function SelectInput(props: FieldProps<ChoiceField, "value">): ReactElement {
  const { field, draft, id, required, label, onChange } = props;
  const texts = useTexts();
  const notes = useNotes(props);
  return (
    <div className="holdpoint-field" data-kind="choice">
      <label htmlFor={id}>
        <LabelText {...props} />
      </label>
      <select
        id={id}
        value={draft.text}
        aria-required={required || undefined}
        {...notes.aria}
        onChange={(event) => onChange(withText(draft, event.target.value))}
      >
        <option value="">{required ? texts.choose : texts.noAnswer}</option>
        {field.choices.map((choice, index) => (
          <option key={index} value={String(index)}>
            {labelText(choice.label, 200)}
          </option>
        ))}
        {field.other ? <option value={OTHER}>{texts.other}</option> : null}
      </select>
      {draft.text === OTHER ? (
        <input
          type="text"
          id={`${id}-other`}
          aria-label={texts.otherLabel(labelText(label))}
          value={draft.other}
          {...notes.aria}
          onChange={(event) => onChange({ ...draft, other: event.target.value })}
        />
      ) : null}
      <NotesView id={id} notes={notes} />
    </div>
  );
}
