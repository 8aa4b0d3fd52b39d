/** Each type of question, and what a client may answer to it. */
import { tool } from "@langchain/core/tools";
import { askUser, confirm, requestForm, requestPermission } from "holdpoint";
import { z } from "zod";
import { type Elicit, yes } from "./kit.ts";

/** Asks, and gives what was answered as JSON. */
export const asking = (name: string, ask: () => Promise<unknown>) =>
  tool(async () => JSON.stringify(await ask()), { name, description: name, schema: z.object({}) });

/** What a tool asks, what its client answers, and what the tool gets. */
export const TYPES: readonly (readonly [string, () => Promise<unknown>, Elicit, unknown])[] = [
  ["confirm: yes", () => confirm({ message: "Go?" }), () => yes, { confirmed: true }],
  [
    "confirm: no, with a comment",
    () => confirm({ message: "Go?" }),
    () => ({ action: "accept", content: { confirmed: false, comment: "later" } }),
    { confirmed: false, comment: "later" },
  ],
  [
    "confirm: declined",
    () => confirm({ message: "Go?" }),
    () => ({ action: "decline" }),
    { confirmed: false },
  ],
  [
    "ask_user: free text",
    () => askUser({ message: "Why?" }),
    () => ({ action: "accept", content: { answer: "because" } }),
    { answer: "because" },
  ],
  [
    "ask_user: an option",
    () => askUser({ message: "Which?", options: ["a", "b"] }),
    () => ({ action: "accept", content: { answer: "b" } }),
    { answer: "b" },
  ],
  [
    "ask_user: several options",
    () => askUser({ message: "Which?", options: ["a", "b", "c"], multiple: true }),
    () => ({ action: "accept", content: { answer: ["a", "c"] } }),
    { answer: ["a", "c"] },
  ],
  [
    "ask_user: several questions",
    () =>
      askUser({
        message: "Trip",
        questions: [
          { id: "from", message: "From?" },
          { id: "to", message: "To?", options: ["Rome", "Oslo"] },
        ],
      }),
    () => ({ action: "accept", content: { from: "Bonn", to: "Oslo" } }),
    { answers: { from: "Bonn", to: "Oslo" } },
  ],
  [
    "permission: approved",
    () => requestPermission({ message: "Pay?", tool: "pay", args: { amount: 5 } }),
    () => ({ action: "accept", content: { decision: "approve_once" } }),
    { decision: "approve_once" },
  ],
  [
    "permission: declined",
    () => requestPermission({ message: "Pay?", tool: "pay", args: { amount: 5 } }),
    () => ({ action: "decline" }),
    { decision: "reject" },
  ],
  [
    "permission: responded",
    () =>
      requestPermission({
        message: "Pay?",
        tool: "pay",
        args: { amount: 5 },
        allowed_decisions: ["approve_once", "reject", "respond"],
      }),
    () => ({ action: "accept", content: { decision: "respond", message: "Pay 4." } }),
    { decision: "respond", message: "Pay 4." },
  ],
  [
    "form: flat",
    () =>
      requestForm({
        message: "Seats",
        schema: z.object({ seats: z.number().int(), window: z.boolean(), note: z.string().optional() }),
      }),
    () => ({ action: "accept", content: { seats: 2, window: true } }),
    { seats: 2, window: true },
  ],
  [
    "form: nested, as JSON text",
    () => requestForm({ message: "Address", schema: z.object({ address: z.object({ city: z.string() }) }) }),
    () => ({ action: "accept", content: { response_json: '{"address":{"city":"Bonn"}}' } }),
    { address: { city: "Bonn" } },
  ],
];
