/** Compile-time tests (`npx tsc -p .`): what is made of questions is what published types say, without a cast. Nothing here runs. */
import type { Interrupt as AgUiInterrupt, ResumeEntry, RunFinishedOutcome } from "@ag-ui/core";
import type { Interrupt as GraphInterrupt } from "@langchain/langgraph";
import type { HumanInterrupt, HumanResponse } from "@langchain/langgraph/prebuilt";
import type { Command, Interrupt as ClientInterrupt } from "@langchain/langgraph-sdk";
import type {
  ElicitRequestFormParams,
  ElicitRequestParams,
  ElicitResult,
  PrimitiveSchemaDefinition,
} from "@modelcontextprotocol/sdk/types.js";
import type {
  ElicitRequest as ServerElicitRequest,
  ElicitResult as ServerElicitResult,
  InputRequests,
  InputRequiredResult,
  InputResponses,
} from "@modelcontextprotocol/server";
import type { ToolApprovalRequest, ToolApprovalResponse, UIMessageChunk } from "ai";
import type { Decision, DecisionType, HITLRequest, HITLResponse } from "langchain";
import type { InterruptPayload } from "../../../src/index.ts";
import {
  type AgentInbox1Response,
  type AgUi1Resume,
  type AiSdk7ApprovalResponse,
  type CamelReviewConfig,
  type InteropAsk,
  type LangchainJs1Response,
  type Mcp1Field,
  type Mcp1Form,
  type Mcp1Result,
  type Mcp2InputResponses,
  type ReviewDecision,
  type SupersetPayload,
  toAgentInbox1,
  toAgUi1,
  toAiSdk7,
  toLangchainJs1,
  toLangGraph1,
  toMcp1,
  toMcp2,
} from "../../../src/interop/index.ts";
import { interruptsFor } from "../../../src/suspend/interrupt-payload.ts";

declare const ask: InteropAsk;
declare const record: Parameters<typeof interruptsFor>[0][number];

/** Questions: ours where theirs are wanted. */
export const outcome: RunFinishedOutcome = toAgUi1([ask]);
export const agUi: AgUiInterrupt[] = toAgUi1([ask]).interrupts;
export const inbox: HumanInterrupt[] = toAgentInbox1([ask]);
export const chunks: UIMessageChunk[] = toAiSdk7([ask]);
export const parts: ToolApprovalRequest[] = toAiSdk7([ask]);
export const client: ClientInterrupt[] = toLangGraph1([ask]);
export const host: GraphInterrupt<InterruptPayload>[] = interruptsFor([record]);
export const shown: ClientInterrupt<InterruptPayload>[] = interruptsFor([record]);
export const elicitation: ElicitRequestParams = toMcp1(ask);
export const required: InputRequiredResult = toMcp2([ask]);
export const requests: InputRequests = toMcp2([ask]).inputRequests;
export const embedded: ServerElicitRequest = { method: "elicitation/create", params: toMcp1(ask) };
declare const form: Mcp1Form;
export const requested: ElicitRequestFormParams["requestedSchema"] = form;
declare const field: Mcp1Field;
export const primitive: PrimitiveSchemaDefinition = field;

/** langchain for JavaScript has no `respond`, which its documentation has: that, and nothing else, is too much for its type. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const beyond: Same<Exclude<ReviewDecision, DecisionType>, "respond"> = true;
type WithoutRespond = Omit<CamelReviewConfig, "allowedDecisions"> & { allowedDecisions: DecisionType[] };
export const actions: HITLRequest["actionRequests"] = toLangchainJs1([ask]).actionRequests;
export const reviews = (configs: WithoutRespond[]): HITLRequest["reviewConfigs"] => configs;
declare const payload: SupersetPayload;
export const listed: HITLRequest["actionRequests"] | undefined = payload.actionRequests;
// @ts-expect-error until langchain's type has `respond`
export const whole: HITLRequest = toLangchainJs1([ask]);

/** Answers: theirs where ours are wanted, and ours where theirs are. */
declare const entry: AgUi1Resume;
export const resume: ResumeEntry = entry;
declare const theirEntry: ResumeEntry;
export const ourEntry: AgUi1Resume = theirEntry;
declare const theirDecisions: HITLResponse;
export const ourDecisions: LangchainJs1Response = theirDecisions;
declare const decision: Exclude<LangchainJs1Response["decisions"][number], { readonly type: "respond" }>;
export const theirDecision: Decision = decision;
declare const human: AgentInbox1Response;
export const theirHuman: HumanResponse = human;
declare const approval: AiSdk7ApprovalResponse;
export const theirApproval: ToolApprovalResponse = approval;
declare const response: ToolApprovalResponse;
export const ourApproval: AiSdk7ApprovalResponse = response;
export const chunk: UIMessageChunk = approval;
declare const elicited: ElicitResult;
export const ourResult: Mcp1Result = elicited;
declare const serverElicited: ServerElicitResult;
export const ourServerResult: Mcp1Result = serverElicited;
declare const inputResponses: { [hitl_id: string]: ServerElicitResult };
export const theirResponses: InputResponses = inputResponses;
export const ourResponses: Mcp2InputResponses = { inputResponses };
declare const lists: Mcp2InputResponses;
export const byQuestion: Readonly<Record<string, Mcp1Result>> = lists.inputResponses;
export const command: Command = { resume: toAgUi1([ask]) };
