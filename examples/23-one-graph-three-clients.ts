/** One graph, three user interfaces: one that speaks as Agent Inbox does, AG-UI's agent, and the AI SDK's chat. */
import { LangGraphAgent } from "@ag-ui/langgraph";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client, type Interrupt } from "@langchain/langgraph-sdk";
import { DefaultChatTransport, isToolUIPart } from "ai";
import { confirm, HITLToolNode, InMemoryHITLBackend } from "holdpoint";
import type { SupersetPayload } from "holdpoint/interop";
import { createLangGraphServer } from "holdpoint/server/langgraph";
import { z } from "zod";
import { chatRoute } from "./ai-sdk/chat-route.ts";
import { MemoryChat } from "./ai-sdk/memory-chat.ts";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const backend = new InMemoryHITLBackend();
const refund = tool(
  async ({ order }) => {
    const { confirmed } = await confirm({ message: `Refund ${order}?` });
    console.log(confirmed ? "-- refunded" : "-- kept");
    return confirmed ? "refunded" : "kept";
  },
  { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
);
const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "refund", args: { order: "A-17" } }]))
  .addNode("tools", new HITLToolNode([refund], { backend }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

// The first two call a LangGraph server: here without a network. Who answers is said by the server, not by the client.
const authenticate = () => ({ user_id: "kim" });
const server = createLangGraphServer({ graphs: { orders: graph }, backend, authenticate });
const fetch = async (url: unknown, init?: RequestInit) => server.fetch(new Request(String(url), init));
const client = new Client({ apiUrl: "http://localhost", callerOptions: { fetch } });

// 1. Agent Inbox: it searches for interrupted threads, and answers a request of LangChain's by one decision with `args`.
const { thread_id } = await client.threads.create();
const input = { messages: [{ role: "user", content: "Refund it, please." }] };
await client.runs.wait(thread_id, "orders", { input });
const [waiting] = await client.threads.search({ status: "interrupted" });
const [interrupt] = Object.values(waiting?.interrupts ?? {}).flat() as Interrupt<SupersetPayload>[];
const { action_requests: actions = [], review_configs: reviews = [] } = interrupt?.value ?? {};
console.log("Agent Inbox:", actions[0]?.name, actions[0]?.arguments, reviews[0]?.allowed_decisions);
// prints: Agent Inbox: refund { order: 'A-17' } [ 'approve', 'reject' ]
const decisions = [{ type: "approve", args: null }];
await client.runs.wait(thread_id, "orders", { command: { resume: { decisions } } });
// prints: -- refunded

// 2. AG-UI: a run ends with the interrupts as its outcome, and the next one resumes them.
const agent = new LangGraphAgent({
  client,
  deploymentUrl: "http://localhost",
  graphId: "orders",
  emitInterruptOutcome: true,
  enableLegacyOnInterruptEvent: false,
  initialMessages: [{ id: "m1", role: "user", content: "Refund it, please." }],
});
await agent.runAgent();
const [asked] = agent.pendingInterrupts;
console.log("AG-UI:", asked?.reason, asked?.message, asked?.toolCallId); // prints: AG-UI: confirmation Refund A-17? call_0_0
const payload = { approved: false, reason: "It was used." };
await agent.runAgent({ resume: [{ interruptId: asked?.id ?? "", status: "resolved", payload }] }); // prints: -- kept

// 3. The AI SDK: a route of its own, in whose stream the call waits for its approval.
const route = chatRoute({ graph, backend, userOf: () => "kim" });
const toRoute = async (url: unknown, init?: RequestInit) => route(new Request(String(url), init));
const transport = new DefaultChatTransport({ api: "http://localhost/chat", fetch: toRoute });
const chat = new MemoryChat({ id: "chat-1", transport });
await chat.sendMessage({ text: "Refund it, please." });
const part = chat.lastMessage?.parts.find(isToolUIPart);
console.log("AI SDK:", part?.state, part?.input, part?.approval?.requestReason);
// prints: AI SDK: approval-requested { order: 'A-17' } Refund A-17?
await chat.addToolApprovalResponse({ id: part?.approval?.id ?? "", approved: true });
await chat.sendMessage(); // prints: -- refunded

const { items } = await backend.list({});
console.log(items.map(({ status, responded_by }) => `${status} by ${responded_by?.id}`));
// prints: [ 'completed by kim', 'completed by kim', 'completed by kim' ]
