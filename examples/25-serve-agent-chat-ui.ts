/**
 * A graph behind the HTTP shape of a LangGraph server, which agent-chat-ui and Agent Inbox call. With `--serve` it goes on
 * until it is stopped: point them at http://localhost:2024, the graph is "agent". Without, it shows what they send.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BaseMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { Client, type Interrupt } from "@langchain/langgraph-sdk";
import { HITLToolNode, InMemoryHITLBackend } from "holdpoint";
import type { SupersetPayload } from "holdpoint/interop";
import { definePolicy } from "holdpoint/policy";
import { createLangGraphServer, toNodeListener } from "holdpoint/server/langgraph";
import { z } from "zod";
import { callsTools, scriptedModel } from "./scripted-model.ts";

const serves = process.argv.includes("--serve");
const backend = new InMemoryHITLBackend();
const mail = tool(({ to, text }) => `sent "${text}" to ${to}`, {
  name: "send_mail",
  description: "Sends a mail.",
  schema: z.object({ to: z.string(), text: z.string() }),
});
const policy = definePolicy({
  rules: [
    {
      id: "mail",
      for: "send_mail",
      verdict: "ask",
      allowed_decisions: ["approve_once", "edit", "reject"],
      message: ({ args }) => `Mail ${String(args["to"])}?`,
    },
  ],
});
const graph = new StateGraph(MessagesAnnotation)
  .addNode("model", scriptedModel([{ name: "send_mail", args: { to: "ann@example.com", text: "Hi" } }]))
  .addNode("tools", new HITLToolNode([mail], { backend, policy }))
  .addEdge(START, "model")
  .addConditionalEdges("model", callsTools)
  .addEdge("tools", "model")
  .compile({ checkpointer: new MemorySaver() });

// Their pages come from other origins, and each of them has to be named. Without `authenticate` only loopback is answered.
const origins = ["http://localhost:3000", "https://agentchat.vercel.app", "https://dev.agentinbox.ai"];
const { fetch } = createLangGraphServer({ graphs: { agent: graph }, backend, cors: { origins } });
const listener = createServer(toNodeListener(fetch));
await new Promise<void>((resolve) =>
  listener.listen(serves ? Number(process.env["PORT"] ?? 2024) : 0, "127.0.0.1", resolve),
);
const { port } = listener.address() as AddressInfo;

if (serves) console.log(`http://localhost:${port}`);
else {
  const client = new Client({ apiUrl: `http://localhost:${port}` });
  const { thread_id } = await client.threads.create();
  const run = async (payload: object): Promise<void> => {
    const mode = { streamMode: ["values" as const], streamSubgraphs: true };
    for await (const { data } of client.runs.stream(thread_id, "agent", { ...payload, ...mode })) {
      const [asked] = (data as { __interrupt__?: Interrupt<SupersetPayload>[] }).__interrupt__ ?? [];
      const { action_requests: [action] = [], review_configs: [review] = [] } = asked?.value ?? {};
      if (asked) console.log(action?.description, action?.args, review?.allowed_decisions);
    }
  };
  await run({ input: { messages: [{ type: "human", content: "Say hello to Ann." }] } });
  // prints: Mail ann@example.com? { to: 'ann@example.com', text: 'Hi' } [ 'approve', 'edit', 'reject' ]
  const edited_action = { name: "send_mail", args: { to: "ann@example.com", text: "Dear Ann" } };
  await run({ input: {}, command: { resume: { decisions: [{ type: "edit", edited_action }] } } });
  const { values } = await client.threads.getState<{ messages: BaseMessage[] }>(thread_id);
  console.log(String(values.messages.at(-2)?.content).split("\n")[0]); // prints: sent "Dear Ann" to ann@example.com
  listener.close();
}
