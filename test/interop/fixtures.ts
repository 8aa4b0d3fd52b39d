/** What each user interface sends to one question, and what that is as the question's own answer. */
import type { ResumeEntry, RunAgentInput } from "@ag-ui/core";
import type { HumanResponse } from "@langchain/langgraph/prebuilt";
import type { ElicitResult } from "@modelcontextprotocol/sdk/types.js";
import type { InputResponses } from "@modelcontextprotocol/server";
import type { ChatAddToolApproveResponseFunction, ToolApprovalResponse, ToolUIPart } from "ai";
import type { HITLResponse } from "langchain";
import { asTexts, type AskName, payArgs, recorded } from "./kit.ts";

/** As the packages type it that send it; what stands without one of these is typed by none. */
const typed =
  <Sent>() =>
  (sent: Sent): Sent =>
    sent;
const inbox = typed<HumanResponse | HumanResponse[]>();
const reviewed = typed<HITLResponse>();
const entries = typed<ResumeEntry[]>();
const input = typed<Pick<RunAgentInput, "resume">>();
const approval = typed<ToolApprovalResponse>();
const added = typed<Parameters<ChatAddToolApproveResponseFunction>[0]>();
const part = typed<ToolUIPart>();
const elicited = typed<ElicitResult>();
const again = typed<{ inputResponses: InputResponses }>();

const known = await recorded();
export const { asks, list } = known;
export const idOf = (name: AskName): string => asks[name].interrupt_id as string;
/** In the place of an answer. */
export const CANCELLED: unique symbol = Symbol("cancelled");

export const approve = { type: "approve" } as const;
export const once = { decision: "approve_once" };
export const other = { ...payArgs, amount: 50 };

export type Fixture = readonly [string, AskName, unknown, unknown];

