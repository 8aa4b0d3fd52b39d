/** A served graph, and LangGraph's own client for it, without a network. */

import { tool } from "@langchain/core/tools";
import {
  type BaseCheckpointSaver,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { Client } from "@langchain/langgraph-sdk";
import { confirm, type HITLBackend, HITLToolNode, InMemoryHITLBackend, requestPermission } from "holdpoint";
import {
  createLangGraphServer,
  type LangGraphServer,
  type LangGraphServerOptions,
} from "holdpoint/server/langgraph";
import { z } from "zod";
import { type Gate, gate } from "../support/poll.ts";

export const URL_OF_SERVER = "http://localhost:2024";

/** How often each order was refunded or sent. */
export type Effects = Map<string, number>;

const hit = (effects: Effects, name: string): void => void effects.set(name, (effects.get(name) ?? 0) + 1);

/** What the tool `hold` waits for, and says that it has begun. */
export interface Hold {
  readonly begun: Gate;
  readonly end: Gate;
}

export const holdOf = (): Hold => ({ begun: gate(), end: gate() });

export function graphOf(
  backend: HITLBackend,
  effects: Effects,
  checkpointer: BaseCheckpointSaver = new MemorySaver(),
  hold: Hold = holdOf(),
) {
  const wait = tool(
    async () => {
      hold.begun.open();
      await hold.end.passed;
      hit(effects, "held");
      return "held";
    },
    { name: "hold", description: "Waits.", schema: z.object({}) },
  );
  const fail = tool(
    () => {
      throw new Error("no such order");
    },
    { name: "fail", description: "Fails.", schema: z.object({}) },
  );
  const refund = tool(
    async ({ order, amount }) => {
      const { confirmed } = await confirm({ message: `Refund ${order}?`, details: `${amount}` });
      if (!confirmed) return "kept";
      hit(effects, order);
      return "refunded";
    },
    {
      name: "refund",
      description: "Refunds an order.",
      schema: z.object({ order: z.string(), amount: z.number() }),
    },
  );
  const send = tool(
    async (args) => {
      const answer = await requestPermission({
        message: "Send?",
        tool: "send",
        args,
        allowed_decisions: ["approve_once", "edit", "reject", "respond", "skip"],
      });
      if (answer.decision === "respond") return `told: ${answer.message}`;
      if (answer.decision !== "approve_once" && answer.decision !== "edit") return answer.decision;
      const used = answer.decision === "edit" ? (answer.edited_args as typeof args) : args;
      hit(effects, used.to);
      return `sent to ${used.to}, ${typeof used.copies} ${used.copies}`;
    },
    { name: "send", description: "Sends a mail.", schema: z.object({ to: z.string(), copies: z.number() }) },
  );
  const echo = tool(async ({ text }) => text, {
    name: "echo",
    description: "Says it again.",
    schema: z.object({ text: z.string() }),
  });
  return new StateGraph(MessagesAnnotation)
    .addNode(
      "tools",
      new HITLToolNode([refund, send, echo, wait, fail], { backend, handleToolErrors: false }),
    )
    .addEdge(START, "tools")
    .compile({ checkpointer });
}

export type Input = { messages: object[] };

export const calling = (name: string, args: Record<string, unknown>, id = "call_1"): Input => ({
  messages: [{ type: "ai", content: "", tool_calls: [{ name, args, id }] }],
});

export const refunding = (order: string): Input => calling("refund", { order, amount: 5 });

export interface Kit {
  readonly backend: HITLBackend;
  readonly effects: Effects;
  readonly graph: ReturnType<typeof graphOf>;
  readonly server: LangGraphServer;
  readonly client: Client;
}

export function clientOf(server: LangGraphServer, headers: Record<string, string> = {}): Client {
  const fetch = (input: string | URL, init?: RequestInit): Promise<Response> =>
    server.fetch(new Request(input, init));
  return new Client({
    apiUrl: URL_OF_SERVER,
    apiKey: null as never,
    defaultHeaders: headers,
    callerOptions: { fetch: fetch as never, maxRetries: 0 },
  });
}

export function kitOf(
  options: Partial<LangGraphServerOptions> & {
    readonly checkpointer?: BaseCheckpointSaver;
    readonly effects?: Effects;
    readonly hold?: Hold;
  } = {},
): Kit {
  const { checkpointer, effects = new Map<string, number>(), hold, ...given } = options;
  const backend = given.backend ?? new InMemoryHITLBackend();
  const graph = graphOf(backend, effects, checkpointer, hold);
  const server = createLangGraphServer({ graphs: { agent: graph }, ...given, backend });
  return { backend, effects, graph, server, client: clientOf(server) };
}

export async function collect<T>(chunks: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

/** What the last message of a state or of values says. */
export function lastText(values: unknown): string {
  const { messages = [] } = (values ?? {}) as { messages?: { content?: unknown }[] };
  const content = messages.at(-1)?.content ?? "";
  if (!Array.isArray(content)) return String(content);
  return content.map((block) => String((block as { text?: unknown }).text ?? "")).join("");
}
