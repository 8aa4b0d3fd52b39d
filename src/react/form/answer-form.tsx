/** A form for an answer: fields, and one button for each way to send them. */
import {
  type ReactElement,
  type ReactNode,
  type RefObject,
  useEffect,
  useId,
  useMemo,
  useRef,
  useState,
} from "react";
import type { JsonObject, JsonValue } from "../../core/json.ts";
import type { ResponseIssue } from "../../core/response-schema.ts";
import { isObject } from "../read.ts";
import { labelText, visibleText } from "../text/safe-text.ts";
import type { HitlTexts } from "../texts.ts";
import { useTexts } from "../texts-context.ts";
import type { AnswerState } from "../types.ts";
import { type Draft, draftOf, readDraft } from "./draft.ts";
import type { Field } from "./field.ts";
import { FieldInput } from "./field-input.tsx";
import { issuesByField, pathKey, shownPaths } from "./issues.ts";

/** One button. */
export interface FormAction {
  readonly name: string;
  readonly label: string;
  /** Goes into the answer beside the fields. */
  readonly extra?: JsonObject;
  /** Optional fields that this action cannot do without. */
  readonly needs?: readonly string[];
  /** Fields that this action does not send. */
  readonly omits?: readonly string[];
}

export interface AnswerFormProps {
  readonly field: Field;
  /** Of the field, if there is only one. */
  readonly label: string;
  readonly actions: readonly FormAction[];
  readonly answer: AnswerState;
  readonly onAnswer: (answer: JsonValue) => void;
  /** Moves the focus into the form when it appears: for one that takes the place of what had it. */
  readonly takesFocus?: boolean;
  /** Further buttons. */
  readonly children?: ReactNode;
}

const NONE: readonly ResponseIssue[] = [];

/** As an action sees the form: without what it omits, with what it needs. */
function partsFor(action: FormAction, field: Field, draft: Draft): { field: Field; draft: Draft } {
  if (field.kind !== "object" || draft.kind !== "object") return { field, draft };
  const kept = field.properties.map(({ name }) => !(action.omits ?? []).includes(name));
  const properties = field.properties
    .filter((_, index) => kept[index])
    .map((property) => ({
      ...property,
      required: property.required || (action.needs ?? []).includes(property.name),
    }));
  return {
    field: { ...field, properties },
    draft: { ...draft, parts: draft.parts.filter((_, index) => kept[index]) },
  };
}

function answerFor(
  action: FormAction,
  field: Field,
  draft: Draft,
  texts: HitlTexts,
): { readonly value: JsonValue | undefined; readonly issues: readonly ResponseIssue[] } {
  const parts = partsFor(action, field, draft);
  const { value, issues } = readDraft(parts.field, parts.draft);
  if (issues.length > 0) {
    return { value, issues: issues.map(({ path, fault }) => ({ path, message: texts.faults[fault] })) };
  }
  return { value: action.extra && isObject(value) ? { ...action.extra, ...value } : value, issues: NONE };
}

/** The first input with an error, or what says what is wrong with all of them. */
function focusFirstError(form: HTMLFormElement | null): void {
  const wrong = form?.querySelector<HTMLElement>("[aria-invalid=true], [data-invalid], [data-form-errors]");
  const inside = wrong?.matches("fieldset")
    ? wrong.querySelector<HTMLElement>("input, textarea, select, button")
    : null;
  (inside ?? wrong)?.focus();
}

/** Moves to the first error when an answer that was sent from here is refused; never of its own accord. */
function useErrorFocus(
  form: RefObject<HTMLFormElement | null>,
  issues: readonly ResponseIssue[],
): () => void {
  const asked = useRef(false);
  useEffect(() => {
    if (!asked.current || issues.length === 0) return;
    asked.current = false;
    focusFirstError(form.current);
  }, [form, issues]);
  return () => {
    asked.current = true;
  };
}

export function AnswerForm(props: AnswerFormProps): ReactElement {
  const { field, label, actions, answer, onAnswer, takesFocus, children } = props;
  const texts = useTexts();
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const [draft, setDraft] = useState(() => draftOf(field));
  const [local, setLocal] = useState(NONE);
  const issues = local.length > 0 || answer.state !== "invalid" ? local : answer.issues;
  const errors = useMemo(() => issuesByField(issues, shownPaths(field, draft)), [issues, field, draft]);
  const expectErrors = useErrorFocus(form, issues);
  const sending = answer.state === "sending";
  useEffect(() => {
    if (takesFocus) form.current?.querySelector<HTMLElement>("input, textarea, select")?.focus();
  }, [takesFocus]);

  const act = (action: FormAction): void => {
    if (sending) return;
    expectErrors();
    const { value, issues: faults } = answerFor(action, field, draft, texts);
    setLocal(faults);
    if (faults.length === 0 && value !== undefined) onAnswer(value);
  };
  const [only] = actions;
  const alone = actions.length === 1 ? only : undefined;
  const whole = field.kind === "object" ? (errors.get(pathKey([])) ?? []) : [];

  return (
    <form
      ref={form}
      className="holdpoint-form"
      noValidate
      aria-busy={sending || undefined}
      onSubmit={(event) => {
        event.preventDefault();
        // With several buttons, Enter in a text would choose one of them for the person.
        if (alone) act(alone);
      }}
    >
      {whole.length > 0 ? (
        <p className="holdpoint-error" data-form-errors="" tabIndex={-1}>
          {whole.map(visibleText).join(" ")}
        </p>
      ) : null}
      <FieldInput
        field={field}
        draft={draft}
        onChange={setDraft}
        path={[]}
        id={`${id}f`}
        label={field.title ?? label}
        required
        errors={errors}
      />
      <div className="holdpoint-actions">
        {actions.map((action) => (
          <button
            key={action.name}
            type={alone ? "submit" : "button"}
            data-action={action.name}
            // Not `disabled`: that would lose the focus.
            aria-disabled={sending || undefined}
            onClick={alone ? undefined : () => act(action)}
          >
            {labelText(action.label)}
          </button>
        ))}
        {children}
      </div>
    </form>
  );
}
