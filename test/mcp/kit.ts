/** Servers and clients of both official SDKs in one process, over one backend. */
import { Client as Client2, InMemoryTransport as Transport2 } from "@modelcontextprotocol/client";
import { Client as Client1 } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport as Transport1 } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as Server1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import { ElicitRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { McpServer as Server2 } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { tool } from "@langchain/core/tools";
import { confirm, type HITLRecord, type HITLBackend } from "holdpoint";
import type { McpTools } from "holdpoint/mcp";
import { expect, onTestFinished } from "vitest";
import { z } from "zod";

/** What a client is asked. */
export interface Asked {
  readonly mode?: string | undefined;
  readonly message: string;
  readonly url?: string;
  readonly elicitationId?: string;
  readonly requestedSchema?: { readonly properties: Readonly<Record<string, unknown>> };
}

export interface Answer {
  readonly action: "accept" | "decline" | "cancel";
  readonly content?: Readonly<Record<string, string | number | boolean | string[]>>;
}

export type Elicit = (asked: Asked, signal: AbortSignal) => Answer | Promise<Answer>;

export interface Result {
  readonly content?: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
  readonly _meta?: Readonly<Record<string, unknown>>;
  readonly resultType?: string;
  readonly inputRequests?: Readonly<Record<string, { readonly method: string; readonly params: Asked }>>;
  readonly requestState?: string;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onprogress?: (progress: { readonly progress: number; readonly message?: string }) => void;
  readonly meta?: Readonly<Record<string, unknown>>;
}

export interface Peer {
  call(name: string, args: Readonly<Record<string, unknown>>, options?: CallOptions): Promise<Result>;
  list(): Promise<readonly Listed[]>;
  close(): Promise<void>;
}

export interface Listed {
  readonly name: string;
  readonly description?: string | undefined;
  readonly inputSchema: unknown;
}

export interface PeerOptions {
  /** The client declares elicitation, and answers so. Undefined: it declares none. */
  readonly elicit?: Elicit | undefined;
  /** It can open pages, too. */
  readonly pages?: boolean;
  /** Hears notifications of the server. */
  readonly notified?: (method: string, params: unknown) => void;
}

const INFO = { name: "test", version: "1.0.0" } as const;

const capabilitiesOf = ({ elicit, pages }: PeerOptions): { elicitation?: { [mode: string]: object } } =>
  elicit ? { elicitation: pages ? { form: {}, url: {} } : {} } : {};

/** Protocol 2025-11-25: questions are pushed. */
export async function connect1(mcp: McpTools, options: PeerOptions = {}): Promise<Peer> {
  const server = new Server1(INFO);
  mcp.register(server);
  const client = new Client1(INFO, { capabilities: capabilitiesOf(options) as never });
  const { elicit, notified } = options;
  if (elicit)
    client.setRequestHandler(
      ElicitRequestSchema,
      async ({ params }, { signal }) => structuredClone(await elicit(params as Asked, signal)) as never,
    );
  if (notified) client.fallbackNotificationHandler = async ({ method, params }) => notified(method, params);
  const [ours, theirs] = Transport1.createLinkedPair();
  await Promise.all([server.connect(theirs), client.connect(ours)]);
  const close = async (): Promise<void> => {
    await client.close();
    await server.close();
  };
  onTestFinished(close);
  return {
    call: async (name, args, { meta, ...more } = {}) =>
      (await client.callTool(
        { name, arguments: args, ...(meta ? { _meta: meta } : {}) },
        undefined,
        more,
      )) as Result,
    list: async () => (await client.listTools()).tools,
    close,
  };
}

/** Protocol 2026-07-28: questions are the result of the call, and the client's own driver makes the rounds. */
export async function connect2(
  mcp: McpTools,
  options: PeerOptions = {},
): Promise<Peer & { readonly raw: Round }> {
  return connectTo2(mcp, options, { pin: "2026-07-28" });
}

/** SDK 2 on both sides, that speaks 2025-11-25. */
export function connectLegacy2(mcp: McpTools, options: PeerOptions = {}): Promise<Peer> {
  return connectTo2(mcp, options, "legacy");
}

export type Round = (
  name: string,
  args: Readonly<Record<string, unknown>>,
  round?: { readonly inputResponses?: Readonly<Record<string, unknown>>; readonly requestState?: string },
) => Promise<Result>;

async function connectTo2(
  mcp: McpTools,
  options: PeerOptions,
  mode: "legacy" | { readonly pin: string },
): Promise<Peer & { readonly raw: Round }> {
  const [ours, theirs] = Transport2.createLinkedPair();
  const served = serveStdio(
    () => {
      const server = new Server2(INFO, { capabilities: { tools: {} } });
      mcp.register(server);
      return server;
    },
    { transport: theirs as never },
  );
  const client = new Client2(INFO, {
    capabilities: capabilitiesOf(options) as never,
    versionNegotiation: { mode },
  });
  const { elicit, notified } = options;
  if (elicit)
    client.setRequestHandler(
      "elicitation/create",
      async ({ params }, { mcpReq }) =>
        structuredClone(await elicit(params as Asked, mcpReq.signal)) as never,
    );
  if (notified) client.fallbackNotificationHandler = async ({ method, params }) => notified(method, params);
  await client.connect(ours);
  const close = async (): Promise<void> => {
    await client.close();
    await served.close();
  };
  onTestFinished(close);
  return {
    call: async (name, args, { meta, ...more } = {}) =>
      (await client.callTool({ name, arguments: args, ...(meta ? { _meta: meta } : {}) }, more)) as Result,
    raw: async (name, args, round = {}) =>
      (await client.callTool({ name, arguments: args, ...round } as never, {
        allowInputRequired: true,
      })) as Result,
    list: async () => (await client.listTools()).tools,
    close,
  };
}

export function textOf({ content = [] }: Result): string {
  return content.map(({ text = "" }) => text).join("\n");
}

/** An effect that can be counted, behind one question. */
export function refundTool(effects: string[]) {
  return tool(
    async ({ order }) => {
      const { confirmed } = await confirm({ message: `Refund ${order}?` });
      if (!confirmed) return `${order} kept`;
      effects.push(order);
      return `${order} refunded`;
    },
    { name: "refund", description: "Refunds an order.", schema: z.object({ order: z.string() }) },
  );
}

export async function pendingIn(backend: HITLBackend): Promise<readonly HITLRecord[]> {
  return (await backend.list({ status: "pending" })).items;
}

export async function onlyPending(backend: HITLBackend): Promise<HITLRecord> {
  const pending = await pendingIn(backend);
  expect(pending).toHaveLength(1);
  return pending[0] as HITLRecord;
}

export const yes: Answer = { action: "accept", content: { confirmed: true } };
export const no: Answer = { action: "accept", content: { confirmed: false } };
/** An answer that never comes, until the question is withdrawn. */
export const never = (_asked: Asked, signal: AbortSignal): Promise<Answer> =>
  new Promise((_resolve, reject) =>
    signal.addEventListener("abort", () => reject(new Error("withdrawn")), { once: true }),
  );
