/**
 * `holdpoint/interop`: questions as other people's user interfaces show them, and their answers as ours (docs/interop.md).
 * It runs in a browser, and needs neither Node nor LangChain.
 *
 * @module holdpoint/interop
 */
export {
  type AgUi1Interrupt,
  type AgUi1Outcome,
  type AgUi1Resume,
  fromAgUi1,
  toAgUi1,
} from "./ag-ui.ts";
export {
  type AiSdk7ApprovalRequest,
  type AiSdk7ApprovalResponse,
  fromAiSdk7,
  toAiSdk7,
} from "./ai-sdk.ts";
export { type InteropAsk, REVIEW_DECISIONS, type ReviewDecision } from "./ask.ts";
export { INTEROP_FORMATS, type InteropFormat } from "./formats.ts";
export {
  type AgentInbox1Interrupt,
  type AgentInbox1Response,
  fromAgentInbox1,
  fromLangchainJs1,
  fromLangchainPython1,
  type LangchainJs1Request,
  type LangchainJs1Response,
  type LangchainPython1Request,
  type LangchainPython1Response,
  toAgentInbox1,
  toLangchainJs1,
  toLangchainPython1,
} from "./langchain.ts";
export { fromLangGraph1, type LangGraph1Interrupt, toLangGraph1 } from "./langgraph.ts";
export type { Mcp1Choice, Mcp1Field, Mcp1Form } from "./mcp-form.ts";
export {
  fromMcp1,
  fromMcp2,
  type Mcp1Elicitation,
  type Mcp1Result,
  type Mcp2InputRequired,
  type Mcp2InputResponses,
  toMcp1,
  toMcp2,
} from "./mcp.ts";
export {
  type ActionRequest,
  type AskReason,
  type CamelActionRequest,
  type CamelReviewConfig,
  type ReviewConfig,
  type SupersetPayload,
  supersetOf,
} from "./payload.ts";
export type { InteropProblem, InteropProblemCode } from "./problem.ts";
export type { AddressedBy } from "./normalise.ts";
export { type InteropAnswer, type ReadAnswers, readAnswers, type ReadOptions } from "./read-answers.ts";
export {
  respondFrom,
  type RespondedFrom,
  type RespondFromOptions,
  type RespondFromResult,
} from "./respond-from.ts";
