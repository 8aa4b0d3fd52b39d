/** Compile-time tests (`npx tsc -p .`): the nodes and tools fit LangGraph's types. Nothing here runs. */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createReactAgent, ToolNode } from "@langchain/langgraph/prebuilt";
import { createAgent } from "langchain";
import { z } from "zod";
import {
  type HITLBackend,
  HITLSuspend,
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  isHITLSuspend,
  isHoldpointError,
  respondAndResume,
  type RespondResult,
  type Resumption,
  resumeThread,
  resumption,
} from "../../src/index.ts";

declare const llm: BaseChatModel;
const add = tool(({ a, b }) => a + b, {
  name: "add",
  description: "Adds.",
  schema: z.object({ a: z.number(), b: z.number() }),
});
const backend = new InMemoryHITLBackend();
const node = new HITLToolNode([add], { backend });

export const agents = [
  createReactAgent({ llm, tools: node }),
  createReactAgent({ llm, tools: holdpointTools([add], { backend }) }),
  createAgent({ model: llm, tools: holdpointTools([add], { backend }) }),
];
export const stock: ToolNode = node;
export const made = new ToolNode(holdpointTools([add], { backend, inDoubt: "ask", leaseMs: 1000 }));

const graph = new StateGraph(MessagesAnnotation)
  .addNode("tools", node)
  .addEdge(START, "tools")
  .compile({ checkpointer: new MemorySaver() });

// @ts-expect-error there is no such policy
new HITLToolNode([add], { backend, inDoubt: "maybe" });
// @ts-expect-error a backend is no record store
new HITLToolNode([add], { backend: backend.store });
// @ts-expect-error tools are needed
new HITLToolNode();
// @ts-expect-error a string is no tool
holdpointTools(["add"], { backend });

export async function wrappedToolsKeepTheirTypes(): Promise<number> {
  const [wrapped] = holdpointTools([add], { backend });
  if (!wrapped) throw new Error();
  const sum: number = await wrapped.invoke({ a: 1, b: 2 });
  // @ts-expect-error b is missing
  await wrapped.invoke({ a: 1 });
  return sum;
}

export async function resuming(): Promise<void> {
  const resumed = await resumeThread(graph, { thread_id: "t", backend });
  if (resumed.status === "resumed") void resumed.result.messages;
  // @ts-expect-error only a resumed thread has a result
  else void resumed.result;
  const answered = await respondAndResume(graph, { backend, hitl_id: "h", response: false });
  if (answered.status === "accepted") void answered.record.user_response;
  if (answered.status === "invalid") void answered.issues[0]?.path;
  if (answered.resume?.status === "resumed") void answered.resume.result.messages;
  // @ts-expect-error thread_id is needed
  await resumeThread(graph, { backend });
  // @ts-expect-error a response is needed
  await respondAndResume(graph, { backend, hitl_id: "h" });
  // @ts-expect-error the record can be missing: the status has to be looked at
  void answered.record.status;
}

export function everyOutcome(result: RespondResult): string {
  switch (result.status) {
    case "accepted":
    case "duplicate":
    case "conflict":
    case "invalid":
    case "forbidden":
    case "expired":
    case "cancelled":
      return result.record.hitl_id;
    case "not_found":
    case "indeterminate":
      return "";
    default:
      return result satisfies never;
  }
}

export function signals(error: unknown): void {
  if (isHITLSuspend(error)) void error.hitl_id.length;
  if (isHoldpointError(error, "ERR_HITL_EXPIRED")) void error.code.length;
  // @ts-expect-error there is no such code
  isHoldpointError(error, "ERR_NOPE");
  new HITLSuspend({ hitl_type: "my_own_type", data: { message: "?" } });
  // @ts-expect-error there is no such mode
  new HITLSuspend({ resume_mode: "retry" });
  // @ts-expect-error a signal does not change
  new HITLSuspend({}).hitl_id = "x";
  const found: Resumption | undefined = resumption();
  // @ts-expect-error on the first call there is none
  void found.response;
}

export const views: HITLBackend = backend.forTenant("acme");
// @ts-expect-error list takes one of the documented filters
void views.list({ tool_name: "x" });
