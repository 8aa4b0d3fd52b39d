/**
 * What is known of the calls that have no tool message: the host keeps what a task of an interrupted step returned, we
 * keep what became of each call (P6). Neither is in the messages where new input came instead of the step's end.
 */
import { type BaseMessage, isBaseMessage, type ToolMessage } from "@langchain/core/messages";
import type { ToolCall } from "@langchain/core/messages/tool";
import { isCommand } from "@langchain/langgraph";
import type { CallValue } from "../../suspend/call-record.ts";
import { decodeFailure, decodeOutput, type HostSerde, toolMessage } from "../tool-outcome.ts";
import { CallNames } from "../wake.ts";
import { isToolMessage, toolCallsOf, unansweredToolCalls } from "./tool-calls.ts";

export type Updates = Record<string, unknown>;

export type PendingWrite = readonly [task: string, channel: string, value: unknown];

/** A step that did not come to its end. */
export interface BrokenStep {
  /** Of tasks that the host has run to their end. */
  readonly writes: readonly PendingWrite[];
  readonly calls: readonly CallValue[];
}

export interface ResultsOptions {
  /** The key of the state that holds the messages. */
  readonly key: string;
  readonly serde: HostSerde;
  /** The step of an AI message's calls, if it is known. */
  readonly stepOf: (asking: BaseMessage) => BrokenStep | undefined;
  readonly isStateKey: (channel: string) => boolean;
}

export interface Results {
  /** The call's own result, or what is said of one that nobody knows of. */
  of(call: ToolCall): ToolMessage;
  /** What finished calls change beside the messages. */
  readonly updates: Updates;
}

export async function resultsOf(
  messages: readonly BaseMessage[],
  { key, serde, stepOf, isStateKey }: ResultsOptions,
): Promise<Results> {
  const unanswered = new Set(unansweredToolCalls(messages).map(({ call }) => call));
  const steps = new Map<BrokenStep, StepResults>();
  const updates: Updates = {};
  const found = new Map<ToolCall, ToolMessage>();
  for (const message of messages) {
    const names = new CallNames();
    for (const call of toolCallsOf(message)) {
      const name = names.next(call.id);
      const step = unanswered.has(call) ? stepOf(message) : undefined;
      if (!step) continue;
      const known = steps.get(step) ?? new StepResults(step, key, isStateKey, updates);
      steps.set(step, known);
      const result = await known.take(call, name, serde);
      if (result) found.set(call, result);
    }
  }
  return { of: (call) => found.get(call) ?? unknownResult(call), updates };
}

/** Results of one step, each given once. */
class StepResults {
  readonly #key: string;
  readonly #change: (more: Updates) => void;
  readonly #messages: ToolMessage[] = [];
  readonly #records: ReadonlyMap<string, CallValue>;

  constructor(
    { writes, calls }: BrokenStep,
    key: string,
    isStateKey: (channel: string) => boolean,
    updates: Updates,
  ) {
    this.#key = key;
    this.#change = (more) =>
      mergeUpdates(updates, Object.fromEntries(Object.entries(more).filter(([name]) => isStateKey(name))));
    // An agent in a tool may have named its calls alike: those of the graphs further outside win.
    const outerLast = calls.toSorted((a, b) => depthOf(b) - depthOf(a));
    this.#records = new Map(outerLast.map((call) => [call.tool_call_id ?? "", call]));
    for (const [, channel, value] of writes) {
      if (channel === key) this.#messages.push(...toolMessagesIn(value));
      else this.#change({ [channel]: value });
    }
  }

  async take(call: ToolCall, name: string, serde: HostSerde): Promise<ToolMessage | undefined> {
    // What the host has kept of a call is all of it: its record would be the same once more.
    return this.#said(call) ?? (await this.#recorded(call, name, serde));
  }

  #said({ id = "" }: ToolCall): ToolMessage | undefined {
    const at = this.#messages.findIndex(({ tool_call_id }) => tool_call_id === id);
    return at < 0 ? undefined : this.#messages.splice(at, 1)[0];
  }

  async #recorded(call: ToolCall, name: string, serde: HostSerde): Promise<ToolMessage | undefined> {
    const outcome = this.#records.get(name)?.outcome;
    if (!outcome) return undefined;
    const failure = decodeFailure(outcome);
    if (failure) return toolMessage(call, `Error: ${failure.message}\n Please fix your mistakes.`, "error");
    const output = await decodeOutput(outcome, serde);
    if (!isCommand(output)) return addressed(output, call);
    const key = this.#key;
    const { [key]: said, ...others } = Object.fromEntries<unknown>(output._updateAsTuples());
    this.#messages.push(...toolMessagesIn(said));
    this.#change(others);
    return this.#said(call);
  }
}

function depthOf({ checkpoint_ns }: CallValue): number {
  return checkpoint_ns.split("|").length;
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

/** Lists are joined; of other values the last one counts. */
export function mergeUpdates(into: Updates, more: Updates): void {
  for (const [name, value] of Object.entries(more)) {
    const before = into[name];
    into[name] = Array.isArray(before) && Array.isArray(value) ? [...before, ...value] : value;
  }
}

/** Nobody recorded what became of it. Providers are not sent what marks it. */
export function unknownResult(call: ToolCall): ToolMessage {
  const message = toolMessage(call, UNKNOWN_TEXT, "error");
  message.response_metadata = { holdpoint: UNKNOWN };
  return message;
}

/** True of what {@link unknownResult} made, and of a call that was called off: no tool, and no middleware, has said it. */
export function isOwnResult({ response_metadata }: BaseMessage): boolean {
  const made = (response_metadata as { holdpoint?: unknown } | undefined)?.holdpoint;
  return made === UNKNOWN || made === CALLED_OFF;
}

const UNKNOWN = "unknown_result";
export const CALLED_OFF = "called_off";
const UNKNOWN_TEXT =
  "The call was interrupted before its result was known. It may or may not have taken effect; do not assume either.";
