/** One field of a form, whatever its kind; groups draw their parts with it. */
import { type ReactElement, useRef } from "react";
import { labelText } from "../text/safe-text.ts";
import { useTexts } from "../texts-context.ts";
import { ChoiceInput, MultiInput } from "./choices.tsx";
import { type Draft, draftOf } from "./draft.ts";
import type { Field, ListField, ObjectField } from "./field.ts";
import { LabelText, NotesView, useNotes } from "./field-notes.tsx";
import type { FieldProps } from "./field-props.ts";
import { SelectInput, TextInput } from "./inputs.tsx";

/** From here on a list to pick from is easier than buttons. */
const MANY_CHOICES = 8;

function ObjectInput(props: FieldProps<ObjectField, "object">): ReactElement {
  const { field, draft, path, id, onChange } = props;
  const notes = useNotes(props);
  const parts = field.properties.map(({ name, required, field: part }, index) => {
    const partDraft = draft.parts[index] ?? draftOf(part);
    return (
      <FieldInput
        key={name}
        field={part}
        draft={partDraft}
        path={[...path, name]}
        id={`${id}-${index}`}
        label={part.title ?? name}
        required={required}
        errors={props.errors}
        onChange={(next) => onChange({ ...draft, parts: draft.parts.with(index, next) })}
      />
    );
  });
  // The form itself is the group of the outermost fields, and shows what belongs to none of them.
  if (path.length === 0) return <>{parts}</>;
  return (
    <fieldset
      id={id}
      className="holdpoint-group"
      aria-describedby={notes.aria["aria-describedby"]}
      data-invalid={notes.errors.length > 0 ? "" : undefined}
    >
      <legend>
        <LabelText {...props} />
      </legend>
      {parts}
      <NotesView id={id} notes={notes} />
    </fieldset>
  );
}

function ListInput(props: FieldProps<ListField, "list">): ReactElement {
  const { field, draft, path, id, label, onChange } = props;
  const texts = useTexts();
  const notes = useNotes(props);
  const { items } = draft;
  const addButton = useRef<HTMLButtonElement>(null);
  const remove = (item: (typeof items)[number]): void => {
    onChange({ ...draft, items: items.filter((other) => other !== item) });
    // The button that had the focus goes with its item.
    addButton.current?.focus();
  };
  const add = (): void => {
    const key = Math.max(-1, ...items.map((item) => item.key)) + 1;
    onChange({ ...draft, items: [...items, { key, draft: draftOf(field.item) }] });
  };
  return (
    <fieldset
      id={id}
      className="holdpoint-group"
      data-kind="list"
      aria-describedby={notes.aria["aria-describedby"]}
      data-invalid={notes.errors.length > 0 ? "" : undefined}
    >
      <legend>
        <LabelText {...props} />
      </legend>
      {items.map((item, index) => (
        <div key={item.key} className="holdpoint-item">
          <FieldInput
            field={field.item}
            draft={item.draft}
            path={[...path, index]}
            id={`${id}-${item.key}`}
            label={field.item.title ?? texts.item(label, index + 1)}
            required
            errors={props.errors}
            onChange={(next) =>
              onChange({ ...draft, items: items.with(index, { key: item.key, draft: next }) })
            }
          />
          <button type="button" className="holdpoint-remove" onClick={() => remove(item)}>
            {texts.removeItem(labelText(label), index + 1)}
          </button>
        </div>
      ))}
      <button ref={addButton} type="button" className="holdpoint-add" onClick={add}>
        {texts.addItem(labelText(label))}
      </button>
      <NotesView id={id} notes={notes} />
    </fieldset>
  );
}

type Props<F extends Field, D extends Draft["kind"]> = FieldProps<F, D>;

/** Draws any field. Its draft has to be one that `draftOf` made of the same field. */
export function FieldInput(props: FieldProps): ReactElement {
  switch (props.field.kind) {
    case "text":
    case "number":
    case "json":
      return <TextInput {...(props as Props<typeof props.field, "value">)} />;
    case "choice": {
      const choice = props as Props<typeof props.field, "value">;
      return props.field.choices.length < MANY_CHOICES ? (
        <ChoiceInput {...choice} />
      ) : (
        <SelectInput {...choice} />
      );
    }
    case "multi":
      return <MultiInput {...(props as Props<typeof props.field, "multi">)} />;
    case "list":
      return <ListInput {...(props as Props<typeof props.field, "list">)} />;
    case "object":
      return <ObjectInput {...(props as Props<typeof props.field, "object">)} />;
  }
}
