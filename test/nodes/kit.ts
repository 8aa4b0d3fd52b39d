/** Graphs with scripted models, counters for everything that runs, and gates instead of sleeps. */
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage, HumanMessage, type ToolMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import {
  type BaseCheckpointSaver,
  Command,
  END,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { z } from "zod";
import {
  type HITLBackend,
  type HITLRecord,
  InMemoryHITLBackend,
  type RecordStore,
  type ResumableGraph,
  respondAndResume,
  StoreHITLBackend,
} from "../../src/index.ts";

/** How often what ran. */
export class Counter {
  readonly #counts = new Map<string, number>();

  hit(name: string): number {
    const count = this.of(name) + 1;
    this.#counts.set(name, count);
    return count;
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  all(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

/** Something that a test opens when it wants the others to go on. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** Lets everything that is ready now run: some turns of the event loop, no time. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

type Call = { name: string; args?: Record<string, unknown>; id?: string };

export function ai(calls: readonly Call[], content = ""): AIMessage {
  return new AIMessage({
    content,
    tool_calls: calls.map(({ name, args = {}, id }) => ({
      type: "tool_call" as const,
      name,
      args,
      ...(id === undefined ? {} : { id }),
    })),
  });
}

/** A chat model that says what the script tells, by how often the conversation has an AI message already. */
export class ScriptedModel extends BaseChatModel {
  readonly script: readonly AIMessage[];
  readonly seen: BaseMessage[][] = [];
  readonly bound: unknown[] = [];

  constructor(script: readonly AIMessage[]) {
    super({});
    this.script = script;
  }

  _llmType(): string {
    return "scripted";
  }

  override bindTools(tools: unknown[]): Runnable<never, never> {
    this.bound.push(...tools);
    return this as unknown as Runnable<never, never>;
  }

  async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.seen.push(messages);
    const turn = messages.filter((message) => message.getType() === "ai").length;
    const said = this.script[turn] ?? new AIMessage("done");
    const message = new AIMessage({
      content: said.content,
      ...(said.tool_calls ? { tool_calls: said.tool_calls } : {}),
    });
    return { generations: [{ text: typeof message.content === "string" ? message.content : "", message }] };
  }
}

export const anyArgs = z.looseObject({});

/** A tool from a body. */
export function toolOf(
  name: string,
  body: (args: Record<string, unknown>, runtime: Record<string, unknown>) => unknown,
  options: Record<string, unknown> = {},
) {
  return tool(
    (args, runtime) =>
      body(args as Record<string, unknown>, runtime as unknown as Record<string, unknown>) as never,
    {
      name,
      description: name,
      schema: anyArgs,
      ...options,
    },
  );
}

// biome-ignore lint/suspicious/noExplicitAny: any node of any graph.
type AnyNode = any;

/** START → tools → END: the input is an AI message with calls. */
export function toolsGraph(
  node: AnyNode,
  checkpointer: BaseCheckpointSaver | undefined = new MemorySaver(),
  after?: () => void,
) {
  return new StateGraph(MessagesAnnotation)
    .addNode("tools", node)
    .addNode("after", () => {
      after?.();
      return {};
    })
    .addEdge(START, "tools")
    .addEdge("tools", "after")
    .addEdge("after", END)
    .compile(checkpointer ? { checkpointer } : {});
}

/** One plain node. */
export function nodeGraph(node: AnyNode, checkpointer: BaseCheckpointSaver | undefined = new MemorySaver()) {
  return new StateGraph(MessagesAnnotation)
    .addNode("work", node)
    .addEdge(START, "work")
    .addEdge("work", END)
    .compile(checkpointer ? { checkpointer } : {});
}

export function thread(thread_id: string): { configurable: { thread_id: string } } {
  return { configurable: { thread_id } };
}

export function input(...calls: Call[]): { messages: BaseMessage[] } {
  return { messages: [new HumanMessage("go"), ai(calls)] };
}

/** Contents of the tool messages, by call id. */
export function outputs(result: unknown): Record<string, unknown> {
  const messages = Array.isArray(result)
    ? (result as BaseMessage[])
    : (result as { messages: BaseMessage[] }).messages;
  return Object.fromEntries(
    messages
      .filter((message) => message.getType() === "tool")
      .map((message) => [(message as ToolMessage).tool_call_id, message.content]),
  );
}

export function interruptsIn(
  result: unknown,
): { id: string; value: { hitl_id: string; asks: { hitl_id: string }[] } }[] {
  return ((result as Record<string, unknown>)["__interrupt__"] ?? []) as never;
}

export async function pending(backend: HITLBackend, thread_id: string): Promise<HITLRecord[]> {
  return [...(await backend.list({ thread_id, status: "pending", limit: 1000 })).items];
}

/** The one open question with this message (or the only one at all). */
export async function openAsk(
  backend: HITLBackend,
  thread_id: string,
  message?: string,
): Promise<HITLRecord> {
  const items = await pending(backend, thread_id);
  const found = message === undefined ? items : items.filter((record) => record.data["message"] === message);
  if (found.length !== 1) {
    throw new Error(
      `expected one open question${message ? ` "${message}"` : ""}, found: ${items.map((r) => String(r.data["message"])).join(", ") || "none"}`,
    );
  }
  return found[0] as HITLRecord;
}

/** Answers the open question with this message and lets the graph go on. */
export async function answer<Output>(
  graph: ResumableGraph<Output>,
  backend: HITLBackend,
  thread_id: string,
  message: string | undefined,
  response: unknown,
) {
  const { hitl_id } = await openAsk(backend, thread_id, message);
  return respondAndResume(graph, { backend, hitl_id, response });
}

/** Wakes a graph with a value that means nothing (P1). */
// biome-ignore lint/suspicious/noExplicitAny: a command for any graph.
export function wake(value: unknown): Command<any, any, any> {
  return new Command({ resume: value as never });
}

export interface StoreCalls {
  commit: number;
  get: number;
  page: number;
}

/** A backend whose store counts its calls. */
export function countingBackend(): { backend: StoreHITLBackend; calls: StoreCalls } {
  const inner = new InMemoryHITLBackend().store;
  const calls: StoreCalls = { commit: 0, get: 0, page: 0 };
  const store = new Proxy(inner, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return (...args: unknown[]): unknown => {
        if (name === "commit" || name === "get" || name === "page") calls[name] += 1;
        return Reflect.apply(own, target, args);
      };
    },
  });
  return { backend: new StoreHITLBackend(store as RecordStore), calls };
}

export function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}
