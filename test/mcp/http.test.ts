/** Over real HTTP, without sessions: any server takes any request. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as Transport1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer as Server1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { StoreHITLBackend } from "holdpoint";
import { createMcpTools, type McpToolsOptions } from "holdpoint/mcp";
import { MemoryRecordData, MemoryRecordStore } from "holdpoint/testing";
import { expect, it, onTestFinished } from "vitest";
import { pendingIn, refundTool, type Result, textOf, yes } from "./kit.ts";

const INFO = { name: "test", version: "1.0.0" };

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function listen(server: ReturnType<typeof createServer>): Promise<URL> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
}

/** Each request goes to the next of two servers over one store. */
async function twoServers(options: McpToolsOptions = {}) {
  const data = new MemoryRecordData();
  const effects: string[] = [];
  const backends = [0, 1].map(() => new StoreHITLBackend(new MemoryRecordStore({}, data)));
  const handlers = backends.map((backend) => {
    const mcp = createMcpTools([refundTool(effects)], { backend, secret: "s".repeat(32), ...options });
    return createMcpHandler(() => {
      const server = new McpServer(INFO, { capabilities: { tools: {} } });
      mcp.register(server);
      return server;
    });
  });
  let turn = 0;
  const url = await listen(
    createServer((request, response) => {
      void (async () => {
        const body = await bodyOf(request);
        const { method = "GET", headers } = request;
        const handler = handlers[(turn += 1) % 2] as (typeof handlers)[number];
        const answer = await handler.fetch(
          new Request(url, {
            method,
            headers: headers as Record<string, string>,
            ...(method === "POST" ? { body: new Uint8Array(body) } : {}),
          }),
        );
        response.writeHead(answer.status, Object.fromEntries(answer.headers));
        response.end(Buffer.from(await answer.arrayBuffer()));
      })();
    }),
  );
  return { url, effects, backend: backends[0] as StoreHITLBackend };
}

const elicitation = { elicitation: {} } as never;

async function connect(url: URL, mode: "legacy" | { pin: string }, elicits: boolean): Promise<Client> {
  const client = new Client(INFO, { capabilities: elicits ? elicitation : {}, versionNegotiation: { mode } });
  if (elicits) client.setRequestHandler("elicitation/create", () => yes as never);
  await client.connect(new StreamableHTTPClientTransport(url));
  onTestFinished(() => client.close());
  return client;
}

const refund = async (client: Client, order: string): Promise<Result> =>
  (await client.callTool({ name: "refund", arguments: { order } })) as Result;

it("2026-07-28: each round may come to another server", async () => {
  const { url, effects } = await twoServers();
  const client = await connect(url, { pin: "2026-07-28" }, true);
  expect(textOf(await refund(client, "A-17"))).toBe("A-17 refunded");
  expect(effects).toEqual(["A-17"]);
});

it("nobody in particular goes on with a call by its reference only: anybody could make the same call", async () => {
  const { url, effects, backend } = await twoServers();
  const client = await connect(url, { pin: "2026-07-28" }, false);
  const waiting = await refund(client, "A-17");
  expect(textOf(waiting)).toContain("waits for a human");
  await refund(client, "A-17");
  const pending = await pendingIn(backend);
  expect(pending).toHaveLength(2);
  for (const { hitl_id } of pending) await backend.respond(hitl_id, { confirmed: true });
  const _meta = { "holdpoint/call": waiting._meta?.["holdpoint/call"] };
  const result = await client.callTool({ name: "refund", arguments: { order: "A-17" }, _meta });
  expect(textOf(result as Result)).toBe("A-17 refunded");
  expect(effects).toEqual(["A-17"]);
});

it("2025-11-25 without sessions: the client cannot be asked; a known caller goes on by the same call", async () => {
  const { url, effects, backend } = await twoServers({ user: () => "kim" });
  const client = await connect(url, "legacy", true);
  expect(textOf(await refund(client, "A-17"))).toContain("waits for a human");
  const [record] = await pendingIn(backend);
  await backend.respond(record?.hitl_id as string, { confirmed: true });
  expect(textOf(await refund(client, "A-17"))).toBe("A-17 refunded");
  expect(effects).toEqual(["A-17"]);
});

it("2025-11-25 with sessions, SDK 1: the client is asked on the stream of its call", async () => {
  const effects: string[] = [];
  const backend = new StoreHITLBackend(new MemoryRecordStore({}, new MemoryRecordData()));
  const sessions: (string | undefined)[] = [];
  const session = ({ session_id }: { session_id: string | undefined }) => (
    sessions.push(session_id), session_id
  );
  const mcp = createMcpTools([refundTool(effects)], { backend, session });
  const server = new Server1(INFO);
  mcp.register(server);
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => "session-1" });
  await server.connect(transport as never);
  onTestFinished(() => server.close());
  const url = await listen(
    createServer((request, response) => void transport.handleRequest(request, response)),
  );
  const client = new Client1(INFO, { capabilities: elicitation });
  client.setRequestHandler(ElicitRequestSchema, () => yes as never);
  await client.connect(new Transport1(url) as never);
  onTestFinished(() => client.close());
  const result = await client.callTool({ name: "refund", arguments: { order: "A-17" } });
  expect(textOf(result as Result)).toBe("A-17 refunded");
  expect(sessions).toEqual(["session-1"]);
  expect((await backend.list({ session_id: "session-1" })).items).toHaveLength(1);
});
