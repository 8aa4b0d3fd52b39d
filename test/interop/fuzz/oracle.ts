/**
 * What a value may have said to a question, read independently of `src/interop`: by the places where the question's ids
 * stand, and by the words that are there. It knows no formats, only that what an answer says has to have been said, and
 * said to this question.
 */
import type { HITLRecord } from "../../../src/index.ts";
import type { Json } from "./values.ts";

const ID_FIELDS = ["interruptId", "interrupt_id", "hitl_id", "approvalId", "id"];
/** What is deeper is part of no answer. */
const MAX_DEPTH = 80;

const isObject = (value: Json): value is Record<string, Json> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A text that holds a structure, as that. */
function read(value: Json): Json {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}

const idsOf = ({ hitl_id, interrupt_id, tool_call_id }: HITLRecord): readonly (string | null)[] => [
  hitl_id,
  interrupt_id,
  tool_call_id,
];

/**
 * The parts of a value that are said to this question.
 *
 * @param open - in the order in which they were shown
 */
function saidTo(value: Json, ask: HITLRecord, open: readonly HITLRecord[]): readonly Json[] {
  const ids = idsOf(ask);
  const parts: Json[] = [];
  const add = (given: Json): void => {
    const part = read(given);
    const decisions = isObject(part) ? part["decisions"] : part;
    // Several decisions stand for the questions in their order, also where they are sent to one of these.
    const isList =
      Array.isArray(decisions) &&
      open.length > 1 &&
      decisions.length === open.length &&
      decisions.every(
        (one) => isObject(one) && (Object.hasOwn(one, "type") || Object.hasOwn(one, "approved")),
      );
    parts.push(isList ? (decisions as Json[])[open.indexOf(ask)] : part);
  };
  const walk = (given: Json, depth: number): void => {
    if (depth > MAX_DEPTH) return;
    const here = read(given);
    if (Array.isArray(here)) {
      if (open.length > 1 && here.length === open.length) add(here);
      for (const item of here) walk(item, depth + 1);
      return;
    }
    if (!isObject(here)) return;
    if (ID_FIELDS.some((name) => ids.includes(here[name] as string))) add(here);
    for (const [name, item] of Object.entries(here)) {
      if (ids.includes(name)) add(item);
      walk(item, depth + 1);
    }
  };
  walk(value, 0);
  return open.length === 1 || namesCall(value, ask) ? [...parts, value] : parts;
}

/** The name of the call that is asked about is said somewhere. */
function namesCall(value: Json, { tool_name, hitl_type, data }: HITLRecord): boolean {
  const tool = data["tool"] ?? tool_name;
  return (
    ["permission", "confirm"].includes(hitl_type) && typeof tool === "string" && wordsOf(value).has(tool)
  );
}

/** Every name, text, number and truth value in it, as text. */
function wordsOf(value: Json): ReadonlySet<string> {
  const words = new Set<string>();
  const walk = (given: Json, depth: number): void => {
    if (typeof given === "string") words.add(given).add(given.trim());
    else if (typeof given !== "object" || given === null) words.add(String(given));
    if (depth > MAX_DEPTH) return;
    const here = read(given);
    if (typeof here !== "object" || here === null) return;
    for (const [name, item] of Object.entries(here)) {
      words.add(name);
      walk(item, depth + 1);
    }
  };
  walk(value, 0);
  return words;
}

const YES = ["approve", "approve_once", "accept", "allow", "true", "edit"];
const NO = ["reject", "false", "deny", "decline", "ignore", "skip"];
const OTHER_ARGS = [
  "edit",
  "editedArgs",
  "edited_args",
  "updatedInput",
  "editedAction",
  "edited_action",
  "args",
];
const BY_WORD: Readonly<Record<string, readonly string[]>> = {
  approve: YES,
  approve_once: YES,
  edit: OTHER_ARGS,
  reject: NO,
  skip: ["skip", "ignore"],
  respond: ["respond", "response"],
  give_up: ["give_up", "Give it up", ...NO],
  happened: ["happened", "It happened"],
  run_again: ["run_again", "It did not happen: run it"],
  denied: ["denied", ...NO],
  cancelled: ["cancelled", "cancel", "decline", "__agui_cancelled__"],
  yes: YES,
  no: NO,
};

function leavesOf(value: Json): readonly Json[] {
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(leavesOf) : [value];
}

/** What people read in the place of a value. */
function labelsOf(data: Json): ReadonlyMap<Json, string> {
  const labels = new Map<Json, string>();
  const walk = (value: Json): void => {
    if (typeof value !== "object" || value === null) return;
    const { value: meant, label } = value as Record<string, Json>;
    if (typeof label === "string") labels.set(meant, label);
    for (const item of Object.values(value)) walk(item);
  };
  walk(data);
  return labels;
}

/** The part says what has become of the question. */
function says(part: Json, { status, user_response, data, params }: HITLRecord): boolean {
  const words = wordsOf(part);
  const any = (sign: string): boolean => (BY_WORD[sign] ?? [sign]).some((word) => words.has(word));
  if (status === "cancelled") return any("cancelled");
  const numbers = [...words].filter((word) => word.trim() !== "").map(Number);
  const labels = labelsOf(data);
  const shown = leavesOf([data["args"], data["values"], params]);
  const isSaid = (leaf: Json): boolean =>
    words.has(String(leaf)) ||
    (typeof leaf === "number" && numbers.includes(leaf)) ||
    words.has(labels.get(leaf) ?? String(leaf));
  if (!isObject(user_response)) return leavesOf(user_response).every(isSaid);
  return Object.entries(user_response).every(([name, item]) => {
    const isEdited = name === "edited_args" || name === "values";
    if (leavesOf(item).every((leaf) => isSaid(leaf) || (isEdited && shown.includes(leaf)))) return true;
    if (name === "decision" || name === "status") return any(String(item));
    return name === "confirmed" && any(item === true ? "yes" : "no");
  });
}

/** The change of a question that was open is one that the value has asked for. */
export function isExplained(
  value: Json,
  ask: HITLRecord,
  now: HITLRecord,
  open: readonly HITLRecord[],
): boolean {
  return saidTo(value, ask, open).some((part) => says(part, now));
}
