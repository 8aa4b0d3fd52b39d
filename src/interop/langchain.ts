/** LangChain 1: `humanInTheLoopMiddleware` of JavaScript (deepagents, too) and of Python, and Agent Inbox. */
import type { JsonObject } from "../core/json.ts";
import { actionOf, descriptionOf, type InteropAsk, isIgnorable, reviewDecisions } from "./ask.ts";
import { formatsFor } from "./formats.ts";
import {
  type ActionLists,
  type ActionRequest,
  actionLists,
  type CamelActionRequest,
  type CamelReviewConfig,
  type ReviewConfig,
} from "./payload.ts";
import { type ReadAnswers, readAnswers } from "./read-answers.ts";

/** What `humanInTheLoopMiddleware` of langchain for JavaScript 1 shows. */
export interface LangchainJs1Request {
  readonly actionRequests: CamelActionRequest[];
  readonly reviewConfigs: CamelReviewConfig[];
}

/** What its resume value is. */
export interface LangchainJs1Response {
  readonly decisions: readonly (
    | { readonly type: "approve" }
    | { readonly type: "edit"; readonly editedAction: { readonly name: string; readonly args: JsonObject } }
    | { readonly type: "reject"; readonly message?: string }
    | { readonly type: "respond"; readonly message: string }
  )[];
}

/** What `HumanInTheLoopMiddleware` of langchain for Python 1 shows; agent-chat-ui reads it. */
export interface LangchainPython1Request {
  readonly action_requests: ActionRequest[];
  readonly review_configs: ReviewConfig[];
}

export interface LangchainPython1Response {
  readonly decisions: readonly (
    | { readonly type: "approve" }
    | { readonly type: "edit"; readonly edited_action: { readonly name: string; readonly args: JsonObject } }
    | { readonly type: "reject"; readonly message?: string }
    | { readonly type: "respond"; readonly message: string }
  )[];
}

/** What Agent Inbox shows, one for each question. */
export interface AgentInbox1Interrupt {
  readonly action_request: { readonly action: string; readonly args: JsonObject };
  readonly config: {
    readonly allow_ignore: boolean;
    readonly allow_respond: boolean;
    readonly allow_edit: boolean;
    readonly allow_accept: boolean;
  };
  readonly description: string;
}

/** What it answers, always in a list of one. Values of arguments come as text. */
export type AgentInbox1Response =
  | {
      readonly type: "accept" | "edit";
      readonly args: { readonly action: string; readonly args: JsonObject };
    }
  | { readonly type: "accept" | "ignore"; readonly args: null }
  | { readonly type: "response"; readonly args: string };

const NO_LISTS: ActionLists = {
  action_requests: [],
  review_configs: [],
  actionRequests: [],
  reviewConfigs: [],
};

/** Empty lists for questions whose arguments take more than 64 KiB: nothing is shown cut short. */
export function toLangchainJs1(asks: readonly InteropAsk[]): LangchainJs1Request {
  const { actionRequests, reviewConfigs } = actionLists(asks) ?? NO_LISTS;
  return { actionRequests, reviewConfigs };
}

/** @param asks - in the order in which they were shown */
export function fromLangchainJs1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: formatsFor("langchain_js_1"), plain: false });
}

/** Empty lists for questions whose arguments take more than 64 KiB: nothing is shown cut short. */
export function toLangchainPython1(asks: readonly InteropAsk[]): LangchainPython1Request {
  const { action_requests, review_configs } = actionLists(asks) ?? NO_LISTS;
  return { action_requests, review_configs };
}

/** @param asks - in the order in which they were shown */
export function fromLangchainPython1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: formatsFor("langchain_python_1"), plain: false });
}

export function toAgentInbox1(asks: readonly InteropAsk[]): AgentInbox1Interrupt[] {
  return asks.map((ask) => {
    const { name, args } = actionOf(ask);
    const decisions = reviewDecisions(ask);
    return {
      action_request: { action: name, args },
      config: {
        allow_ignore: isIgnorable(ask),
        allow_respond: decisions.includes("respond"),
        allow_edit: decisions.includes("edit"),
        allow_accept: decisions.includes("approve"),
      },
      description: descriptionOf(ask),
    };
  });
}

/** One answer; with several questions open it is meant for the one whose call it names. */
export function fromAgentInbox1(value: unknown, asks: readonly InteropAsk[]): ReadAnswers {
  return readAnswers(value, asks, { formats: formatsFor("agent_inbox_1"), plain: false });
}
