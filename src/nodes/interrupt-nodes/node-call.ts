/**
 * Running an interrupt node as a call of its own (PROTOCOL.md §8): the call record says whether it asks, goes on or
 * gives its outcome again, so that two runs of one thread do not both go on from an answer (P6, P9).
 */
import { isCommand, type LangGraphRunnableConfig } from "@langchain/langgraph";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { HoldpointError } from "../../core/errors.ts";
import { CallRun } from "../../suspend/call-run.ts";
import { callScope } from "../../suspend/call-scope.ts";
import type { CallTask } from "../../suspend/call-task.ts";
import { PauseSignal } from "../../suspend/pause-signal.ts";
import { callRecordId, type HostConfig, type Place, placeOf, placeOfThread } from "../../suspend/place.ts";
import { takeResumeValue } from "../../suspend/resume-value.ts";
import { ToolStep } from "../../suspend/tool-step.ts";
import { pauseFor } from "../pause-for.ts";
import { decodeOutput, encodeOutput, type HostSerde } from "../tool-outcome.ts";
import { wakeHintOf } from "../wake.ts";
import type { NodeOutput } from "./routes.ts";

export interface NodeCallOptions {
  readonly backend?: HITLBackend | undefined;
  readonly leaseMs?: number | undefined;
}

const SCRATCHPAD = "__pregel_scratchpad";

/** The attempts in which a task has run an interrupt node, by the scratchpad of its execution. */
const attempts = new WeakMap<object, Set<number>>();

export function isTask(config: LangGraphRunnableConfig | undefined): config is LangGraphRunnableConfig {
  const configurable = config?.configurable as Record<string, unknown> | undefined;
  return typeof configurable?.[SCRATCHPAD] === "object";
}

/**
 * @throws HoldpointError as asking does; `ERR_HITL_INVALID_INPUT` for the second node of one task
 */
export async function runNodeCall(
  config: LangGraphRunnableConfig,
  { backend, leaseMs }: NodeCallOptions,
  execute: () => Promise<NodeOutput>,
): Promise<NodeOutput> {
  const host = config as HostConfig;
  const found = placeOf(host, backend);
  // Called by a tool whose call is recorded: that one asks.
  if (callScope.getStore()?.checkpoint_ns === found.checkpoint_ns) return execute();
  assertOnlyNode(host);
  const place = await placeOfThread(host, found);
  // What runs between answer and outcome has no effects: after a crash it may simply run again.
  const step = new ToolStep(place, { leaseMs, inDoubt: () => "retry", seesWholeStep: false });
  const task = taskOf(place, host.signal, execute);
  const { id } = task.call;
  if (!place.fresh) {
    await takeResumeValue(host, place);
    await step.load([id], wakeHintOf(config, place));
  }
  for (;;) {
    step.runs.clear();
    const seen = step.changes;
    const run = new CallRun(step, task);
    const result = await run.settle();
    if (result.status === "finished") return result.output;
    if (step.changes > seen && (await step.refresh([id]))) continue;
    throw new PauseSignal(pauseFor([run], step));
  }
}

/** Two nodes in one task would share one record, and the second would be given the first one's outcome. */
function assertOnlyNode({ configurable, executionInfo }: HostConfig): void {
  const scratchpad = configurable?.[SCRATCHPAD] as object;
  const attempt = executionInfo?.nodeAttempt ?? 1;
  const known = attempts.get(scratchpad) ?? new Set<number>();
  attempts.set(scratchpad, known);
  if (known.has(attempt)) {
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "A second interrupt node runs in one task. Where you call such nodes yourself, call them without a config: review(state).",
    );
  }
  known.add(attempt);
}

function taskOf(
  place: Place,
  signal: AbortSignal | undefined,
  execute: () => Promise<NodeOutput>,
): CallTask<NodeOutput> {
  const serde = (place.checkpointer as unknown as { serde: HostSerde }).serde;
  return {
    call: {
      id: callRecordId(place, null),
      tool_call_id: null,
      tool_name: place.node_id ?? "node",
      params: null,
    },
    signal,
    execute,
    encode: async (output) => {
      if (isCommand(output)) return encodeOutput(output, serde);
      const [type, data] = await serde.dumpsTyped(output);
      return { kind: "typed", type, data: Buffer.from(data).toString("base64") };
    },
    decode: async (outcome) => (await decodeOutput(outcome, serde)) as NodeOutput,
    answer: () => {
      throw thrownSuspend();
    },
    settled: () => {
      throw thrownSuspend();
    },
  };
}

function thrownSuspend(): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    "A HITLSuspend was thrown in an interrupt node. The node asks by itself; ask further questions there by confirm or askUser.",
  );
}
