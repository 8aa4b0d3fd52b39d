/** One question of each type: how it is asked in a tool, and what each action of a human is as its own answer. */
import {
  askUser,
  confirm,
  HITLSuspend,
  requestAuth,
  requestForm,
  requestPermission,
  resumption,
} from "../../../src/index.ts";
import type { CreateRequest } from "../../../src/backends/hitl-backend.ts";
import type { JsonObject, JsonValue } from "../../../src/core/json.ts";
import { payArgs, REQUESTS } from "../kit.ts";

export const ACTIONS = ["approve", "edit", "reject", "respond", "skip", "cancel"] as const;
export type Action = (typeof ACTIONS)[number];

export const QUESTIONS = [
  "permission",
  "permission, no edits",
  "confirm",
  "ask_user",
  "form",
  "external_auth",
  "workflow_human",
] as const;
export type Question = (typeof QUESTIONS)[number];

/** In the place of an answer. */
export const CANCELLED: unique symbol = Symbol("cancelled");

interface Asked {
  readonly request: Omit<CreateRequest, "session_id">;
  /** The call whose tool asks. */
  readonly call: { readonly name: string; readonly args: JsonObject; readonly id: string };
  /** What the tool asks. */
  readonly ask: () => Promise<unknown>;
  /** Other arguments than the shown ones. */
  readonly edited: JsonObject;
  /** The human's words, where he answers by text. */
  readonly text: string;
  /** The question's own answer; absent for what it does not allow. */
  readonly answers: { readonly [action in Action]?: JsonValue };
  /** What passing it over comes to. */
  readonly ignored?: JsonValue;
}

const call = (name: string, id: string, args: JsonObject = {}) => ({ name, args, id });
const once = { decision: "approve_once" };
const edited = { ...payArgs, amount: 50 };
const trip = { city: "Oslo", guests: 2 };

export const OF: { readonly [question in Question]: Asked } = {
  permission: {
    request: REQUESTS.pay,
    call: call("pay", "call_pay", payArgs),
    ask: () => {
      const { tool, args, message, allowed_decisions } = REQUESTS.pay.data;
      return requestPermission({
        message,
        tool,
        args,
        allowed_decisions: allowed_decisions as never,
        response_schema: REQUESTS.pay.response_schema,
      });
    },
    edited,
    text: "later",
    answers: {
      approve: once,
      edit: { decision: "edit", edited_args: edited },
      reject: { decision: "reject", message: "no" },
      respond: { decision: "respond", message: "later" },
      skip: { decision: "skip" },
    },
    ignored: { decision: "skip" },
  },
  "permission, no edits": {
    request: REQUESTS.mail,
    call: call("mail", "call_mail", REQUESTS.mail.data.args),
    ask: () => {
      const { tool, args, message } = REQUESTS.mail.data;
      return requestPermission({ message, tool, args, allowed_decisions: ["approve_once", "reject"] });
    },
    edited: { to: "eve" },
    text: "later",
    answers: { approve: once, reject: { decision: "reject", message: "no" } },
    ignored: { decision: "reject" },
  },
  confirm: {
    request: REQUESTS.go,
    call: call("deploy", "call_go", REQUESTS.go.params),
    ask: () => confirm(REQUESTS.go.data),
    edited: { version: 4 },
    text: "later",
    answers: { approve: { confirmed: true }, reject: { confirmed: false, comment: "no" } },
    ignored: { confirmed: false },
  },
  ask_user: {
    request: REQUESTS.room,
    call: call("book", "call_room"),
    ask: () => askUser(REQUESTS.room.data),
    edited: { answer: "Curie" },
    text: "Kepler",
    answers: { respond: { answer: "k" } },
  },
  form: {
    request: { ...REQUESTS.trip, tool_name: "travel", tool_call_id: "call_trip" },
    call: call("travel", "call_trip"),
    ask: () => requestForm(REQUESTS.trip.data),
    edited: { city: "Bergen" },
    text: '{"city":"Oslo","guests":"2"}',
    answers: { respond: trip },
  },
  external_auth: {
    request: { ...REQUESTS.login, tool_name: "login" },
    call: call("login", "call_login"),
    ask: () => requestAuth(REQUESTS.login.data),
    edited: { status: "granted" },
    text: "granted",
    answers: { reject: { status: "denied", message: "no" }, respond: { status: "granted" } },
    ignored: { status: "denied" },
  },
  workflow_human: {
    request: { ...REQUESTS.review, tool_name: "publish", tool_call_id: "call_review" },
    call: call("publish", "call_review"),
    ask: async () => {
      const resumed = resumption();
      if (resumed) return resumed.response;
      const { hitl_type, data, response_schema } = REQUESTS.review;
      throw new HITLSuspend({ hitl_type, data, response_schema, resume_mode: "continuation" });
    },
    edited: { draft: "Ho" },
    text: "later",
    answers: {
      approve: { decision: "approve" },
      edit: { decision: "edit", values: { draft: "Ho" } },
      reject: { decision: "reject", comment: "no" },
    },
    ignored: { decision: "reject" },
  },
};

/** Two others that are open beside it: a call of another tool, and a yes or no. `like`: they are answered as that one. */
export const SIBLINGS: readonly (Asked & { readonly like: Question })[] = [
  {
    like: "permission, no edits",
    request: {
      hitl_type: "permission",
      tool_name: "wire",
      tool_call_id: "call_wire",
      data: {
        message: "Wire?",
        tool: "wire",
        args: { to: "bob" },
        allowed_decisions: ["approve_once", "edit"],
      },
    },
    call: call("wire", "call_wire", { to: "bob" }),
    ask: () =>
      requestPermission({
        message: "Wire?",
        tool: "wire",
        args: { to: "bob" },
        allowed_decisions: ["approve_once", "edit"],
      }),
    edited: { to: "eve" },
    text: "",
    answers: { approve: once },
  },
  {
    like: "confirm",
    request: {
      hitl_type: "confirm",
      tool_name: "stop",
      tool_call_id: "call_stop",
      data: { message: "Stop?" },
    },
    call: call("stop", "call_stop"),
    ask: () => confirm({ message: "Stop?" }),
    edited: {},
    text: "",
    answers: { approve: { confirmed: true } },
  },
];
