/** A graph whose state holds a conversation, as far as messages are sent to it; and where one of its threads stands. */
import type { BaseMessage } from "@langchain/core/messages";
import { isBaseMessage } from "@langchain/core/messages";
import { HoldpointError } from "../../core/errors.ts";
import { assertGraphCanAsk, type ResumableGraph } from "../graph.ts";

/** What is needed of a compiled graph, or of the agent that langchain's `createAgent` makes. */
export interface MessageGraph<Output = unknown> extends ResumableGraph<Output> {
  getState(
    config: { configurable: { thread_id: string; checkpoint_id?: string } },
    options?: unknown,
  ): Promise<GraphState>;
  /** Of `createAgent`: the graph inside. */
  readonly graph?: unknown;
}

export interface GraphState {
  readonly values?: unknown;
  readonly createdAt?: string | undefined;
  readonly config?: unknown;
  readonly tasks: readonly GraphTask[];
}

export interface GraphTask {
  readonly name: string;
  readonly interrupts: readonly { readonly value?: unknown }[];
  readonly error?: unknown;
}

/**
 * - `rest`: no task is left, or one has failed: new input starts a turn.
 * - `paused`: it waits for humans. `breakpoint`: it waits where its author stopped it.
 * - `running`: tasks are left, and nothing says that they wait: a run is at work, or has died.
 */
export type Standing = "rest" | "failed" | "paused" | "breakpoint" | "running";

export interface ThreadLook {
  readonly head: string | null;
  /** Epoch ms of the newest checkpoint, by the clock of whoever wrote it. */
  readonly headAt: number;
  readonly standing: Standing;
  readonly state: GraphState;
}

interface Inside {
  readonly channels?: Readonly<Record<string, unknown>>;
  readonly interruptBefore?: readonly string[] | "*";
  readonly interruptAfter?: readonly string[] | "*";
}

function insideOf(graph: MessageGraph): Inside {
  const { channels, graph: inner } = graph as Inside & { readonly graph?: Inside };
  return channels ? (graph as Inside) : (inner ?? {});
}

/** @throws HoldpointError `ERR_HITL_NO_CHECKPOINTER`, `ERR_HITL_CACHE_POLICY`, `ERR_HITL_INVALID_INPUT` */
export function assertTakesMessages(graph: MessageGraph, messages_key: string): void {
  assertGraphCanAsk(graph);
  const { channels } = insideOf(graph);
  if (channels && Object.hasOwn(channels, messages_key)) return;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `The graph's state has no "${messages_key}". Name the key that holds its messages: messagesKey.`,
    { details: { messages_key } },
  );
}

export async function lookAt(graph: MessageGraph, thread_id: string): Promise<ThreadLook> {
  const state = await graph.getState({ configurable: { thread_id } });
  const { configurable } = (state.config ?? {}) as { configurable?: { checkpoint_id?: string } };
  return {
    head: configurable?.checkpoint_id ?? null,
    headAt: Date.parse(state.createdAt ?? "") || 0,
    standing: standingOf(graph, state.tasks),
    state,
  };
}

function standingOf(graph: MessageGraph, tasks: readonly GraphTask[]): Standing {
  if (tasks.length === 0) return "rest";
  if (tasks.some(({ interrupts }) => interrupts.length > 0)) return "paused";
  if (tasks.some(({ error }) => error !== undefined)) return "failed";
  const { interruptBefore, interruptAfter } = insideOf(graph);
  const before = interruptBefore === "*" || tasks.some(({ name }) => interruptBefore?.includes(name));
  // Which nodes ran last is not said: a thread that may rest on purpose is not moved.
  return before || (interruptAfter?.length ?? 0) > 0 ? "breakpoint" : "running";
}

export function messagesIn(values: unknown, messages_key: string): readonly BaseMessage[] {
  const found = (values as Record<string, unknown> | null | undefined)?.[messages_key];
  return Array.isArray(found) ? found.filter((entry) => isBaseMessage(entry)) : [];
}
