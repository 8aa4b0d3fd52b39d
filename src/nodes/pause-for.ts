import { interruptIdOf } from "../core/ids.ts";
import type { CallRun } from "../suspend/call-run.ts";
import { type HostInterrupt, interruptsFor } from "../suspend/interrupt-payload.ts";
import { showsPause } from "../suspend/pause-suspend.ts";
import { resumeProblems } from "../suspend/resume-value.ts";
import type { ToolStep } from "../suspend/tool-step.ts";

/**
 * The interrupts of a suspended step: those of graphs inside its tools that are not ours, then one for each open
 * question. A step that only waits for another execution of its calls still has to pause, so it says that.
 */
export function pauseFor(
  runs: readonly Pick<CallRun<unknown>, "interrupts">[],
  step: ToolStep,
): HostInterrupt[] {
  const foreign = runs.flatMap((run) => run.interrupts as unknown as HostInterrupt[]);
  const pending = step.pending();
  const own = interruptsFor(pending, resumeProblems(step.place, pending));
  // LangGraph 1.4 keeps the last interrupt of a task: it has to say that a user paused the run as well.
  const paused = own.length > 0 && foreign.some(({ value }) => showsPause(value));
  const shown = paused ? own.map(({ id, value }) => ({ id, value: { ...value, paused } })) : own;
  if (foreign.length + own.length > 0) return [...foreign, ...shown];
  const busy = [...step.records.values()].find((record) => record.status === "running");
  const id = interruptIdOf(busy?.id ?? `call_${"0".repeat(32)}`);
  return [
    { id, value: { schema_version: 1, message: "Another process is running calls of this step.", asks: [] } },
  ];
}
