/** Agent Inbox, as a thread shows it questions: in LangChain's words, or in its own. */
import { reviewDecisions } from "../../../src/interop/ask.ts";
import { toAgentInbox1, toLangchainPython1 } from "../../../src/interop/index.ts";
import type { HITLRecord } from "../../../src/index.ts";
import type { JsonObject, JsonValue } from "../../../src/core/json.ts";
import { asTexts } from "../kit.ts";
import { type Client, type Part, type Saying, says } from "./client.ts";
import { type Action, OF, type Question } from "./questions.ts";

const RESOLVES = "its “resolve” ends the thread without an answer";
const NO_FIELDS = "it edits arguments, and shows none of a question that is about no call";
const OTHERS = "an answer says which call it is only where arguments can be edited";

/** The shown arguments, or those that a human has made of them: as texts. */
function typed(action: Action, question: Question, shown: JsonObject): JsonObject {
  return asTexts(action === "edit" ? OF[question].edited : shown);
}

/** Of several it answers the first one that it is shown. */
function several([part, ...others]: readonly Part[]): Saying {
  if (others.length > 0) return { cannot: "one message answers one question" };
  const { value, ask } = part as Part;
  const list = (Array.isArray(value) ? value : (value as { decisions: unknown }).decisions) as [
    { readonly args: { readonly action?: JsonValue } | null },
  ];
  const action = list[0].args?.action;
  return typeof action === "string" && action !== ask.hitl_type
    ? says(value)
    : { cannot: OTHERS, nearest: value };
}

/** A request of its own form. */
const own: Client = {
  name: "Agent Inbox, requests of its own",
  format: "agent_inbox_1",
  addresses: "the call that an `accept` or `edit` names",
  several,
  says(action, question, ask) {
    const [shown] = toAgentInbox1([ask]);
    const { action: name, args } = shown?.action_request ?? { action: "", args: {} };
    const named = { action: name, args: typed(action, question, args) };
    switch (action) {
      case "approve":
        return shown?.config.allow_edit
          ? says([{ type: "accept", args: named }], [{ type: "accept", args: { action: name, args } }])
          : says([{ type: "accept", args: null }]);
      case "edit":
        return shown?.config.allow_edit && Object.keys(args).length === 0
          ? { cannot: NO_FIELDS }
          : says([{ type: "edit", args: named }]);
      case "respond":
        return says([{ type: "response", args: OF[question].text }]);
      case "skip":
        return { ...says([{ type: "ignore", args: null }]), answer: OF[question].ignored };
      case "reject":
        return { cannot: "it has no rejection: `ignore` rejects what cannot be skipped" };
      case "cancel":
        return { cannot: RESOLVES };
    }
  },
};

/** What it makes of LangChain's request: its text field is the rejection. */
function reviewed(action: Action, question: Question, ask: HITLRecord): Saying {
  const { action_requests, review_configs } = toLangchainPython1([ask]);
  const { name = "", args = {} } = action_requests[0] ?? {};
  const isEditable = review_configs[0]?.allowed_decisions.includes("edit");
  const one = (type: string, value: JsonValue) => ({ decisions: [{ type, args: value }] });
  const named = { action: name, args: typed(action, question, args) };
  switch (action) {
    case "approve":
      return isEditable
        ? says(one("approve", { action: name, args }), one("approve", named))
        : says(one("approve", null));
    case "edit":
      return isEditable && Object.keys(args).length === 0 ? { cannot: NO_FIELDS } : says(one("edit", named));
    case "reject":
      return says(one("reject", "no"));
    case "respond":
      return { cannot: "its text is a rejection where one is allowed" };
    case "skip":
      return { cannot: "it shows “ignore” at requests of its own only" };
    case "cancel":
      return { cannot: RESOLVES };
  }
}

/** What threads of `createLangGraphServer` show: LangChain's request, and its own where that has no button that answers. */
const served: Client = {
  name: "Agent Inbox",
  format: "agent_inbox_1",
  addresses: "the call that an approval or an edit names",
  several,
  says(action, question, ask) {
    const isText = reviewDecisions(ask).every((name) => name === "respond");
    return isText ? own.says(action, question, ask) : reviewed(action, question, ask);
  },
};

export const AGENT_INBOXES: readonly Client[] = [served, own];
