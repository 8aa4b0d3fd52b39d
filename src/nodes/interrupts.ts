/** What a run's result, or a task, shows of its interrupts. */
import { INTERRUPT } from "@langchain/langgraph";

/** Empty at a static breakpoint; null if the graph is not paused. */
export function interruptsOf(result: unknown): readonly unknown[] | null {
  const found = (result as Record<string, unknown> | null | undefined)?.[INTERRUPT];
  return Array.isArray(found) ? found : null;
}

/** What a question, or a step that waits for another process, shows; not the signal that nobody recorded. */
export function isOurs(value: unknown): boolean {
  const { schema_version, hitl_id, asks } = (value ?? {}) as Record<string, unknown>;
  return schema_version === 1 && (typeof hitl_id === "string" || Array.isArray(asks));
}

export function isBusy(result: unknown): boolean {
  return (interruptsOf(result) ?? []).every((entry) => {
    const asks = (entry as { value?: { asks?: unknown } }).value?.asks;
    return Array.isArray(asks) && asks.length === 0;
  });
}
