/**
 * The two graphs that are compared, alike but for the tool node and the way a human is asked:
 * scripted model → tools → END. No second call of the model: it would be the same work on both sides and hide
 * what the layer costs.
 */
import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  type BaseCheckpointSaver,
  Command,
  INTERRUPT,
  interrupt,
  MessagesAnnotation,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { confirm, type HITLBackend, HITLToolNode, respondAndResume } from "holdpoint";
import type { Policy } from "holdpoint/policy";
import { z } from "zod";

const schema = z.object({ order: z.string(), amount: z.number() });
type Refund = z.infer<typeof schema>;
const fields = { name: "refund", description: "Refunds an order.", schema };

/** Counts what the tool has really done, by thread. */
export class Effects {
  readonly #counts = new Map<string, number>();

  happened(thread: string): void {
    this.#counts.set(thread, (this.#counts.get(thread) ?? 0) + 1);
  }

  /** Threads in which the effect happened `times` times. */
  with(times: number): number {
    return [...this.#counts.values()].filter((count) => count === times).length;
  }

  get moreThanOnce(): number {
    return [...this.#counts.values()].filter((count) => count > 1).length;
  }

  /** @throws Error unless each of `threads` threads had its effect once: a benchmark of wrong work is worth nothing. */
  assertOnceEach(threads: number): void {
    if (this.with(1) === threads && this.moreThanOnce === 0) return;
    throw new Error(
      `${this.with(1)} of ${threads} threads had their effect once, ${this.moreThanOnce} more often.`,
    );
  }
}

function compile(tools: ToolNode, checkpointer: BaseCheckpointSaver) {
  const scripted = ({ messages }: typeof MessagesAnnotation.State): { messages: AIMessage[] } => {
    const order = String(messages.at(-1)?.content);
    const call = {
      id: `call_${order}`,
      name: "refund",
      args: { order, amount: 42 },
      type: "tool_call" as const,
    };
    return { messages: [new AIMessage({ content: "", tool_calls: [call] })] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("model", scripted)
    .addNode("tools", tools)
    .addEdge("__start__", "model")
    .addEdge("model", "tools")
    .addEdge("tools", "__end__")
    .compile({ checkpointer });
}

export type BenchGraph = ReturnType<typeof compile>;

interface Interrupt {
  readonly id: string;
  readonly value: { readonly hitl_id?: string };
}

/** Runs a new thread to its question. */
export async function suspend(graph: BenchGraph, thread_id: string): Promise<Interrupt> {
  const input = { messages: [{ role: "user", content: thread_id }] };
  const result: unknown = await graph.invoke(input, { configurable: { thread_id }, durability: "sync" });
  const [found] = (result as { [INTERRUPT]?: Interrupt[] })[INTERRUPT] ?? [];
  if (!found) throw new Error(`Thread ${thread_id} did not stop for its question.`);
  return found;
}

/**
 * Plain LangGraph: `interrupt()` in a stock `ToolNode`.
 *
 * @param shown - fields that the interrupt shows besides
 */
export function bareGraph(
  checkpointer: BaseCheckpointSaver,
  effects: Effects,
  shown: object = { risk_level: "high" },
): BenchGraph {
  const refund = tool(async ({ order, amount }: Refund) => {
    const { confirmed } = interrupt({ ...shown, message: `Refund ${amount} for ${order}?` }) as {
      confirmed: boolean;
    };
    if (!confirmed) return "not refunded";
    effects.happened(order);
    return `refunded ${order}`;
  }, fields);
  return compile(new ToolNode([refund]), checkpointer);
}

/** Holdpoint: `confirm` in a `HITLToolNode`. */
export function ownGraph(
  checkpointer: BaseCheckpointSaver,
  backend: HITLBackend,
  effects: Effects,
): BenchGraph {
  const refund = tool(async ({ order, amount }: Refund) => {
    const { confirmed } = await confirm({ message: `Refund ${amount} for ${order}?`, risk_level: "high" });
    if (!confirmed) return "not refunded";
    effects.happened(order);
    return `refunded ${order}`;
  }, fields);
  return compile(new HITLToolNode([refund], { backend }), checkpointer);
}

/** A graph whose tool asks nobody; a policy may. */
export function quietGraph(
  checkpointer: BaseCheckpointSaver,
  backend: HITLBackend,
  effects: Effects,
  policy?: Policy,
): BenchGraph {
  const refund = tool(async ({ order }: Refund) => {
    effects.happened(order);
    return `refunded ${order}`;
  }, fields);
  return compile(new HITLToolNode([refund], policy ? { backend, policy } : { backend }), checkpointer);
}

export const ANSWER = { confirmed: true } as const;

export async function bareAnswer(graph: BenchGraph, thread_id: string): Promise<void> {
  await graph.invoke(new Command({ resume: ANSWER }), { configurable: { thread_id }, durability: "sync" });
}

export async function bareRound(graph: BenchGraph, thread_id: string): Promise<void> {
  await suspend(graph, thread_id);
  await bareAnswer(graph, thread_id);
}

/** @param backend - of whoever answers; the one that asked, or another handle on the same store */
export async function ownAnswer(
  graph: BenchGraph,
  backend: HITLBackend,
  asked: Interrupt,
  response: object = ANSWER,
): Promise<string> {
  const hitl_id = asked.value.hitl_id;
  if (hitl_id === undefined) throw new Error("The interrupt names no record.");
  const { status, resume } = await respondAndResume(graph, { backend, hitl_id, response });
  return `${status}, ${resume?.status ?? "not resumed"}`;
}

export async function ownRound(
  graph: BenchGraph,
  backend: HITLBackend,
  thread_id: string,
  response: object = ANSWER,
): Promise<void> {
  const outcome = await ownAnswer(graph, backend, await suspend(graph, thread_id), response);
  if (outcome !== "accepted, resumed") throw new Error(`Thread ${thread_id}: ${outcome}`);
}
