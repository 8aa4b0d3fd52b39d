/** Questions that a thread has left behind: new input, a jump or an update moved it on without their answers. */
import { HITL_KIND } from "../../backends/hitl-codec.ts";
import type { StoredRecord } from "../../backends/record-store.ts";
import type { StoreHITLBackend } from "../../backends/store-backend.ts";
import { readHead, type ResumableGraph } from "../../nodes/graph.ts";
import { askedAt, supersedeOp } from "../../suspend/supersede.ts";
import type { ServedGraph } from "./options.ts";

async function openIn(backend: StoreHITLBackend, thread_id: string): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  let cursor: string | undefined;
  do {
    const page = await backend.store.page({
      kind: HITL_KIND,
      tenant_id: backend.tenant_id,
      statuses: ["pending"],
      key: { name: "thread", value: thread_id },
      limit: 1000,
      cursor,
    });
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return found;
}

/**
 * Cancels them, `superseded`. A crash before that does no harm: their thread stands elsewhere, so an answer to them is
 * nobody's (P1), and whoever looks next cancels them.
 */
export async function cancelOrphans(
  backend: StoreHITLBackend,
  graph: ServedGraph,
  thread_id: string,
): Promise<void> {
  const open = await openIn(backend, thread_id);
  if (open.length === 0) return;
  // Read after the questions: a checkpoint can be read before the question that is asked at it, so what is asked at
  // another one than this is older.
  const head = await readHead(graph as ResumableGraph, thread_id);
  if (!head) return;
  for (const record of open) {
    const asked = askedAt(record);
    if (asked !== null && asked !== head.checkpoint.id)
      await backend.store.commit([supersedeOp(backend, record)]);
  }
}

/** Cancels all questions of a thread that is about to be deleted. */
export async function cancelAll(backend: StoreHITLBackend, thread_id: string): Promise<void> {
  for (const record of await openIn(backend, thread_id))
    await backend.store.commit([supersedeOp(backend, record)]);
}
