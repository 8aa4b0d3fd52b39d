/** What of a thread's interrupts is open: LangGraph shows that of a task which is done until its siblings are done, too. */
import { isOurs } from "../../nodes/interrupts.ts";
import type { Scope } from "./context.ts";
import type { ServedState } from "./options.ts";

/** More open questions than a thread has. */
const MAX_OPEN = 1000;

/**
 * The state without interrupts of questions that were answered, where others are left (`Send`, `createAgent` v2). Whoever
 * read it as it is would show them again. One interrupt by itself waits for the graph, answered or not.
 */
export async function stillOpen(
  { backend }: Pick<Scope, "backend">,
  thread_id: string,
  state: ServedState,
): Promise<ServedState> {
  const waiting = state.tasks.filter(({ interrupts }) => interrupts.length > 0);
  if (waiting.length < 2) return state;
  const { items } = await backend.list({ thread_id, status: "pending", limit: MAX_OPEN });
  const open = new Set(items.map(({ hitl_id }) => hitl_id));
  const isOpen = (interrupt: unknown): boolean => {
    const { value } = interrupt as { value?: { hitl_id?: string; asks?: readonly { hitl_id: string }[] } };
    if (!isOurs(value)) return true;
    const ids = value?.asks ? value.asks.map(({ hitl_id }) => hitl_id) : [value?.hitl_id ?? ""];
    return ids.length === 0 || ids.some((id) => open.has(id));
  };
  const tasks = state.tasks.map((task) => ({ ...task, interrupts: task.interrupts.filter(isOpen) }));
  return tasks.some(({ interrupts }) => interrupts.length > 0) ? { ...state, tasks } : state;
}
