/** One decision of a human, in whatever words it came, in words of our own. Nothing here knows the question. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { isObject, own } from "./ask.ts";
import { readJson } from "./coerce.ts";
import type { InteropFormat } from "./formats.ts";

export type Decision =
  /** `name`, `args`: of the call, as its sender saw it; an update of the arguments makes it an edit. */
  | { readonly kind: "approve"; readonly name?: string; readonly args?: JsonObject }
  /** `approves`: it is said beside the arguments that the call may run. */
  | {
      readonly kind: "edit";
      readonly name?: string;
      readonly args: JsonObject;
      readonly approves?: boolean;
    }
  | { readonly kind: "reject"; readonly message?: string }
  | { readonly kind: "respond"; readonly message: string }
  | { readonly kind: "ignore" }
  /** A form that was filled in; empty for a plain yes. */
  | { readonly kind: "submit"; readonly content: JsonObject }
  | { readonly kind: "decline" }
  | { readonly kind: "cancel" }
  /** Nothing says what it is: the value is the answer, or it is none. */
  | { readonly kind: "value"; readonly value: JsonValue };

export type Reading =
  | {
      readonly decision: Decision;
      /** The formats that say it in this way; empty for a mere value. */
      readonly formats: readonly InteropFormat[];
      /** The field that says that it is a decision. A question whose own answers have such a field means that one. */
      readonly mark: string | null;
    }
  | { readonly wrong: string };

/** A reading that is none of something malformed. */
export type Told = Exclude<Reading, { readonly wrong: string }>;

const LANGCHAIN: readonly InteropFormat[] = ["langchain_js_1", "langchain_python_1"];
const REVIEWS: readonly InteropFormat[] = [...LANGCHAIN, "librechat_3"];

const reading = (decision: Decision, formats: readonly InteropFormat[], mark: string): Reading => ({
  decision,
  formats,
  mark,
});

export function readDecision(value: JsonValue): Reading {
  // Agent Inbox answers by a list of one.
  if (Array.isArray(value) && value.length === 1 && isObject(value[0]) && isMarked(value[0]))
    return readDecision(value[0]);
  if (isObject(value)) {
    const type = own(value, "type");
    if (typeof type === "string") {
      const typed = readTyped(type, value);
      if (typed) return typed;
    }
    const read = readApproved(value) ?? readBehavior(value) ?? readElicited(value);
    if (read) return read;
  }
  return { decision: { kind: "value", value }, formats: [], mark: null };
}

export function isMarked(value: JsonValue): boolean {
  const read = readDecision(value);
  return "wrong" in read || read.mark !== null;
}

function readTyped(type: string, value: JsonObject): Reading | null {
  switch (type) {
    case "approve":
      return reading({ kind: "approve" }, REVIEWS, "type");
    case "accept": {
      const args = own(value, "args");
      if (args === undefined || args === null) return reading({ kind: "approve" }, ["agent_inbox_1"], "type");
      const call = callOf(args, "action");
      return call
        ? reading({ kind: "approve", ...call }, ["agent_inbox_1"], "type")
        : { wrong: "the args of accept have to be null or { action, args }" };
    }
    case "edit":
      return readEdit(value);
    case "reject": {
      const message = textOf(value, "message", "reason");
      return message === null
        ? { wrong: "the message of a rejection has to be text" }
        : reading({ kind: "reject", ...message }, REVIEWS, "type");
    }
    case "respond": {
      const text = textOf(value, "message", "responseText");
      return text?.message === undefined
        ? { wrong: "respond needs a message" }
        : reading({ kind: "respond", message: text.message }, REVIEWS, "type");
    }
    case "response": {
      const text = own(value, "args");
      return typeof text === "string"
        ? reading({ kind: "respond", message: text }, ["agent_inbox_1"], "type")
        : { wrong: "the args of response have to be text" };
    }
    case "ignore":
      return reading({ kind: "ignore" }, ["agent_inbox_1"], "type");
    default:
      return null;
  }
}

