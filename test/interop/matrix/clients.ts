/** What each client sends, made of what it is shown: one question, or several together. */
import type { HITLRecord } from "../../../src/index.ts";
import type { JsonObject } from "../../../src/core/json.ts";
import {
  toAgUi1,
  toAiSdk7,
  toLangchainJs1,
  toLangchainPython1,
  toMcp1,
  toMcp2,
} from "../../../src/interop/index.ts";
import { AGENT_INBOXES } from "./agent-inbox.ts";
import { type Client, ownWords, type Part, type Saying, says, type Says } from "./client.ts";
import { type Action, CANCELLED, OF, type Question } from "./questions.ts";

const ONE_BY_ONE = "one message answers one question";
const NO_CANCEL = "it cannot cancel a question";
const NO_SKIP = "it has no word for passing a question over";

function reviewed(
  name: string,
  format: "langchain_js_1" | "langchain_python_1",
  rest: Pick<Client, "addresses" | "several">,
): Client {
  const editField = format === "langchain_js_1" ? "editedAction" : "edited_action";
  return {
    name,
    format,
    ...rest,
    says(action, question, ask) {
      const request =
        format === "langchain_js_1"
          ? toLangchainJs1([ask]).actionRequests[0]
          : toLangchainPython1([ask]).action_requests[0];
      switch (action) {
        case "approve":
          return says({ decisions: [{ type: "approve" }] });
        case "edit": {
          const action = { name: request?.name ?? "", args: OF[question].edited };
          return says({ decisions: [{ type: "edit", [editField]: action }] });
        }
        case "reject":
          return says({ decisions: [{ type: "reject", message: "no" }] });
        case "respond":
          return says({ decisions: [{ type: "respond", message: OF[question].text }] });
        case "skip":
          return { cannot: NO_SKIP, nearest: { decisions: [{ type: "skip" }] } };
        case "cancel":
          return { cannot: "its “mark as resolved” ends the thread without an answer" };
      }
    },
  };
}

type Decisions = { readonly decisions: readonly [unknown] };

const byPlace: Pick<Client, "addresses" | "several"> = {
  addresses: "the place in the list of all that one interrupt shows",
  several(parts, shown) {
    const decisions = parts.map(({ value }) => (value as Decisions).decisions[0]);
    if (parts.length === shown.length) return says({ decisions });
    return { cannot: "a list has one decision for each question that is shown", nearest: { decisions } };
  },
};

const idOf = ({ interrupt_id }: HITLRecord): string => interrupt_id as string;
const byInterrupt = (parts: readonly Part[]): Record<string, unknown> =>
  Object.fromEntries(parts.map(({ ask, value }) => [idOf(ask), value]));

const langGraph: Client = {
  name: "LangGraph's protocol",
  format: "langgraph_1",
  addresses: "interrupt id",
  says(action, question, ask) {
    if (action === "cancel") return { cannot: NO_CANCEL };
    const own = ownWords(action, question);
    const id = idOf(ask);
    return own
      ? says(
          { [id]: own.values[0] },
          { interrupt_id: id, response: own.values[0] },
          { responses: [{ namespace: [], interrupt_id: id, response: own.values[0] }] },
        )
      : null;
  },
  several(parts) {
    const responses = parts.map(({ ask, value }) => [idOf(ask), (value as JsonObject)[idOf(ask)]] as const);
    return says(Object.fromEntries(responses), {
      responses: responses.map(([interrupt_id, response]) => ({ namespace: [], interrupt_id, response })),
    });
  },
};

interface AgUiEntry {
  readonly interruptId: string;
  readonly status: "resolved" | "cancelled";
  readonly payload?: unknown;
}

const agUi: Client = {
  name: "AG-UI",
  format: "ag_ui_1",
  addresses: "interrupt id",
  says(action, question, ask) {
    const id = toAgUi1([ask]).interrupts[0]?.id as string;
    const entry = (payload: unknown): AgUiEntry => ({ interruptId: id, status: "resolved", payload });
    const all = (one: AgUiEntry): Says => says([one], { resume: [one] });
    switch (action) {
      case "approve":
        return all(entry({ approved: true }));
      case "edit":
        return all(entry({ approved: true, editedArgs: OF[question].edited }));
      case "reject":
        return all(entry({ approved: false, reason: "no" }));
      case "cancel":
        return all({ interruptId: id, status: "cancelled" });
      default: {
        const own = ownWords(action, question);
        return own ? all(entry(own.values[0])) : null;
      }
    }
  },
  several: (parts) => says(parts.flatMap(({ value }) => value as AgUiEntry[])),
};

