/** What Agent Inbox shows of each type of question, and what each of its controls comes to. */
import { asTexts, payArgs } from "../interop/kit.ts";
import { OF, type Question } from "../interop/matrix/questions.ts";
import type { Control, Item, Typed } from "./agent-inbox.kit.ts";

export interface Case {
  readonly name: string;
  readonly call: string;
  readonly shows: Pick<Item, "action" | "isLangChain" | "controls"> & { readonly args?: object };
  /** What each control comes to, and what a human has typed before. */
  readonly does: readonly (readonly [Control, unknown, Typed?])[];
}

export const callOf = (question: Question): string => OF[question].call.name;
const respondOnly = (action: string, more: readonly Control[] = []) =>
  ({ action, isLangChain: false, args: {}, controls: ["response", ...more] }) as const;
export const edited = { ...payArgs, amount: 50 };

export const CASES: readonly Case[] = [
  {
    name: "permission",
    call: callOf("permission"),
    shows: { action: "pay", args: payArgs, isLangChain: true, controls: ["accept", "edit", "response"] },
    does: [
      ["accept", { decision: "approve_once" }],
      // Touched, and put back as it was: texts.
      ["accept", { decision: "approve_once" }, { fields: asTexts(payArgs) }],
      ["edit", { decision: "edit", edited_args: edited }, { fields: { amount: "50" } }],
      ["edit", { decision: "edit", edited_args: edited }, { fields: asTexts(edited) }],
      ["response", { decision: "reject", message: "Not him." }, { text: "Not him." }],
      ["ignore", { decision: "skip" }],
    ],
  },
  {
    name: "permission without edits",
    call: callOf("permission, no edits"),
    shows: { action: "mail", args: { to: "bob" }, isLangChain: true, controls: ["accept", "response"] },
    does: [
      ["accept", { decision: "approve_once" }],
      ["response", { decision: "reject", message: "Not him." }, { text: "Not him." }],
      ["ignore", { decision: "reject" }],
    ],
  },
  {
    name: "confirm",
    call: callOf("confirm"),
    shows: { action: "deploy", args: { version: 3 }, isLangChain: true, controls: ["accept", "response"] },
    does: [
      ["accept", { confirmed: true }],
      ["response", { confirmed: false, comment: "On Monday." }, { text: "On Monday." }],
      ["ignore", { confirmed: false }],
    ],
  },
  {
    name: "workflow_human",
    call: callOf("workflow_human"),
    shows: { action: "workflow_human", args: {}, isLangChain: true, controls: ["accept", "response"] },
    does: [
      ["accept", { decision: "approve" }],
      ["response", { decision: "reject", comment: "Too long." }, { text: "Too long." }],
      ["ignore", { decision: "reject" }],
    ],
  },
  {
    name: "ask_user, plain",
    call: "ask_name",
    shows: respondOnly("ask_user"),
    does: [
      ["response", { answer: "Ann" }, { text: "Ann" }],
      ["response", { answer: "42" }, { text: "42" }],
    ],
  },
  {
    name: "ask_user, options",
    call: callOf("ask_user"),
    shows: respondOnly("ask_user"),
    does: [
      ["response", { answer: "k" }, { text: "Kepler" }],
      ["response", { answer: "Curie" }, { text: "Curie" }],
    ],
  },
  {
    name: "ask_user, several options",
    call: "ask_toppings",
    shows: respondOnly("ask_user"),
    does: [
      ["response", { answer: ["ham"] }, { text: "ham" }],
      ["response", { answer: ["ham", "olives"] }, { text: '["ham","olives"]' }],
    ],
  },
  {
    name: "ask_user, several questions",
    call: "ask_survey",
    shows: respondOnly("ask_user"),
    does: [["response", { answers: { size: "s", why: "so" } }, { text: '{"size":"Small","why":"so"}' }]],
  },
  {
    name: "form",
    call: callOf("form"),
    shows: respondOnly("form"),
    does: [["response", { city: "Oslo", guests: 2 }, { text: '{"city":"Oslo","guests":"2"}' }]],
  },
  {
    name: "external_auth",
    call: callOf("external_auth"),
    shows: respondOnly("external_auth", ["ignore"]),
    does: [
      ["response", { status: "granted" }, { text: "granted" }],
      ["ignore", { status: "denied" }],
    ],
  },
];
