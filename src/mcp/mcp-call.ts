/** One call of a tool by a client: the engine's own, without a graph. What it waits for is in its record (P1, P6). */
import type { ToolCall } from "@langchain/core/messages/tool";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { HoldpointError } from "../core/errors.ts";
import type { HITLRecord } from "../core/record.ts";
import {
  asToolOutput,
  decodeOutput,
  encodeOutput,
  type HostSerde,
  saidFor,
  toolMessage,
  type ToolOutput,
} from "../nodes/tool-outcome.ts";
import { identityOf } from "../nodes/wake.ts";
import { callValueOf } from "../suspend/call-record.ts";
import { CallRun } from "../suspend/call-run.ts";
import type { CallResult, CallTask } from "../suspend/call-task.ts";
import { isBubbleUp, isFatal } from "../suspend/errors.ts";
import { isHITLSuspend } from "../suspend/suspend-signal.ts";
import { ToolStep, type ToolStepOptions } from "../suspend/tool-step.ts";
import { type Intent, placeOfCall } from "./caller.ts";

/** The tool, under its policy and ledger. */
export interface RunTool {
  run(call: ToolCall, config: LangGraphRunnableConfig): Promise<unknown>;
  isBehindLedger(call: ToolCall): boolean;
}

export interface McpCallParts {
  readonly backend: StoreHITLBackend;
  readonly intent: Intent;
  readonly run: RunTool;
  readonly step: ToolStepOptions;
}

/** What a client gets is text: nothing but JSON has to be kept. */
const JSON_ONLY: HostSerde = {
  dumpsTyped() {
    throw new TypeError("only what is JSON can be a result of a tool of MCP");
  },
  loadsTyped() {
    throw new TypeError("only what is JSON can be a result of a tool of MCP");
  },
};

export class McpCall {
  readonly call_id: string;
  readonly #step: ToolStep;
  readonly #task: CallTask<ToolOutput>;

  constructor(parts: McpCallParts, call_id: string) {
    this.call_id = call_id;
    const place = placeOfCall(parts.backend, parts.intent, call_id);
    this.#step = new ToolStep(place, { ...parts.step, seesWholeStep: true });
    this.#task = taskOf(parts, place, call_id);
  }

  /** Of the call's record. */
  get record_id(): string {
    return this.#task.call.id;
  }

  /** What is recorded of it; null for a call that nobody has recorded. */
  async load(): Promise<StoredRecord | null> {
    await this.#step.load([this.record_id]);
    return this.#step.records.get(this.record_id) ?? null;
  }

  /** Every question that it has asked, as it was read last. */
  asked(): HITLRecord[] {
    const record = this.#step.records.get(this.record_id);
    if (!record) return [];
    const { asked, doubt } = callValueOf(record);
    const ids = new Set([...asked.map(({ id }) => id), ...(doubt === null ? [] : [doubt])]);
    const stored = [...ids].map((id) => this.#step.questions.get(id));
    return stored
      .filter((found): found is StoredRecord => found !== undefined)
      .map((found) => toHITLRecord(found));
  }

  /** What it waits for; only after {@link settle}. */
  pending(): HITLRecord[] {
    return this.#step.pending();
  }

  /** By what is recorded: runs, goes on, gives its outcome, or still waits. */
  async settle(isKnown: boolean): Promise<CallResult<ToolOutput>> {
    if (isKnown) await this.#step.refresh([this.record_id]);
    this.#step.runs.clear();
    const run = new CallRun(this.#step, this.#task);
    const result = await run.settle();
    if (run.interrupts.length > 0) throw foreignInterrupt(this.#task.call.tool_name);
    return result;
  }
}

function taskOf(
  { intent, run }: McpCallParts,
  place: ToolStep["place"],
  call_id: string,
): CallTask<ToolOutput> {
  const { tool: name, args, caller } = intent;
  const call: ToolCall = { type: "tool_call", id: call_id, name, args };
  return {
    call: identityOf(place, call, call_id),
    // A client that is gone does not stop a body: what came of it is kept, and it may come back for it.
    signal: undefined,
    behindEffect: run.isBehindLedger(call),
    execute: () => outputOf(run, call, configOf(place, caller.actor?.id)),
    encode: (output) => encodeOutput(output, JSON_ONLY),
    decode: (outcome) => decodeOutput(outcome, JSON_ONLY),
    ...saidFor(call),
  };
}

function configOf(place: ToolStep["place"], user_id: string | undefined): LangGraphRunnableConfig {
  const { thread_id, checkpoint_ns, session_id, invocation_id, backend } = place;
  const holdpoint = { backend, session_id, invocation_id, ...(user_id === undefined ? {} : { user_id }) };
  return { configurable: { thread_id, checkpoint_ns, holdpoint } };
}

/** An error of the tool is its outcome: a client hears it each time alike. */
async function outputOf(run: RunTool, call: ToolCall, config: LangGraphRunnableConfig): Promise<ToolOutput> {
  try {
    const output = asToolOutput(await run.run(call, config), call);
    return "artifact" in output ? withoutArtifact(output) : output;
  } catch (error) {
    if (isHITLSuspend(error) || isFatal(error) || isBubbleUp(error)) throw error;
    return toolMessage(call, error instanceof Error ? error.message : String(error), "error");
  }
}

/** No client sees it, and it may be anything. */
function withoutArtifact(output: Extract<ToolOutput, { artifact?: unknown }>): ToolOutput {
  const { content, name = "", tool_call_id, status = "success", response_metadata } = output;
  const said = toolMessage({ id: tool_call_id, name }, "", status);
  said.content = content;
  said.response_metadata = response_metadata;
  return said;
}

function foreignInterrupt(tool: string): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_NO_CHECKPOINTER",
    `A graph inside ${tool} was interrupted, and no client of MCP can resume it. Ask in the tool itself, or answer by the backend and call ${tool} again.`,
    { details: { tool_name: tool } },
  );
}
