/** Compile-time tests (`npx tsc -p .`): hitlMiddleware fits langchain's types without naming them. Nothing here runs. */
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { MemorySaver } from "@langchain/langgraph";
import { type AgentMiddleware, createAgent, toolRetryMiddleware } from "langchain";
import { z } from "zod";
import {
  HITLToolNode,
  holdpointTools,
  InMemoryHITLBackend,
  type ResumableGraph,
  respondAndResume,
  resumeThread,
} from "../../src/index.ts";
import { type HITLMiddleware, hitlMiddleware } from "../../src/nodes/middleware/hitl-middleware.ts";
import { isPauseSuspend, PauseSuspend } from "../../src/suspend/pause-suspend.ts";
import { askUserTool, confirmTool } from "../../src/suspend/ready-tools.ts";

declare const model: BaseChatModel;
const backend = new InMemoryHITLBackend();

const made: HITLMiddleware = hitlMiddleware({ backend, inDoubt: "ask", leaseMs: 1000 });
export const middleware: AgentMiddleware = made;

const agent = createAgent({
  model,
  tools: [askUserTool, confirmTool],
  middleware: [toolRetryMiddleware(), hitlMiddleware({ backend, inDoubt: () => "fail" })],
  checkpointer: new MemorySaver(),
});
const typed = createAgent({
  model,
  tools: [],
  middleware: [made],
  stateSchema: z.object({ order: z.string() }),
  responseFormat: z.object({ total: z.number() }),
});

export const graphs: ResumableGraph[] = [agent, agent.graph, typed, typed.graph];
export const node = new HITLToolNode([askUserTool, confirmTool], { backend });
export const wrapped = holdpointTools([askUserTool], { backend });

export async function resuming(): Promise<void> {
  const resumed = await resumeThread(agent, { thread_id: "t", backend });
  if (resumed.status === "resumed") void resumed.result.messages[0]?.content;
  const answered = await respondAndResume(agent.graph, { backend, hitl_id: "h", response: true });
  if (answered.resume?.status === "resumed") void answered.resume.result;
}

export async function theAgentKeepsItsTypes(): Promise<void> {
  const result = await typed.invoke({ messages: [], order: "42" });
  const total: number = result.structuredResponse.total;
  // @ts-expect-error the middleware adds no state
  void result.questions;
  // @ts-expect-error order is a text
  await typed.invoke({ messages: [], order: 42 });
  void total;
}

// @ts-expect-error there is no such policy
hitlMiddleware({ backend, inDoubt: "maybe" });
// @ts-expect-error a backend is no record store
hitlMiddleware({ backend: backend.store });
// @ts-expect-error the reason is text
new PauseSuspend(1);

export async function readyTools(error: unknown): Promise<string> {
  if (isPauseSuspend(error)) return error.reason;
  // @ts-expect-error a question is needed
  await askUserTool.invoke({});
  // @ts-expect-error there is no such level
  await confirmTool.invoke({ action: "x", risk_level: "extreme" });
  const name: "ask_user" = askUserTool.name;
  return name + (await askUserTool.invoke({ question: "?", options: ["a"] }));
}
