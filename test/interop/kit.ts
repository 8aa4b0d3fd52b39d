/** Questions of each type, recorded by a real backend, and answers as other people's user interfaces send them. */
import { type HITLRecord, InMemoryHITLBackend } from "../../src/index.ts";
import type { CreateRequest } from "../../src/backends/hitl-backend.ts";
import type { JsonObject } from "../../src/core/json.ts";

/** As a policy asks about a call: with the tool's own schema for an edit. */
const edited = (schema: JsonObject): JsonObject => ({
  allOf: [
    { if: { properties: { decision: { const: "edit" } } }, then: { required: ["edited_args"] } },
    { if: { properties: { decision: { const: "respond" } } }, then: { required: ["message"] } },
  ],
  type: "object",
  properties: {
    decision: { enum: ["approve_once", "approve_always", "edit", "reject", "respond", "skip"] },
    edited_args: schema,
    message: { type: "string" },
  },
  required: ["decision"],
});

const payArgs = { to: "ann", amount: 40, urgent: true, tags: ["a"], note: null, by: { id: 7 } };

export const REQUESTS = {
  pay: {
    hitl_type: "permission",
    tool_name: "pay",
    tool_call_id: "call_pay",
    data: {
      message: "Pay ann?",
      tool: "pay",
      args: payArgs,
      allowed_decisions: ["approve_once", "approve_always", "edit", "reject", "respond", "skip"],
    },
    response_schema: edited({
      type: "object",
      properties: {
        to: { type: "string" },
        amount: { type: "number" },
        urgent: { type: "boolean" },
        tags: { type: "array", items: { type: "string" } },
        note: { anyOf: [{ type: "number" }, { type: "null" }] },
        by: { type: "object", properties: { id: { type: "integer" } } },
      },
      required: ["to", "amount"],
    }),
  },
  mail: {
    hitl_type: "permission",
    tool_name: "mail",
    tool_call_id: "call_mail",
    data: {
      message: "Mail bob?",
      tool: "mail",
      args: { to: "bob" },
      allowed_decisions: ["approve_once", "reject"],
    },
  },
  go: {
    hitl_type: "confirm",
    tool_name: "deploy",
    tool_call_id: "call_go",
    params: { version: 3 },
    data: { message: "Deploy?", details: "To all." },
  },
  room: {
    hitl_type: "ask_user",
    tool_name: "book",
    tool_call_id: "call_room",
    data: { message: "Which room?", options: [{ value: "k", label: "Kepler" }, "Curie"] },
  },
  name: { hitl_type: "ask_user", tool_call_id: "call_name", data: { message: "Your name?" } },
  toppings: {
    hitl_type: "ask_user",
    data: { message: "Which?", options: ["ham", "olives"], multiple: true },
  },
  survey: {
    hitl_type: "ask_user",
    data: {
      message: "Two things",
      questions: [
        { id: "size", message: "Size?", options: [{ value: "s", label: "Small" }, "large"] },
        { id: "why", message: "Why?" },
      ],
    },
  },
  trip: {
    hitl_type: "form",
    data: {
      message: "Where to?",
      schema: {
        type: "object",
        properties: { city: { type: "string" }, guests: { type: "integer" }, type: { type: "string" } },
        required: ["city"],
        additionalProperties: false,
      },
    },
  },
  nested: {
    hitl_type: "form",
    data: {
      message: "Address?",
      schema: {
        type: "object",
        properties: {
          address: { type: "object", properties: { zip: { type: "string" } }, required: ["zip"] },
        },
        required: ["address"],
      },
    },
  },
  login: {
    hitl_type: "external_auth",
    tool_call_id: "call_login",
    data: { message: "Log in", auth_url: "https://id.example/authorize" },
  },
  review: {
    hitl_type: "workflow_human",
    data: { message: "Publish?", allowed_decisions: ["approve", "reject", "edit"], values: { draft: "Hi" } },
    response_schema: {
      type: "object",
      properties: {
        decision: { enum: ["approve", "reject", "edit"] },
        comment: { type: "string" },
        values: { type: "object", properties: { draft: { type: "string" } }, additionalProperties: false },
      },
      required: ["decision"],
      if: { properties: { decision: { const: "edit" } } },
      then: { required: ["values"] },
      else: { properties: { values: false } },
    },
  },
  doubt: {
    hitl_type: "in_doubt",
    data: {
      message: "Did it happen?",
      options: [
        { value: "run_again", label: "It did not happen: run it" },
        { value: "happened", label: "It happened" },
        { value: "give_up", label: "Give it up" },
      ],
    },
    response_schema: {
      type: "object",
      properties: { decision: { enum: ["run_again", "happened", "give_up"] }, result: { type: "string" } },
      required: ["decision"],
    },
  },
  free: { hitl_type: "workflow_human", data: { message: "Anything?" } },
} satisfies Record<string, Omit<CreateRequest, "session_id">>;

export type AskName = keyof typeof REQUESTS;

export async function recorded(
  names: readonly AskName[] = Object.keys(REQUESTS) as AskName[],
): Promise<{ backend: InMemoryHITLBackend; asks: Record<AskName, HITLRecord>; list: HITLRecord[] }> {
  const backend = new InMemoryHITLBackend();
  const entries: [AskName, HITLRecord][] = [];
  for (const name of names) {
    const request = REQUESTS[name] as Omit<CreateRequest, "session_id">;
    const { record } = await backend.create({ ...request, thread_id: "t", session_id: "s" });
    entries.push([name, record]);
  }
  const list = entries.map(([, record]) => record);
  return { backend, asks: Object.fromEntries(entries) as Record<AskName, HITLRecord>, list };
}

/** Agent Inbox shows arguments in text fields, and sends texts back. */
export function asTexts(args: Readonly<Record<string, unknown>>): Record<string, string> {
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [name, text(value)]));
}

export { payArgs };
