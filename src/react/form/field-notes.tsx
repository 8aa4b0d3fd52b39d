/** What stands around an input: its label, hint and errors, bound to it by id. */
import type { ReactElement } from "react";
import { hiddenCharacters, labelText, visibleText } from "../text/safe-text.ts";
import { useTexts } from "../texts-context.ts";
import type { Field } from "./field.ts";
import { errorsAt, type FieldProps } from "./field-props.ts";

interface Notes {
  readonly hint: readonly string[];
  readonly errors: readonly string[];
  /** For the input, or the group. */
  readonly aria: {
    readonly "aria-describedby": string | undefined;
    readonly "aria-invalid": true | undefined;
  };
}

function boundsText(field: Field, texts: ReturnType<typeof useTexts>): string {
  switch (field.kind) {
    case "number":
      return texts.between(field.min, field.max);
    case "text":
      return texts.length(field.min, field.max);
    case "multi":
    case "list":
      return texts.count(field.min, field.max);
    case "json":
      return field.lenient ? texts.jsonOrText : texts.json;
    default:
      return "";
  }
}

export function useNotes(props: FieldProps): Notes {
  const texts = useTexts();
  const { field, id, draft } = props;
  const errors = errorsAt(props);
  const hint = [field.description === null ? "" : visibleText(field.description), boundsText(field, texts)];
  if (draft.kind === "value") {
    const hidden = hiddenCharacters(draft.text);
    if (hidden.length > 0) hint.push(texts.hidden(hidden.join(" ")));
  }
  const shown = hint.filter((text) => text !== "");
  const ids = [...(shown.length > 0 ? [`${id}-hint`] : []), ...(errors.length > 0 ? [`${id}-error`] : [])];
  return {
    hint: shown,
    errors,
    aria: {
      "aria-describedby": ids.length > 0 ? ids.join(" ") : undefined,
      "aria-invalid": errors.length > 0 ? true : undefined,
    },
  };
}

/** Hint and errors of an input. */
export function NotesView({ id, notes }: { readonly id: string; readonly notes: Notes }): ReactElement {
  return (
    <>
      {notes.hint.length > 0 ? (
        <p id={`${id}-hint`} className="holdpoint-hint">
          {notes.hint.join(" · ")}
        </p>
      ) : null}
      {notes.errors.length > 0 ? (
        <p id={`${id}-error`} className="holdpoint-error">
          {notes.errors.map(visibleText).join(" ")}
        </p>
      ) : null}
    </>
  );
}

/** The text of a label, with what is asked of the field. */
export function LabelText(props: Pick<FieldProps, "label" | "required" | "path">): ReactElement {
  const texts = useTexts();
  // The one field of a question needs no mark.
  const mark = props.path.length === 0 ? "" : props.required ? texts.requiredMark : texts.optionalMark;
  return (
    <>
      <span dir="auto">{labelText(props.label)}</span>
      {mark === "" ? null : <span className="holdpoint-mark"> {mark}</span>}
    </>
  );
}