/** What that package makes of the entries: of a single one its payload alone, of several a map. */
const agUiLangGraph: Client = {
  name: "AG-UI by @ag-ui/langgraph",
  format: "ag_ui_1",
  graphOnly: true,
  addresses: "interrupt id; a single answer by the `hitl_id` that its `responseSchema` asks for",
  says(action, question, ask) {
    const { hitl_id, interrupt_id } = ask;
    if (action === "cancel") return says({ __agui_cancelled__: true, interrupt_id });
    const own = ownWords(action, question);
    if (own) return says({ hitl_id, response: own.values[0] });
    const said = agUi.says(action, question, ask);
    if (said === null || "cannot" in said) return said;
    return says((said.values[0] as [AgUiEntry])[0].payload);
  },
  several(parts) {
    const [first, ...others] = parts;
    if (others.length === 0) return says(first?.value);
    const entries = parts.map(({ ask, value }) => {
      const isCancelled = Object.hasOwn(value as object, "__agui_cancelled__");
      const entry = isCancelled
        ? { status: "cancelled", payload: null }
        : { status: "resolved", payload: value };
      return [idOf(ask), entry] as const;
    });
    return says({ __agui_resume_map__: Object.fromEntries(entries) });
  },
};

const aiSdk: Client = {
  name: "AI SDK 7",
  format: "ai_sdk_7",
  addresses: "`approvalId`, which is the `hitl_id`",
  says(action, _question, ask) {
    const [request] = toAiSdk7([ask]);
    const approvalId = request?.approvalId ?? ask.hitl_id;
    const type = "tool-approval-response";
    const answer = (approved: boolean, more: object = {}): Says =>
      says(
        { type, approvalId, approved, ...more },
        [{ type, approvalId, approved, ...more }],
        { id: approvalId, approved, ...more },
        { state: "approval-responded", toolCallId: "x", approval: { id: approvalId, approved, ...more } },
      );
    if (!request)
      return action === "approve"
        ? { cannot: "it is not shown what is no approval", nearest: answer(true).values[0] }
        : null;
    switch (action) {
      case "approve":
        return answer(true);
      case "reject":
        return answer(false, { reason: "no" });
      case "edit":
        return { cannot: "its answers have no place for other arguments" };
      case "cancel":
        return { cannot: NO_CANCEL };
      case "skip":
        return { cannot: NO_SKIP };
      case "respond":
        return {
          cannot: "its answers have no place for text, beside the reason of a rejection",
          nearest: { type, approvalId, reason: "later" },
        };
    }
  },
  several: (parts) => says(parts.map(({ value }) => value)),
};

/** The result of an elicitation. */
function elicited(action: Action, question: Question, ask: HITLRecord): Saying | null {
  const { mode } = toMcp1(ask);
  const accept = (content: unknown): unknown => ({ action: "accept", content });
  if (action === "cancel") {
    const isDeclined = OF[question].answers.reject === undefined;
    return {
      ...says({ action: "cancel" }, ...(isDeclined ? [{ action: "decline" }] : [])),
      answer: CANCELLED,
    };
  }
  if (action === "edit")
    return {
      cannot: "its forms are flat, and have no place for other arguments",
      nearest: accept({ decision: "edit" }),
    };
  if (mode === "url") {
    if (action === "reject") return { ...says({ action: "decline" }), answer: { status: "denied" } };
    if (action === "respond")
      return {
        cannot: "that a page was opened is no answer: it comes from there, by the `callback_id`",
        nearest: { action: "accept" },
      };
    return null;
  }
  const own = ownWords(action, question);
  return own ? says(...own.values.map(accept)) : null;
}

const mcp1: Client = {
  name: "MCP elicitation, 2025-11-25",
  format: "mcp_1",
  addresses: "the elicitation that it is the result of",
  says: elicited,
  several: ([part, ...others]) =>
    others.length > 0
      ? { cannot: ONE_BY_ONE }
      : {
          cannot: "the result does not say of what: `fromMcp1` and `respondFrom` take the question beside it",
          nearest: part?.value,
        },
};

