/** What is around decisions: to whom they are addressed, one or several. Nothing here knows the questions but their ids. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { isObject, own } from "./ask.ts";
import { readJson } from "./coerce.ts";
import { isMarked } from "./decision.ts";
import type { InteropFormat } from "./formats.ts";

/** One decision of a value. */
export interface Part {
  /** The id that it names; undefined if it names none. */
  readonly to?: string;
  readonly body: JsonValue | typeof CANCEL;
  /** Of what is around it; undefined for a bare one. */
  readonly formats?: readonly InteropFormat[];
  /** Why it answers nothing, whatever it is addressed to. */
  readonly wrong?: string;
}

/** A cancellation that is no JSON of its own. */
export const CANCEL: unique symbol = Symbol("cancel");

export type Unfolded =
  /** `list`: the parts stand for the questions in their order. */
  | { readonly parts: readonly Part[]; readonly isList: boolean }
  | { readonly wrong: string }
  /** A wake-up: it carries nothing. */
  | null;

const INTERRUPT_ID = /^[0-9a-f]{32}$/;
/** A `hitl_id` as holdpoint makes them (PROTOCOL.md §7.1); `core/ids.ts` itself needs Node. */
const HITL_ID = /^hitl_[0-9a-f]{32}$/;
const ENVELOPES = [
  "__agui_resume_map__",
  "__agui_cancelled__",
  "decisions",
  "responses",
  "inputResponses",
] as const;
const NOTHING: Unfolded = null;

/** @param isKnown - the id of an open question, or of a call that has one */
export function unfold(given: JsonValue, isKnown: (id: string) => boolean): Unfolded {
  const value = typeof given === "string" ? (structured(given) ?? given) : given;
  if (value === null) return NOTHING;
  if (Array.isArray(value)) return unfoldList(value);
  if (!isObject(value)) return bare(value);
  const names = Object.keys(value);
  if (names.length === 0 || isOwnWakeUp(value)) return NOTHING;
  if (ENVELOPES.filter((name) => Object.hasOwn(value, name)).length > 1)
    return { wrong: "it is of several formats at once" };
  if (names.every((name) => INTERRUPT_ID.test(name)))
    return addressed(
      Object.entries(value).filter(([, body]) => !isWakeUp(body)),
      ["langgraph_1"],
    );
  return (
    unfoldAgUi(value) ??
    unfoldDecisions(value) ??
    unfoldResponses(value) ??
    unfoldApproval(value) ??
    unfoldInputs(value) ??
    (isMarked(value) ? bare(value) : null) ??
    (isMap(value, isKnown) ? addressed(Object.entries(value), ["librechat_3", "holdpoint_1"]) : null) ??
    bare(value)
  );
}

/** Text that stands for a structure. A number or a quoted text is an answer, and stays one. */
export function structured(text: string): JsonValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  const read = readJson(text);
  return typeof read === "object" ? read : undefined;
}

/** What holdpoint's own documents send to wake a thread (PROTOCOL.md §1). */
function isOwnWakeUp(value: JsonObject): boolean {
  return Object.keys(value).length === 1 && typeof value["hitl"] === "string";
}

export function isWakeUp(value: JsonValue): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isObject(value) && (Object.keys(value).length === 0 || isOwnWakeUp(value));
}

/** Answers by ids, of which some may be none any more. */
function isMap(value: JsonObject, isKnown: (id: string) => boolean): boolean {
  const names = Object.keys(value);
  const looksLikeOne = (name: string): boolean => HITL_ID.test(name) || isMarked(value[name] ?? null);
  return names.some(isKnown) && names.every((name) => isKnown(name) || looksLikeOne(name));
}

function bare(body: JsonValue): Unfolded {
  return { parts: [{ body }], isList: false };
}

function addressed(entries: readonly (readonly [string, JsonValue])[], formats: Part["formats"]): Unfolded {
  if (entries.length === 0) return NOTHING;
  return {
    parts: entries.map(([to, body]) => ({ to, body, ...(formats ? { formats } : {}) })),
    isList: false,
  };
}

function unfoldList(values: readonly JsonValue[]): Unfolded {
  if (values.length === 0) return NOTHING;
  if (values.every((entry) => typeof own(entry, "interruptId") === "string")) return agUiEntries(values);
  const approvals = values.map((entry) => (isObject(entry) ? approvalPart(entry) : null));
  if (approvals.every((part) => part !== null)) return { parts: approvals, isList: false };
  if (values.every(isMarked)) return { parts: values.map((body) => ({ body })), isList: values.length > 1 };
  // A choice of several options is a list of its own.
  return bare(values as JsonValue);
}

