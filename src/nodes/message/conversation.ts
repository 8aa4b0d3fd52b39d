/**
 * The input with which a thread goes on after new messages: whatever the paused step knows of its calls comes first,
 * so that the model never sees a call without its result (P6), and all of it is one input, which is saved as a whole.
 */
import { type BaseMessage, type HumanMessage, RemoveMessage } from "@langchain/core/messages";
import { REMOVE_ALL_MESSAGES } from "@langchain/langgraph";
import { MAX_PAGE_LIMIT } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { CALL_KIND, callValueOf } from "../../suspend/call-record.ts";
import type { HostSerde } from "../tool-outcome.ts";
import { type MessageGraph, messagesIn, type ThreadLook } from "./message-graph.ts";
import { type BrokenStep, mergeUpdates, type PendingWrite, resultsOf, type Updates } from "./results.ts";
import { repairMessages } from "./tool-calls.ts";

export interface ConversationPlace {
  readonly graph: MessageGraph;
  readonly backend: StoreHITLBackend;
  readonly thread_id: string;
  /** Of the session: the calls are there. */
  readonly slot: number;
}

interface Saver {
  readonly serde: HostSerde;
  getTuple(config: { configurable: Record<string, unknown> }): Promise<Tuple | undefined>;
}

interface Tuple {
  readonly checkpoint: { readonly channel_values?: Readonly<Record<string, unknown>> };
  readonly pendingWrites?: readonly PendingWrite[];
}

/** @param sent - the new messages, by the key of the state that they go to */
export async function inputOf(
  place: ConversationPlace,
  { state, head, standing }: ThreadLook,
  sent: ReadonlyMap<string, readonly HumanMessage[]>,
): Promise<Updates> {
  const input: Updates = {};
  const paused = standing !== "rest" && head !== null ? await pausedStepOf(place, head) : null;
  const values = paused ? paused.values : state.values;
  for (const [key, messages] of sent) {
    const current = messagesIn(values, key);
    const known = paused ? withInner(current, paused.tuples, key) : current;
    const results = await resultsOf(known, {
      key,
      serde: (place.graph.checkpointer as Saver).serde,
      stepOf: () => paused?.step,
      isStateKey: (channel) => isStateKey(place.graph, channel),
    });
    mergeUpdates(input, results.updates);
    const repaired = repairMessages(known, (call) => results.of(call));
    const appends = current.every((message, at) => message === repaired[at]);
    input[key] = appends
      ? [...repaired.slice(current.length), ...messages]
      : [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...repaired, ...messages];
  }
  return input;
}

interface PausedStep {
  /** As new input finds it: without the writes of tasks that have ended, which it discards. */
  readonly values: unknown;
  readonly step: BrokenStep;
  /** The checkpoint of the thread, then those of graphs inside it, outer ones first. */
  readonly tuples: readonly Tuple[];
}

async function pausedStepOf(
  { graph, backend, thread_id, slot }: ConversationPlace,
  head: string,
): Promise<PausedStep> {
  const key = { name: "thread", value: thread_id } as const;
  const query = { kind: CALL_KIND, tenant_id: backend.tenant_id, statuses: ["finished"], key, slot } as const;
  const { items } = await backend.store.page({ ...query, order: "newest", limit: MAX_PAGE_LIMIT });
  const calls = items.map(callValueOf).filter((call) => call.root_checkpoint_id === head);
  const saver = graph.checkpointer as Saver;
  const around = new Set(["", ...calls.flatMap((call) => namespacesAround(call.checkpoint_ns))]);
  const found = await Promise.all(
    [...around]
      .toSorted((a, b) => a.length - b.length)
      .map((checkpoint_ns) => saver.getTuple({ configurable: { thread_id, checkpoint_ns } })),
  );
  const { values } = await graph.getState({ configurable: { thread_id, checkpoint_id: head } });
  const tuples = found.filter((tuple) => tuple !== undefined);
  const writes = tuples.flatMap((tuple) => tuple.pendingWrites ?? []);
  return { values, step: { writes, calls }, tuples };
}

/** `a|b` of `a|b|c`, and `a`. */
function namespacesAround(checkpoint_ns: string): string[] {
  const parts = checkpoint_ns.split("|").slice(0, -1);
  return parts.map((_, at) => parts.slice(0, at + 1).join("|"));
}

/**
 * With what a graph inside has added to the conversation: one that was given the same messages would have handed its
 * own up at its end. A graph with a conversation of its own keeps it to itself.
 */
function withInner(
  outer: readonly BaseMessage[],
  tuples: readonly Tuple[],
  key: string,
): readonly BaseMessage[] {
  let known = outer;
  for (const { checkpoint } of tuples.slice(1)) {
    const inner = messagesIn(checkpoint.channel_values, key);
    const shared = outer.length > 0 && outer.every(({ id }, at) => id !== undefined && id === inner[at]?.id);
    if (!shared) continue;
    const ids = new Set(known.map(({ id }) => id));
    known = [...known, ...inner.filter(({ id }) => id === undefined || !ids.has(id))];
  }
  return known;
}

function isStateKey(graph: MessageGraph, channel: string): boolean {
  const { channels } = (("channels" in graph ? graph : graph.graph) ?? {}) as { channels?: object };
  return channels !== undefined && Object.hasOwn(channels, channel) && !/^__|:/.test(channel);
}
