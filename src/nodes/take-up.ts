/** Takes up what was answered in a thread, or what a run that died has left. */
import { toHITLRecord } from "../backends/hitl-codec.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { assertNotCached, readHead, type ResumableGraph } from "./graph.ts";
import type { ResumeResult } from "./resume.ts";
import { Thread, type ThreadOptions } from "./thread.ts";

/**
 * Null if nothing was answered that the graph has not taken up, and it is not stranded.
 *
 * @param first - is asked before a stranded thread is run: what it gives is the outcome, unless it is null
 */
export async function takeUp<Output>(
  graph: ResumableGraph<Output>,
  options: ThreadOptions,
  first?: () => Promise<ResumeResult<Output> | null>,
): Promise<ResumeResult<Output> | null> {
  const thread = new Thread(graph, options);
  const found = await readHead(graph, options.thread_id);
  const head = found?.checkpoint.id ?? null;
  const due = await thread.answered(head);
  for (const question of due) assertNotCached(graph, question);
  await thread.superseded(head);
  const stranded = due.length > 0 ? undefined : await thread.stranded(head);
  if (due.length === 0 && !stranded) return null;
  const before = stranded && (await first?.());
  if (before) return before;
  const lease = await thread.acquire(stranded ? stranded.checkpoint_id : head);
  return lease ? thread.run(due.map(toHITLRecord), lease, found) : thread.busy();
}

/** The session of the thread's newest question; a thread is its own session unless the run said otherwise. */
export async function sessionOf(backend: StoreHITLBackend, thread_id: string): Promise<string> {
  const { items } = await backend.getByThread(thread_id, { order: "newest", limit: 1 });
  return items[0]?.session_id ?? thread_id;
}