function unfoldAgUi(value: JsonObject): Unfolded | undefined {
  if (Object.hasOwn(value, "__agui_cancelled__")) {
    if (value["__agui_cancelled__"] !== true) return { wrong: "__agui_cancelled__ has to be true" };
    const id = own(value, "interrupt_id") ?? own(value, "interruptId");
    if (id !== undefined && typeof id !== "string") return { wrong: "interrupt_id has to be text" };
    const part: Part = { body: CANCEL, formats: ["ag_ui_1"] };
    return { parts: [id === undefined ? part : { ...part, to: id }], isList: false };
  }
  if (Object.hasOwn(value, "__agui_resume_map__")) {
    const map = value["__agui_resume_map__"];
    if (!isObject(map)) return { wrong: "__agui_resume_map__ has to be { [id]: { status, payload } }" };
    return agUiEntries(
      Object.entries(map).map(([interruptId, entry]) => ({ ...(isObject(entry) ? entry : {}), interruptId })),
    );
  }
  const resume = own(value, "resume");
  const isResume =
    Array.isArray(resume) &&
    resume.length > 0 &&
    resume.every((entry) => own(entry, "interruptId") !== undefined);
  return isResume ? agUiEntries(resume) : undefined;
}

function agUiEntries(entries: readonly JsonValue[]): Unfolded {
  const parts: Part[] = [];
  for (const entry of entries) {
    const [to, status] = [own(entry, "interruptId"), own(entry, "status")];
    if (typeof to !== "string") return { wrong: "interruptId has to be text" };
    if (status !== "resolved" && status !== "cancelled")
      return { wrong: 'the status of an AG-UI answer has to be "resolved" or "cancelled"' };
    const payload = own(entry, "payload");
    const formats: Part["formats"] = ["ag_ui_1"];
    if (status === "cancelled") parts.push({ to, body: CANCEL, formats });
    // Its client of LangGraph sends null for a payload that was left out.
    else if (payload === undefined || payload === null)
      parts.push({ to, body: null, formats, wrong: "it is resolved without a payload" });
    else parts.push({ to, body: payload, formats });
  }
  return parts.length === 0 ? NOTHING : { parts, isList: false };
}

function unfoldDecisions(value: JsonObject): Unfolded | undefined {
  if (!Object.hasOwn(value, "decisions")) return undefined;
  const decisions = value["decisions"];
  if (!Array.isArray(decisions)) return { wrong: "decisions has to be a list" };
  if (decisions.length === 0) return { wrong: "decisions is empty" };
  if (!decisions.every((entry) => isObject(entry) && isMarked(entry)))
    return { wrong: "each of the decisions has to be { type, … }" };
  const langchain = ["langchain_js_1", "langchain_python_1"] as const;
  const [body] = decisions;
  // Agent Inbox answers LangChain's requests by one decision, with its own `args`, which LangChain's never have: it says
  // for itself which call it is, and is no list of what was shown.
  if (decisions.length === 1 && body !== undefined && own(body, "args") !== undefined)
    return { parts: [{ body, formats: ["agent_inbox_1", ...langchain] }], isList: false };
  return { parts: decisions.map((one) => ({ body: one, formats: langchain })), isList: true };
}

/** LangGraph's `input.respond`, and holdpoint's own. */
function unfoldResponses(value: JsonObject): Unfolded | undefined {
  if (Object.hasOwn(value, "responses")) {
    const responses = value["responses"];
    if (!Array.isArray(responses)) return { wrong: "responses has to be a list" };
    const parts = responses.map(responsePart);
    if (parts.some((part) => part === null))
      return { wrong: "each response has to be { interrupt_id, response }" };
    return parts.length === 0 ? NOTHING : { parts: parts as Part[], isList: false };
  }
  const part = responsePart(value);
  return part ? { parts: [part], isList: false } : undefined;
}

function responsePart(value: JsonValue): Part | null {
  const response = own(value, "response");
  if (response === undefined) return null;
  const interrupt = own(value, "interrupt_id");
  if (typeof interrupt === "string") return { to: interrupt, body: response, formats: ["langgraph_1"] };
  const hitl = own(value, "hitl_id");
  return typeof hitl === "string" ? { to: hitl, body: response, formats: ["holdpoint_1"] } : null;
}

function unfoldApproval(value: JsonObject): Unfolded | undefined {
  const part = approvalPart(value);
  return part ? { parts: [part], isList: false } : undefined;
}

/** AI SDK: a chunk or part of a model message, the arguments of `addToolApprovalResponse`, or a part of a UI message. */
function approvalPart(value: JsonObject): Part | null {
  const formats: Part["formats"] = ["ai_sdk_7"];
  const approval = own(value, "approval");
  const inner = isObject(approval) && own(value, "state") === "approval-responded" ? approval : value;
  const id = own(inner, "approvalId") ?? own(inner, "id");
  const approved = own(inner, "approved");
  if (typeof id !== "string" || approved === undefined) return null;
  const reason = own(inner, "reason");
  return { to: id, body: { approved, ...(reason === undefined ? {} : { reason }) }, formats };
}

function unfoldInputs(value: JsonObject): Unfolded | undefined {
  if (!Object.hasOwn(value, "inputResponses")) return undefined;
  const responses = value["inputResponses"];
  if (!isObject(responses)) return { wrong: "inputResponses has to be { [id]: { action, content } }" };
  return addressed(Object.entries(responses), ["mcp_2"]);
}
