/**
 * New input on a thread that waits, past `sendMessage`: LangGraph gives up the step that waits, and the messages hold
 * tool calls without results, which providers refuse. Here they become valid again, and what the step waited for ends.
 */
import { type BaseMessage, RemoveMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { REMOVE_ALL_MESSAGES } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { namespaceOf, type HostConfig, type Place, placeIfAny } from "../../suspend/place.ts";
import { messagesIn } from "../message/message-graph.ts";
import {
  type BrokenStep,
  type PendingWrite,
  resultsOf,
  unknownResult,
  type Updates,
} from "../message/results.ts";
import { repairMessages, toolCallsOf, unansweredToolCalls } from "../message/tool-calls.ts";
import type { HostSerde } from "../tool-outcome.ts";
import { closeSteps } from "./close-steps.ts";

/** Of the state of every agent of langchain. */
const MESSAGES = "messages";

/**
 * The changes of the state after which a provider accepts its messages; undefined if it does already. Without a backend,
 * a thread or a checkpointer nothing is known of the calls, and that is what is said of them.
 */
export async function mendMessages(
  messages: readonly BaseMessage[],
  config: HostConfig | undefined,
  backend: HITLBackend | undefined,
): Promise<(Updates & { readonly messages: BaseMessage[] }) | undefined> {
  const lacking = new Set<ToolCall>();
  const placed = repairMessages(messages, (call) => {
    lacking.add(call);
    return unknownResult(call);
  });
  if (placed === messages) return undefined;
  const asking = unansweredToolCalls(messages).flatMap(({ call, index }) =>
    lacking.has(call) ? [messages[index] as BaseMessage] : [],
  );
  const place = config && asking.length > 0 ? placeIfAny(config, backend) : null;
  if (!config || !place) return { messages: updateTo(placed, messages) };
  const steps = await brokenSteps(place, graphOf(namespaceOf(config) ?? ""), asking);
  const results = await resultsOf(messages, {
    key: MESSAGES,
    serde: (place.checkpointer as unknown as { serde: HostSerde }).serde,
    stepOf: ({ id }) => steps.get(id),
    isStateKey: (channel) => !/^__|:/.test(channel),
  });
  const mended = repairMessages(messages, (call) => results.of(call));
  return { ...results.updates, messages: updateTo(mended, messages) };
}

function updateTo(mended: readonly BaseMessage[], before: readonly BaseMessage[]): BaseMessage[] {
  if (before.every((message, at) => message === mended[at])) return mended.slice(before.length);
  return [new RemoveMessage({ id: REMOVE_ALL_MESSAGES }), ...mended];
}

/** The namespace of the graph in which a task is. */
function graphOf(checkpoint_ns: string): string {
  return checkpoint_ns.split("|").slice(0, -1).join("|");
}

/** A namespace without the ids of its tasks, which differ from step to step. */
function pathOf(checkpoint_ns: string): string {
  return checkpoint_ns.replaceAll(/:[0-9a-f-]{36}(?=\||$)/g, "");
}

/** More checkpoints than lie between a step that waits and the node of ours that new input reaches. */
const MAX_CHECKPOINTS = 100;

interface Saved {
  readonly checkpoint: { readonly id: string; readonly channel_values?: Readonly<Record<string, unknown>> };
  readonly metadata?: { readonly source?: string; readonly parents?: Readonly<Record<string, string>> };
  readonly pendingWrites?: readonly PendingWrite[];
}

interface Saver {
  list(config: { configurable: Record<string, unknown> }, options: { limit: number }): AsyncIterable<Saved>;
}

interface Origin {
  /** The thread's checkpoints at which the AI message was the last one with calls. */
  readonly roots: Set<string>;
  /** Of the step that was to run its calls; null until its checkpoint is found. */
  writes: readonly PendingWrite[] | null;
}

interface Origins {
  /** By the id of the AI message. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Keys of the state that the new input has brought: langchain's agent adds all that `getState` shows. */
  readonly given: ReadonlySet<string>;
}

/** By the id of the AI message whose calls have no results. What these steps wait for has ended then. */
async function brokenSteps(
  place: Place,
  checkpoint_ns: string,
  asking: readonly BaseMessage[],
): Promise<ReadonlyMap<string | undefined, BrokenStep>> {
  const { origins, given } = await originsOf(place, checkpoint_ns, new Set(asking.map(({ id }) => id)));
  const roots = new Set([...origins.values()].flatMap((origin) => [...origin.roots]));
  const calls = await closeSteps(place, roots);
  // A graph inside a tool has a conversation of its own, and its calls may be named alike.
  const own = calls.filter((call) => pathOf(graphOf(call.checkpoint_ns)) === pathOf(checkpoint_ns));
  return new Map(
    [...origins].map(([id, { roots: at, writes }]) => {
      const asked = own.filter((call) => at.has(call.root_checkpoint_id ?? ""));
      const lost = (writes ?? []).filter(([, channel]) => channel === MESSAGES || !given.has(channel));
      return [id, { writes: lost, calls: asked }];
    }),
  );
}

async function originsOf(
  { checkpointer, thread_id, root_checkpoint_id }: Place,
  checkpoint_ns: string,
  wanted: ReadonlySet<string | undefined>,
): Promise<Origins> {
  const origins = new Map<string, Origin>();
  const given = new Set<string>();
  const config = { configurable: { thread_id, checkpoint_ns } };
  const saver = checkpointer as unknown as Saver;
  for await (const { checkpoint, metadata, pendingWrites = [] } of saver.list(config, {
    limit: MAX_CHECKPOINTS,
  })) {
    const messages = messagesIn(checkpoint.channel_values, MESSAGES);
    const known = messages.some(({ id }) => id !== undefined && wanted.has(id));
    // Those before it are older than the messages.
    if (!known && origins.size > 0) break;
    const last = messages.findLast((message) => toolCallsOf(message).length > 0);
    const isInput = metadata?.source === "input";
    if (isInput) for (const [, channel] of pendingWrites) given.add(channel);
    const root = checkpoint_ns === "" ? checkpoint.id : metadata?.parents?.[""];
    if (last?.id === undefined || !wanted.has(last.id)) continue;
    if (root === undefined || root === root_checkpoint_id) continue;
    const origin = origins.get(last.id) ?? { roots: new Set<string>(), writes: null };
    origin.roots.add(root);
    // Writes of other steps are in the state. At the one of an input, its messages are not yet.
    if (messages.at(-1) === last && !isInput) origin.writes ??= pendingWrites;
    origins.set(last.id, origin);
  }
  return { origins, given };
}