const mcp2: Client = {
  name: "MCP tool results of several rounds, 2026-07-28",
  format: "mcp_2",
  addresses: "`hitl_id`, the name of the request",
  says(action, question, ask) {
    const [id] = Object.keys(toMcp2([ask]).inputRequests);
    const named = (value: unknown): unknown => ({ inputResponses: { [id as string]: value } });
    const said = elicited(action, question, ask);
    if (said === null) return null;
    if ("cannot" in said)
      return said.nearest === undefined ? said : { ...said, nearest: named(said.nearest) };
    return { ...said, values: said.values.map(named) };
  },
  several(parts) {
    const all = parts.map(({ value }) => (value as { inputResponses: object }).inputResponses);
    return says({ inputResponses: Object.assign({}, ...all) as object });
  },
};

const libreChat: Client = {
  name: "LibreChat",
  format: "librechat_3",
  addresses: "tool call id",
  says(action, question, ask) {
    const named = (value: unknown): Says => says({ [ask.tool_call_id as string]: value });
    switch (action) {
      case "approve":
        return named({ type: "approve" });
      case "edit":
        return named({ type: "edit", updatedInput: OF[question].edited });
      case "reject":
        return named({ type: "reject", reason: "no" });
      case "respond":
        return ask.hitl_type === "ask_user"
          ? named({ answer: OF[question].text })
          : named({ type: "respond", responseText: OF[question].text });
      case "skip":
        return { cannot: NO_SKIP, nearest: named({ type: "skip" }).values[0] };
      case "cancel":
        return { cannot: NO_CANCEL };
    }
  },
  several: (parts) => says(Object.assign({}, ...parts.map(({ value }) => value)) as object),
};

const claudeAgent: Client = {
  name: "Claude Agent SDK",
  format: "claude_agent_0",
  addresses: "the call of `canUseTool` that it is the result of",
  says(action, question) {
    const { request, edited } = OF[question];
    const { args, values } = request.data as { args?: unknown; values?: unknown };
    const updatedInput = args ?? values ?? request.params;
    switch (action) {
      case "approve":
        return updatedInput === undefined
          ? says({ behavior: "allow" })
          : says({ behavior: "allow" }, { behavior: "allow", updatedInput });
      case "edit":
        return says({ behavior: "allow", updatedInput: edited });
      case "reject":
        return says({ behavior: "deny", message: "no" });
      case "respond":
        return { cannot: "it allows or denies: a text is the reason of a denial" };
      case "skip":
        return { cannot: NO_SKIP };
      case "cancel":
        return { cannot: NO_CANCEL };
    }
  },
  several: ([part, ...others]) =>
    others.length > 0
      ? { cannot: ONE_BY_ONE }
      : {
          cannot: "the result does not say of what: `respondFrom` takes the question beside it",
          nearest: part?.value,
        },
};

const plain: Client = {
  name: "holdpoint",
  format: "holdpoint_1",
  addresses: "`hitl_id`",
  says(action, question, { hitl_id }) {
    if (action === "cancel") return { cannot: "`cancel` of the backend or the client does it" };
    const own = ownWords(action, question);
    return own ? says({ hitl_id, response: own.values[0] }, { [hitl_id]: own.values[0] }) : null;
  },
  several(parts) {
    const all = parts.map(
      ({ ask, value }) => [ask.hitl_id, (value as { response: unknown }).response] as const,
    );
    return says(Object.fromEntries(all));
  },
};

export const CLIENTS: readonly Client[] = [
  ...AGENT_INBOXES,
  reviewed("agent-chat-ui, LangChain for Python", "langchain_python_1", byPlace),
  reviewed("LangChain for JavaScript", "langchain_js_1", byPlace),
  reviewed("deepagents", "langchain_js_1", {
    addresses: "interrupt id",
    several: (parts) => says(byInterrupt(parts)),
  }),
  langGraph,
  agUi,
  agUiLangGraph,
  aiSdk,
  mcp1,
  mcp2,
  libreChat,
  claudeAgent,
  plain,
];
