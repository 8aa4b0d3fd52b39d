/** What people have typed so far, and the answer that it makes. */
import type { JsonObject, JsonValue } from "../../core/json.ts";
import { isObject, jsonText } from "../read.ts";
import type { Choice, Field, TextFormat } from "./field.ts";

/** Parallel to a {@link Field}: `value` for those that hold one text, `multi` for those with boxes to tick. */
export type Draft =
  | { readonly kind: "value"; readonly text: string; readonly other: string }
  | { readonly kind: "multi"; readonly chosen: readonly number[]; readonly other: string | null }
  | { readonly kind: "list"; readonly items: readonly { readonly key: number; readonly draft: Draft }[] }
  | { readonly kind: "object"; readonly parts: readonly Draft[] };

/** `text` of a choice: the index of what is chosen, or this for a text of one's own. */
export const OTHER = "other";

/** What keeps a draft from being sent. */
export type DraftFault = "missing" | "not_a_number" | "not_an_integer" | "not_json" | "not_a_date";

export interface DraftIssue {
  readonly path: readonly (string | number)[];
  readonly fault: DraftFault;
}

const same = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);

function indexIn(choices: readonly Choice[], value: JsonValue): number {
  return choices.findIndex((choice) => same(choice.value, value));
}

/** The local time that an `<input type="datetime-local">` takes. */
function localDateTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function initialText(value: JsonValue | undefined, format: TextFormat): string {
  if (typeof value !== "string") return "";
  return format === "date-time" ? localDateTime(value) : value;
}

const valueDraft = (text: string, other = ""): Draft => ({ kind: "value", text, other });

/** A draft that holds `value`, or the field's initial value; what does not fit is left empty. */
export function draftOf(field: Field, value: JsonValue | undefined = field.initial): Draft {
  switch (field.kind) {
    case "text":
      return valueDraft(initialText(value, field.format));
    case "number":
      return valueDraft(typeof value === "number" ? String(value) : "");
    case "json":
      return valueDraft(value === undefined ? "" : jsonText(value));
    case "choice": {
      if (value === undefined) return valueDraft("");
      const index = indexIn(field.choices, value);
      if (index >= 0) return valueDraft(String(index));
      return field.other && typeof value === "string" ? valueDraft(OTHER, value) : valueDraft("");
    }
    case "multi": {
      const values = Array.isArray(value) ? value : [];
      const chosen = values.map((item) => indexIn(field.choices, item)).filter((index) => index >= 0);
      return { kind: "multi", chosen, other: null };
    }
    case "list": {
      const values = Array.isArray(value) ? value : [];
      return { kind: "list", items: values.map((item, key) => ({ key, draft: draftOf(field.item, item) })) };
    }
    case "object": {
      const given = isObject(value) ? value : {};
      return {
        kind: "object",
        parts: field.properties.map(({ name, field: part }) =>
          draftOf(part, Object.hasOwn(given, name) ? given[name] : part.initial),
        ),
      };
    }
  }
}

/** Nothing has been entered, so an optional field gives no value at all. */
function isEmpty(draft: Draft): boolean {
  switch (draft.kind) {
    case "value":
      return draft.text.trim() === "";
    case "multi":
      return draft.chosen.length === 0 && draft.other === null;
    case "list":
      return draft.items.length === 0;
    case "object":
      return draft.parts.every(isEmpty);
  }
}

interface Read {
  readonly issues: DraftIssue[];
}

type Path = readonly (string | number)[];

function readText(
  format: TextFormat,
  text: string,
  fault: (fault: DraftFault) => undefined,
): JsonValue | undefined {
  if (format !== "date-time") return text;
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? fault("not_a_date") : date.toISOString();
}

function readNumber(
  text: string,
  integer: boolean,
  fault: (fault: DraftFault) => undefined,
): number | undefined {
  // Number("") is 0 and Number("0x10") 16: neither is what somebody typed.
  const plain = text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return fault("not_a_number");
  const value = Number(plain);
  if (!Number.isFinite(value)) return fault("not_a_number");
  if (integer && !Number.isSafeInteger(value)) return fault("not_an_integer");
  return value;
}

function readJson(
  text: string,
  lenient: boolean,
  fault: (fault: DraftFault) => undefined,
): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return lenient ? text : fault("not_json");
  }
}

function readAt(
  field: Field,
  draft: Draft,
  required: boolean,
  path: Path,
  read: Read,
): JsonValue | undefined {
  const fault = (kind: DraftFault): undefined => {
    read.issues.push({ path, fault: kind });
    return undefined;
  };
  if (isEmpty(draft)) {
    if (!required) return undefined;
    if (field.nullable) return null;
    if (field.kind === "list" || field.kind === "multi") return [];
    if (field.kind !== "object" && !(field.kind === "text" && field.min === 0)) return fault("missing");
  }
  switch (field.kind) {
    case "text":
      return draft.kind === "value" ? readText(field.format, draft.text, fault) : undefined;
    case "number":
      return draft.kind === "value" ? readNumber(draft.text, field.integer, fault) : undefined;
    case "json":
      return draft.kind === "value" ? readJson(draft.text, field.lenient, fault) : undefined;
    case "choice":
      if (draft.kind !== "value") return undefined;
      if (draft.text === OTHER) return draft.other.trim() === "" ? fault("missing") : draft.other;
      return field.choices[Number(draft.text)]?.value;
    case "multi": {
      if (draft.kind !== "multi") return undefined;
      const chosen = field.choices.filter((_, index) => draft.chosen.includes(index));
      const values = chosen.map(({ value }) => value);
      if (draft.other === null) return values;
      return draft.other.trim() === "" ? fault("missing") : [...values, draft.other];
    }
    case "list":
      return draft.kind === "list"
        ? draft.items.flatMap((item, index) => {
            const value = readAt(field.item, item.draft, true, [...path, index], read);
            return value === undefined ? [] : [value];
          })
        : undefined;
    case "object":
      return draft.kind === "object" ? readObject(field.properties, draft.parts, path, read) : undefined;
  }
}

function readObject(
  properties: (Field & { kind: "object" })["properties"],
  parts: readonly Draft[],
  path: Path,
  read: Read,
): JsonObject {
  const entries = properties.flatMap(({ name, required, field }, index) => {
    const part = parts[index];
    const value = part && readAt(field, part, required, [...path, name], read);
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}

/** The answer that a draft makes. It is undefined if there is no answer; with issues it is not to be sent. */
export function readDraft(
  field: Field,
  draft: Draft,
  required = true,
): { readonly value: JsonValue | undefined; readonly issues: readonly DraftIssue[] } {
  const read: Read = { issues: [] };
  return { value: readAt(field, draft, required, [], read), issues: read.issues };
}
