/**
 * The input with which a thread goes on after new messages: whatever the paused step knows of its calls comes first,
 * so that the model never sees a call without its result (P6), and all of it is one input, which is saved as a whole.
 */
import {
  type BaseMessage,
  type HumanMessage,
  isBaseMessage,
  RemoveMessage,
  ToolMessage,
} from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { isCommand, REMOVE_ALL_MESSAGES } from "@langchain/langgraph";
import { MAX_PAGE_LIMIT } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { CALL_KIND, type CallValue, callValueOf } from "../../suspend/call-record.ts";
import { decodeFailure, decodeOutput, type HostSerde, toolMessage } from "../tool-outcome.ts";
import { CallNames } from "../wake.ts";
import { type MessageGraph, messagesIn, type ThreadLook } from "./message-graph.ts";
import { areMessagesValid, isToolMessage, repairMessages, unansweredToolCalls } from "./tool-calls.ts";

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
  readonly pendingWrites?: readonly (readonly [task: string, channel: string, value: unknown])[];
}

type Updates = Record<string, unknown>;

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
    const results = await resultsOf(place, known, paused, key);
    if (paused) merge(input, results.updates);
    const repaired = repairMessages(known, (call) => results.take(call));
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
  readonly calls: readonly CallValue[];
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
  const tuples = await Promise.all(
    [...around]
      .toSorted((a, b) => a.length - b.length)
      .map((checkpoint_ns) => saver.getTuple({ configurable: { thread_id, checkpoint_ns } })),
  );
  const { values } = await graph.getState({ configurable: { thread_id, checkpoint_id: head } });
  return { values, calls, tuples: tuples.filter((tuple) => tuple !== undefined) };
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

interface Results {
  take(call: ToolCall): ToolMessage;
  /** What finished calls change beside the messages. */
  readonly updates: Updates;
}

async function resultsOf(
  { graph }: ConversationPlace,
  messages: readonly BaseMessage[],
  paused: PausedStep | null,
  key: string,
): Promise<Results> {
  const updates: Updates = {};
  const answers: ToolMessage[] = [];
  if (areMessagesValid(messages)) return { take: missing, updates };
  // Tasks of the step that the host has run to their end: their writes are not in the state yet.
  for (const [, channel, value] of paused?.tuples.flatMap((tuple) => tuple.pendingWrites ?? []) ?? []) {
    if (channel === key) answers.push(...toolMessagesIn(value));
    else if (isStateKey(graph, channel)) merge(updates, { [channel]: value });
  }
  const byName = new Map(paused?.calls.map((call) => [call.tool_call_id ?? "", call]));
  const serde = (graph.checkpointer as Saver).serde;
  const names = new Map<number, CallNames>();
  for (const { call, index } of unansweredToolCalls(messages)) {
    const own = names.get(index) ?? new CallNames();
    names.set(index, own);
    const record = byName.get(own.next(call.id));
    if (!record?.outcome) continue;
    const failure = decodeFailure(record.outcome);
    const output = failure
      ? toolMessage(call, `Error: ${failure.message}\n Please fix your mistakes.`, "error")
      : await decodeOutput(record.outcome, serde);
    if (!isCommand(output)) answers.push(addressed(output, call));
    else {
      const { [key]: said, ...others } = Object.fromEntries<unknown>(output._updateAsTuples());
      answers.push(...toolMessagesIn(said));
      merge(updates, others);
    }
  }
  const take = (call: ToolCall): ToolMessage => {
    const at = answers.findIndex((answer) => answer.tool_call_id === (call.id ?? ""));
    return (at < 0 ? undefined : answers.splice(at, 1)[0]) ?? missing(call);
  };
  return { take, updates };
}

/** A record knows its call by the name that tells it from its siblings; a message by the id that the model gave. */
function addressed(message: ToolMessage, { id = "" }: ToolCall): ToolMessage {
  if (message.tool_call_id !== id) message.tool_call_id = id;
  return message;
}

function toolMessagesIn(value: unknown): ToolMessage[] {
  return [value]
    .flat()
    .filter((entry) => isBaseMessage(entry))
    .filter(isToolMessage);
}

function isStateKey(graph: MessageGraph, channel: string): boolean {
  const { channels } = (("channels" in graph ? graph : graph.graph) ?? {}) as { channels?: object };
  return channels !== undefined && Object.hasOwn(channels, channel) && !/^__|:/.test(channel);
}

function merge(into: Updates, more: Updates): void {
  for (const [name, value] of Object.entries(more)) {
    const before = into[name];
    into[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
}

/** Nobody recorded what became of it. */
function missing(call: ToolCall): ToolMessage {
  const text =
    "The call was interrupted by a new message of the user before its result was known. It may or may not have taken effect; do not assume either.";
  return new ToolMessage({
    content: text,
    status: "error",
    name: call.name,
    tool_call_id: call.id ?? "",
  });
}