function readEdit(value: JsonObject): Reading {
  const wrong = "an edit needs the tool and its arguments: { name, args }";
  const forms = ["editedAction", "edited_action", "updatedInput", "args"].filter((name) =>
    Object.hasOwn(value, name),
  );
  const [form] = forms;
  if (forms.length !== 1 || form === undefined) return { wrong };
  const given = own(value, form) as JsonValue;
  if (form === "updatedInput")
    return isObject(given) ? reading({ kind: "edit", args: given }, ["librechat_3"], "type") : { wrong };
  const call = callOf(given, form === "args" ? "action" : "name");
  const format =
    form === "args" ? "agent_inbox_1" : form === "editedAction" ? "langchain_js_1" : "langchain_python_1";
  return call ? reading({ kind: "edit", ...call }, [format], "type") : { wrong };
}

/** A user interface that edits text sends the arguments as one. */
function callOf(given: JsonValue, named: "action" | "name"): { name: string; args: JsonObject } | null {
  const [name, sent] = [own(given, named), own(given, "args")];
  const args = typeof sent === "string" ? readJson(sent) : sent;
  return typeof name === "string" && isObject(args) ? { name, args } : null;
}

/** Null if it is no text; without `message` if there is none. */
function textOf(value: JsonObject, ...names: readonly string[]): { message?: string } | null {
  const given = names.map((name) => own(value, name)).find((text) => text !== undefined && text !== null);
  if (given === undefined) return {};
  return typeof given === "string" ? { message: given } : null;
}

/** AI SDK: `{ approved, reason? }`; AG-UI with `approveWithEdits`: `editedArgs` beside it, or alone. */
function readApproved(value: JsonObject): Reading | null {
  const approved = own(value, "approved");
  const edited = own(value, "editedArgs") ?? own(value, "edited_args");
  const isEdit = edited !== undefined && edited !== null;
  if (approved === undefined && !Object.hasOwn(value, "editedArgs")) return null;
  if (approved !== undefined && typeof approved !== "boolean")
    return { wrong: "approved has to be true or false" };
  const message = textOf(value, "reason", "message");
  if (message === null) return { wrong: "the reason has to be text" };
  const formats: readonly InteropFormat[] = isEdit ? ["ag_ui_1"] : ["ai_sdk_7", "ag_ui_1"];
  const mark = approved === undefined ? "editedArgs" : "approved";
  if (approved === false) return reading({ kind: "reject", ...message }, formats, mark);
  if (!isEdit) return approved ? reading({ kind: "approve" }, formats, mark) : null;
  return isObject(edited)
    ? reading({ kind: "edit", args: edited, approves: approved === true }, formats, mark)
    : { wrong: "editedArgs has to be an object" };
}

function readBehavior(value: JsonObject): Reading | null {
  const behavior = own(value, "behavior");
  if (behavior !== "allow" && behavior !== "deny") return null;
  const formats: readonly InteropFormat[] = ["claude_agent_0"];
  if (behavior === "deny") {
    const message = textOf(value, "message");
    return message === null
      ? { wrong: "the message has to be text" }
      : reading({ kind: "reject", ...message }, formats, "behavior");
  }
  const updated = own(value, "updatedInput");
  if (updated === undefined || updated === null) return reading({ kind: "approve" }, formats, "behavior");
  return isObject(updated)
    ? reading({ kind: "edit", args: updated, approves: true }, formats, "behavior")
    : { wrong: "updatedInput has to be an object" };
}

/** MCP: `{ action, content? }`. */
function readElicited(value: JsonObject): Reading | null {
  const formats: readonly InteropFormat[] = ["mcp_1", "mcp_2"];
  switch (own(value, "action")) {
    case "accept": {
      const content = own(value, "content") ?? {};
      return isObject(content)
        ? reading({ kind: "submit", content }, formats, "action")
        : { wrong: "content has to be an object" };
    }
    case "decline":
      return reading({ kind: "decline" }, formats, "action");
    case "cancel":
      return reading({ kind: "cancel" }, formats, "action");
    default:
      return null;
  }
}
