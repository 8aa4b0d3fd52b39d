/** Choices that are all seen: radio buttons for one value, boxes for several. */
import type { ReactElement, ReactNode } from "react";
import { labelText, visibleText } from "../text/safe-text.ts";
import { useTexts } from "../texts-context.ts";
import { OTHER } from "./draft.ts";
import type { Choice, ChoiceField, MultiField } from "./field.ts";
import { LabelText, NotesView, useNotes } from "./field-notes.tsx";
import type { FieldProps } from "./field-props.ts";

interface OptionProps {
  readonly id: string;
  readonly type: "radio" | "checkbox";
  readonly name: string;
  readonly label: string;
  readonly description?: string | null;
  readonly checked: boolean;
  readonly onToggle: (checked: boolean) => void;
}

function OptionView(props: OptionProps): ReactElement {
  const { id, type, name, label, description, checked, onToggle } = props;
  return (
    <div className="holdpoint-option">
      <input
        type={type}
        id={id}
        name={name}
        checked={checked}
        aria-describedby={description ? `${id}-hint` : undefined}
        onChange={(event) => onToggle(event.target.checked)}
      />
      <label htmlFor={id} dir="auto">
        {labelText(label)}
      </label>
      {description ? (
        <p id={`${id}-hint`} className="holdpoint-hint" dir="auto">
          {visibleText(description)}
        </p>
      ) : null}
    </div>
  );
}

interface GroupProps {
  readonly props: FieldProps;
  readonly role: "radiogroup" | "group";
  readonly children: ReactNode;
}

function OptionsGroup({ props, role, children }: GroupProps): ReactElement {
  const notes = useNotes(props);
  return (
    <fieldset
      id={props.id}
      role={role}
      className="holdpoint-field"
      data-kind={props.field.kind}
      aria-required={role === "radiogroup" && props.required ? true : undefined}
      aria-describedby={notes.aria["aria-describedby"]}
      aria-invalid={role === "radiogroup" ? notes.aria["aria-invalid"] : undefined}
      data-invalid={notes.errors.length > 0 ? "" : undefined}
    >
      <legend>
        <LabelText {...props} />
      </legend>
      {children}
      <NotesView id={props.id} notes={notes} />
    </fieldset>
  );
}

interface OtherProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function OtherInput({ id, label, value, onChange }: OtherProps): ReactElement {
  const texts = useTexts();
  return (
    <input
      type="text"
      id={id}
      aria-label={texts.otherLabel(labelText(label))}
      value={value}
      autoComplete="off"
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

export function ChoiceInput(props: FieldProps<ChoiceField, "value">): ReactElement {
  const { field, draft, id, label, required, onChange } = props;
  const texts = useTexts();
  const pick = (text: string): void => onChange({ ...draft, text });
  const option = (text: string, choice: Pick<Choice, "label" | "description">): ReactElement => (
    <OptionView
      key={text}
      id={`${id}-${text === "" ? "none" : text}`}
      type="radio"
      name={id}
      label={choice.label}
      description={choice.description}
      checked={draft.text === text}
      onToggle={() => pick(text)}
    />
  );
  return (
    <OptionsGroup props={props} role="radiogroup">
      {field.choices.map((choice, index) => option(String(index), choice))}
      {field.other ? option(OTHER, { label: texts.other, description: null }) : null}
      {required ? null : option("", { label: texts.noAnswer, description: null })}
      {draft.text === OTHER ? (
        <OtherInput
          id={`${id}-other-text`}
          label={label}
          value={draft.other}
          onChange={(other) => onChange({ ...draft, other })}
        />
      ) : null}
    </OptionsGroup>
  );
}

export function MultiInput(props: FieldProps<MultiField, "multi">): ReactElement {
  const { field, draft, id, label, onChange } = props;
  const texts = useTexts();
  const toggle = (index: number, checked: boolean): void => {
    const rest = draft.chosen.filter((other) => other !== index);
    onChange({ ...draft, chosen: checked ? [...rest, index] : rest });
  };
  return (
    <OptionsGroup props={props} role="group">
      {field.choices.map((choice, index) => (
        <OptionView
          key={index}
          id={`${id}-${index}`}
          type="checkbox"
          name={id}
          label={choice.label}
          description={choice.description}
          checked={draft.chosen.includes(index)}
          onToggle={(checked) => toggle(index, checked)}
        />
      ))}
      {field.other ? (
        <OptionView
          id={`${id}-other`}
          type="checkbox"
          name={id}
          label={texts.other}
          checked={draft.other !== null}
          onToggle={(checked) => onChange({ ...draft, other: checked ? "" : null })}
        />
      ) : null}
      {draft.other === null ? null : (
        <OtherInput
          id={`${id}-other-text`}
          label={label}
          value={draft.other}
          onChange={(other) => onChange({ ...draft, other })}
        />
      )}
    </OptionsGroup>
  );
}
