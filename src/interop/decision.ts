/** One decision of a human, in whatever words it came, in words of our own. Nothing here knows the question. */
import type { JsonObject, JsonValue } from "../core/json.ts";
import { isObject, isSame, own } from "./ask.ts";
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
      return readApproval(value, REVIEWS, "type");
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
      const text = own(value, "args");
      // Agent Inbox's own answer in LangChain's words.
      const message = typeof text === "string" ? { message: text } : textOf(value, "message", "reason");
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

/** Under which names the formats say other arguments than the shown ones. */
const CALLS: Readonly<Record<string, readonly InteropFormat[]>> = {
  editedAction: ["langchain_js_1"],
  edited_action: ["langchain_python_1"],
};
const INPUTS: Readonly<Record<string, readonly InteropFormat[]>> = {
  updatedInput: ["librechat_3"],
  editedArgs: ["ag_ui_1"],
  edited_args: ["ag_ui_1"],
};

interface Edited {
  readonly name?: string;
  readonly args: JsonObject;
  readonly formats: readonly InteropFormat[];
}

/** Null if the value has no other arguments. */
function readEdited(value: JsonObject): Edited | { readonly wrong: string } | null {
  const names = [...Object.keys(CALLS), ...Object.keys(INPUTS)].filter(
    (name) => (own(value, name) ?? null) !== null,
  );
  const [name, ...others] = names;
  if (name === undefined) return null;
  const wrong = `${name} has to be ${Object.hasOwn(CALLS, name) ? "{ name, args }" : "an object"}`;
  const given = own(value, name) as JsonValue;
  // LangChain's React hook says one call under both of LangChain's names.
  const isOne = others.every((other) => CALLS[other] && isSame(own(value, other) as JsonValue, given));
  if (!isOne) return { wrong: "it has edited arguments twice" };
  if (CALLS[name]) {
    const call = callOf(given, "name");
    return call ? { ...call, formats: names.flatMap((one) => CALLS[one] ?? []) } : { wrong };
  }
  const args = objectOf(given);
  return args ? { args, formats: INPUTS[name] ?? [] } : { wrong };
}

function readEdit(value: JsonObject): Reading {
  const edited = readEdited(value);
  const wrong = "an edit needs the tool and its arguments: { name, args }";
  if (edited !== null && Object.hasOwn(value, "args")) return { wrong };
  if (edited && "wrong" in edited) return edited;
  if (edited) {
    const { formats, ...call } = edited;
    return reading({ kind: "edit", ...call }, formats, "type");
  }
  const call = callOf(own(value, "args") ?? null, "action");
  return call ? reading({ kind: "edit", ...call }, ["agent_inbox_1"], "type") : { wrong };
}

/** A yes; P7: with other arguments it is an edit, and with arguments that repeat the shown ones it is a yes to these. */
function readApproval(value: JsonObject, formats: readonly InteropFormat[], mark: string): Reading {
  const edited = readEdited(value);
  if (edited && "wrong" in edited) return edited;
  if (edited) {
    const { formats: _, ...call } = edited;
    return reading({ kind: "edit", ...call, approves: true }, formats, mark);
  }
  const given = own(value, "args") ?? null;
  if (given === null) return reading({ kind: "approve" }, formats, mark);
  // Agent Inbox answers LangChain's requests with LangChain's words, and its own arguments.
  const call = isCall(given) ? callOf(given, "action") : null;
  if (call) return reading({ kind: "approve", ...call }, formats, mark);
  const args = objectOf(given);
  return args
    ? reading({ kind: "approve", args }, formats, mark)
    : { wrong: "the args of an approval have to be an object" };
}

/** `{ action, args }` and nothing else. */
function isCall(given: JsonValue): boolean {
  return isObject(given) && Object.keys(given).length === 2 && Object.hasOwn(given, "action");
}

/** A user interface that edits text sends the arguments as one. */
function callOf(given: JsonValue, named: "action" | "name"): { name: string; args: JsonObject } | null {
  const [name, sent] = [own(given, named), own(given, "args")];
  const args = objectOf(sent);
  return typeof name === "string" && args ? { name, args } : null;
}

function objectOf(given: JsonValue | undefined): JsonObject | null {
  const read = typeof given === "string" ? readJson(given) : given;
  return isObject(read) ? read : null;
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
  const edited = readEdited(value);
  if (approved === undefined) {
    if (!Object.hasOwn(value, "editedArgs") || edited === null) return null;
    return "wrong" in edited
      ? edited
      : reading({ kind: "edit", args: edited.args }, edited.formats, "editedArgs");
  }
  if (typeof approved !== "boolean") return { wrong: "approved has to be true or false" };
  const message = textOf(value, "reason", "message");
  if (message === null) return { wrong: "the reason has to be text" };
  const formats: readonly InteropFormat[] = edited ? ["ag_ui_1"] : ["ai_sdk_7", "ag_ui_1"];
  return approved
    ? readApproval(value, formats, "approved")
    : reading({ kind: "reject", ...message }, formats, "approved");
}

function readBehavior(value: JsonObject): Reading | null {
  const behavior = own(value, "behavior");
  if (behavior !== "allow" && behavior !== "deny") return null;
  const formats: readonly InteropFormat[] = ["claude_agent_0"];
  if (behavior === "allow") return readApproval(value, formats, "behavior");
  const message = textOf(value, "message");
  return message === null
    ? { wrong: "the message has to be text" }
    : reading({ kind: "reject", ...message }, formats, "behavior");
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
