import { interruptIdOf } from "../core/ids.ts";
import type { CallRun } from "../suspend/call-run.ts";
import { type HostInterrupt, interruptsFor } from "../suspend/interrupt-payload.ts";
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
  const own = interruptsFor(step.pending());
  if (foreign.length + own.length > 0) return [...foreign, ...own];
  const busy = [...step.records.values()].find((record) => record.status === "running");
  const id = interruptIdOf(busy?.id ?? `call_${"0".repeat(32)}`);
  return [
    { id, value: { schema_version: 1, message: "Another process is running calls of this step.", asks: [] } },
  ];
}