export const FIXTURES: readonly Fixture[] = [
  [
    "agent_inbox_1",
    "pay",
    inbox([{ type: "accept", args: { action: "pay", args: asTexts(payArgs) } }]),
    once,
  ],
  ["agent_inbox_1", "pay", inbox([{ type: "accept", args: null }]), once],
  ["agent_inbox_1", "pay", inbox({ type: "accept", args: null }), once],
  [
    "agent_inbox_1",
    "pay",
    inbox([{ type: "edit", args: { action: "pay", args: asTexts(other) } }]),
    { decision: "edit", edited_args: other },
  ],
  ["agent_inbox_1", "pay", inbox([{ type: "edit", args: { action: "pay", args: asTexts(payArgs) } }]), once],
  [
    "agent_inbox_1",
    "pay",
    inbox([{ type: "response", args: "later" }]),
    { decision: "respond", message: "later" },
  ],
  ["agent_inbox_1", "pay", inbox([{ type: "ignore", args: null }]), { decision: "skip" }],
  ["agent_inbox_1", "mail", inbox([{ type: "ignore", args: null }]), { decision: "reject" }],
  [
    "agent_inbox_1",
    "go",
    inbox([{ type: "accept", args: { action: "deploy", args: { version: "3" } } }]),
    { confirmed: true },
  ],
  ["agent_inbox_1", "go", inbox([{ type: "ignore", args: null }]), { confirmed: false }],
  ["agent_inbox_1", "room", inbox([{ type: "response", args: "Kepler" }]), { answer: "k" }],
  ["agent_inbox_1", "room", inbox([{ type: "response", args: "Curie" }]), { answer: "Curie" }],
  ["agent_inbox_1", "name", inbox([{ type: "response", args: "42" }]), { answer: "42" }],
  ["agent_inbox_1", "toppings", inbox([{ type: "response", args: "ham" }]), { answer: ["ham"] }],
  [
    "agent_inbox_1",
    "toppings",
    inbox([{ type: "response", args: '["ham","olives"]' }]),
    { answer: ["ham", "olives"] },
  ],
  [
    "agent_inbox_1",
    "survey",
    inbox([{ type: "response", args: '{"size":"Small","why":"so"}' }]),
    { answers: { size: "s", why: "so" } },
  ],
  [
    "agent_inbox_1",
    "trip",
    inbox([{ type: "response", args: '{"city":"Oslo","guests":"2"}' }]),
    { city: "Oslo", guests: 2 },
  ],
  ["agent_inbox_1", "login", inbox([{ type: "response", args: "granted" }]), { status: "granted" }],
  ["agent_inbox_1", "login", inbox([{ type: "ignore", args: null }]), { status: "denied" }],
  ["agent_inbox_1", "doubt", inbox([{ type: "response", args: "run_again" }]), { decision: "run_again" }],
  ["agent_inbox_1", "doubt", inbox([{ type: "ignore", args: null }]), { decision: "give_up" }],
  ["agent_inbox_1", "free", inbox([{ type: "response", args: '{"a":1}' }]), '{"a":1}'],
  // Agent Inbox, to a request that it takes for LangChain's.
  ["agent_inbox_1", "pay", { decisions: [{ type: "approve", args: null }] }, once],
  [
    "agent_inbox_1",
    "pay",
    { decisions: [{ type: "edit", args: { action: "pay", args: asTexts(other) } }] },
    { decision: "edit", edited_args: other },
  ],
  ["agent_inbox_1", "pay", { decisions: [{ type: "edit", args: { action: "pay", args: payArgs } }] }, once],
  [
    "agent_inbox_1",
    "pay",
    { decisions: [{ type: "reject", args: "no" }] },
    { decision: "reject", message: "no" },
  ],
  ["agent_inbox_1", "go", { decisions: [{ type: "approve", args: null }] }, { confirmed: true }],
  ["agent_inbox_1", "mail", { decisions: [{ type: "ignore", args: null }] }, { decision: "reject" }],
  ["langchain_js_1", "pay", reviewed({ decisions: [approve] }), once],
  [
    "langchain_js_1",
    "pay",
    reviewed({ decisions: [{ type: "edit", editedAction: { name: "pay", args: other } }] }),
    { decision: "edit", edited_args: other },
  ],
  [
    "langchain_js_1",
    "pay",
    reviewed({ decisions: [{ type: "reject", message: "no" }] }),
    { decision: "reject", message: "no" },
  ],
  [
    "langchain_js_1",
    "pay",
    { decisions: [{ type: "respond", message: "hm" }] },
    { decision: "respond", message: "hm" },
  ],
  [
    "langchain_js_1",
    "go",
    reviewed({ decisions: [{ type: "reject", message: "no" }] }),
    { confirmed: false, comment: "no" },
  ],
  ["langchain_js_1", "review", reviewed({ decisions: [approve] }), { decision: "approve" }],
  [
    "langchain_js_1",
    "review",
    reviewed({
      decisions: [{ type: "edit", editedAction: { name: "workflow_human", args: { draft: "Ho" } } }],
    }),
    { decision: "edit", values: { draft: "Ho" } },
  ],
  [
    "langchain_js_1",
    "review",
    reviewed({ decisions: [{ type: "reject", message: "no" }] }),
    { decision: "reject", comment: "no" },
  ],
  ["langchain_js_1", "name", { decisions: [{ type: "respond", message: "Ann" }] }, { answer: "Ann" }],
  [
    "langchain_python_1",
    "pay",
    { decisions: [{ type: "edit", edited_action: { name: "pay", args: other } }] },
    { decision: "edit", edited_args: other },
  ],
  ["langchain_js_1", "go", { [idOf("go")]: reviewed({ decisions: [approve] }) }, { confirmed: true }],
  ["langgraph_1", "go", { [idOf("go")]: { confirmed: false } }, { confirmed: false }],
  ["langgraph_1", "go", { [idOf("go")]: true }, { confirmed: true }],
  ["langgraph_1", "go", { interrupt_id: idOf("go"), response: false }, { confirmed: false }],
  [
    "langgraph_1",
    "name",
    { responses: [{ interrupt_id: idOf("name"), namespace: [], response: "Ann" }] },
    { answer: "Ann" },
  ],
  ["agent_inbox_1", "pay", { [idOf("pay")]: inbox([{ type: "accept", args: null }]) }, once],
  [
    "ag_ui_1",
    "go",
    entries([{ interruptId: idOf("go"), status: "resolved", payload: { confirmed: true } }]),
    { confirmed: true },
  ],
  [
    "ag_ui_1",
    "go",
    input({ resume: [{ interruptId: idOf("go"), status: "resolved", payload: true }] }),
    { confirmed: true },
  ],
  [
    "ag_ui_1",
    "pay",
    { __agui_resume_map__: { [idOf("pay")]: { status: "resolved", payload: "approve_once" } } },
    once,
  ],
  [
    "ag_ui_1",
    "pay",
    {
      __agui_resume_map__: {
        [idOf("pay")]: { status: "resolved", payload: { approved: true, editedArgs: other } },
      },
    },
    { decision: "edit", edited_args: other },
  ],
  ["ag_ui_1", "pay", { __agui_resume_map__: { [idOf("pay")]: { status: "cancelled" } } }, CANCELLED],
  ["ag_ui_1", "pay", { __agui_cancelled__: true, interrupt_id: idOf("pay") }, CANCELLED],
  ["ag_ui_1", "pay", { __agui_cancelled__: true }, CANCELLED],
  [
    "ai_sdk_7",
    "pay",
    approval({ type: "tool-approval-response", approvalId: asks.pay.hitl_id, approved: true }),
    once,
  ],
  [
    "ai_sdk_7",
    "pay",
    [
      approval({
        type: "tool-approval-response",
        approvalId: asks.pay.hitl_id,
        approved: false,
        reason: "no",
      }),
    ],
    { decision: "reject", message: "no" },
  ],
  ["ai_sdk_7", "go", added({ id: asks.go.hitl_id, approved: true }), { confirmed: true }],
  [
    "ai_sdk_7",
    "go",
    part({
      type: "tool-deploy",
      toolCallId: "call_go",
      state: "approval-responded",
      input: { version: 3 },
      approval: { id: asks.go.hitl_id, approved: false, reason: "no" },
    }),
    { confirmed: false, comment: "no" },
  ],
  ["ai_sdk_7", "pay", { approved: true }, once],
  [
    "mcp_1",
    "pay",
    elicited({ action: "accept", content: { decision: "respond", message: "hm" } }),
    { decision: "respond", message: "hm" },
  ],
  ["mcp_1", "pay", elicited({ action: "accept", content: { decision: "approve_once", message: "" } }), once],
  ["mcp_1", "pay", elicited({ action: "accept" }), once],
  ["mcp_1", "pay", elicited({ action: "decline" }), { decision: "reject" }],
  ["mcp_1", "pay", elicited({ action: "cancel" }), CANCELLED],
  ["mcp_1", "go", elicited({ action: "accept", content: { confirmed: false } }), { confirmed: false }],
  ["mcp_1", "room", elicited({ action: "accept", content: { answer: "k" } }), { answer: "k" }],
  ["mcp_1", "name", elicited({ action: "decline" }), CANCELLED],
  [
    "mcp_1",
    "survey",
    elicited({ action: "accept", content: { size: "s", why: "so" } }),
    { answers: { size: "s", why: "so" } },
  ],
  [
    "mcp_1",
    "trip",
    elicited({ action: "accept", content: { city: "Oslo", guests: 2 } }),
    { city: "Oslo", guests: 2 },
  ],
  [
    "mcp_1",
    "nested",
    elicited({ action: "accept", content: { response_json: '{"address":{"zip":"1"}}' } }),
    { address: { zip: "1" } },
  ],
  [
    "mcp_2",
    "go",
    again({ inputResponses: { [asks.go.hitl_id]: { action: "accept", content: { confirmed: true } } } }),
    { confirmed: true },
  ],
  ["librechat_3", "pay", { call_pay: { type: "approve" } }, once],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "reject", reason: "no" } },
    { decision: "reject", message: "no" },
  ],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "edit", updatedInput: other } },
    { decision: "edit", edited_args: other },
  ],
  [
    "librechat_3",
    "pay",
    { call_pay: { type: "respond", responseText: "hm" } },
    { decision: "respond", message: "hm" },
  ],
  ["librechat_3", "room", { call_room: { answer: "Kepler" } }, { answer: "k" }],
  ["claude_agent_0", "pay", { behavior: "allow" }, once],
  [
    "claude_agent_0",
    "pay",
    { behavior: "allow", updatedInput: other },
    { decision: "edit", edited_args: other },
  ],
  ["claude_agent_0", "pay", { behavior: "deny", message: "no" }, { decision: "reject", message: "no" }],
  ["holdpoint_1", "go", { hitl_id: asks.go.hitl_id, response: { confirmed: true } }, { confirmed: true }],
];
