import type { Place } from "../suspend/place.ts";

/** LangGraph's name for what it writes of a task that threw. */
const ERROR = "__error__";

interface Tuple {
  readonly pendingWrites?: readonly (readonly [task_id: string, channel: string, value: unknown])[];
}

/**
 * Whether an earlier execution of the task ended with an error. The host keeps that beside the checkpoint until the
 * step has gone through; a pause after it does not take it away.
 */
export async function wasRejected(place: Place): Promise<boolean> {
  const { thread_id, checkpointMap, root_checkpoint_id, checkpointer } = place;
  const task = place.checkpoint_ns.slice(place.checkpoint_ns.lastIndexOf("|") + 1);
  const checkpoint_ns = place.checkpoint_ns.slice(
    0,
    Math.max(place.checkpoint_ns.length - task.length - 1, 0),
  );
  const checkpoint_id = checkpointMap[checkpoint_ns] ?? (checkpoint_ns === "" ? root_checkpoint_id : null);
  if (!checkpoint_id) return false;
  const found = await checkpointer.getTuple({ configurable: { thread_id, checkpoint_ns, checkpoint_id } });
  const task_id = task.slice(task.lastIndexOf(":") + 1);
  const { pendingWrites = [] } = (found ?? {}) as Tuple;
  return pendingWrites.some(([id, channel]) => id === task_id && channel === ERROR);
}
