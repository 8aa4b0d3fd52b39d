/** A tool on a server of MCP asks a human: its client shows the question, or somebody else answers it elsewhere. */
import { tool } from "@langchain/core/tools";
import { Client, InMemoryTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as Transport1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServer1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { confirm, InMemoryHITLBackend, step } from "holdpoint";
import { createMcpTools } from "holdpoint/mcp";
import { z } from "zod";

const backend = new InMemoryHITLBackend();
const info = { name: "shop", version: "1.0.0" };

const refund = tool(
  async ({ order }) => {
    const amount = await step("look up", () => (console.log(`looks up ${order}`), 40));
    const { confirmed } = await confirm({ message: `Refund ${amount} EUR for ${order}?` });
    return confirmed ? `${order} is refunded` : `${order} is not refunded`;
  },
  { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
);
// With a secret of your own, any server over the same store goes on with a call, also after a crash.
const mcp = createMcpTools([refund], {
  backend,
  secret: "a secret of thirty-two bytes or more",
  user: () => "kim",
});

// Protocol 2026-07-28: the result of the call is the question; the client answers it and makes the call again.
const [near, far] = InMemoryTransport.createLinkedPair();
serveStdio(
  () => {
    const server = new McpServer(info, { capabilities: { tools: {} } });
    mcp.register(server);
    return server;
  },
  { transport: far },
);
const client = new Client(info, {
  capabilities: { elicitation: {} },
  versionNegotiation: { mode: { pin: "2026-07-28" } },
});
client.setRequestHandler("elicitation/create", ({ params }) => {
  console.log("kim is asked:", params.message);
  return { action: "accept", content: { confirmed: true } };
});
await client.connect(near);

const done = await client.callTool({ name: "refund", arguments: { order: "A-17" } });
console.log(done.content);
// prints: looks up A-17
// prints: kim is asked: Refund 40 EUR for A-17?
// prints: [ { type: 'text', text: 'A-17 is refunded' } ]

// Protocol 2025-11-25, and a client that cannot show questions: the call says that a human has to answer.
const [near1, far1] = Transport1.createLinkedPair();
const server1 = new McpServer1(info);
mcp.register(server1);
await server1.connect(far1);
const client1 = new Client1(info);
await client1.connect(near1);

const again = { name: "refund", arguments: { order: "A-18" } };
const waiting = await client1.callTool(again);
const [said] = waiting.content as { text: string }[];
console.log(said?.text.split("\n")[0]);
// prints: looks up A-18
// prints: refund has stopped and waits for a human. It is not done, and nothing is approved.

// Somebody answers elsewhere. The same call goes on where it stopped: the order is not looked up again.
const [question] = (await backend.list({ status: "pending" })).items;
await backend.respond(question?.hitl_id ?? "", { confirmed: false }, { actor: { id: "lee" } });
console.log((await client1.callTool(again)).content); // prints: [ { type: 'text', text: 'A-18 is not refunded' } ]

await Promise.all([client.close(), client1.close()]);
