/** Questions that nobody can take up any more: the thread went on without their answers. */
import { HITL_KIND, hitlValue } from "../backends/hitl-codec.ts";
import { takenUp, TERMINAL } from "../backends/hitl-transitions.ts";
import { PAUSE_KIND, THREAD_KIND } from "../backends/kinds.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import type { OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import type { JsonObject } from "../core/json.ts";
import { HITL_TRANSITIONS, statusesBefore } from "../core/states.ts";
import { pauseRecordId, type Place, type ThreadPlace, threadRecordId } from "./place.ts";

/** An answer that its call has used is due no more, until it may be removed. */
export function takenUpOp(
  { retention }: StoreHITLBackend,
  { id, status }: Pick<StoredRecord, "id" | "status">,
): StoreOp {
  const patch = takenUp(status, retention);
  // What is pending has a deadline in the place of that time.
  return {
    op: "update",
    id,
    optional: true,
    guard: { status: TERMINAL },
    patch,
    event: { type: "taken_up" },
  };
}

export function supersedeOp({ retention }: StoreHITLBackend, record: StoredRecord): StoreOp {
  return {
    op: "update",
    id: record.id,
    optional: true,
    guard: { status: statusesBefore(HITL_TRANSITIONS, "cancelled") },
    patch: {
      status: "cancelled",
      value: { ...hitlValue(record), reason: "superseded" },
      ...takenUp("cancelled", retention),
    },
    event: { type: "cancelled", reason: "superseded", actor: { id: "holdpoint", role: "system" } },
  };
}

/** The thread's checkpoint when the question was asked; null if it is not of a graph. */
export function askedAt(record: StoredRecord): string | null {
  const { metadata } = record.value as { metadata?: { root_checkpoint_id?: unknown } };
  return typeof metadata?.root_checkpoint_id === "string" ? metadata.root_checkpoint_id : null;
}

/** Cancels the thread's pending questions that were asked at another checkpoint than `root_checkpoint_id`. */
export async function supersede(
  place: Pick<Place, "backend" | "tenant_id" | "thread_id" | "slot">,
  root_checkpoint_id: string | null,
): Promise<void> {
  const { store } = place.backend;
  let cursor: string | undefined;
  do {
    const page = await store.page({
      kind: HITL_KIND,
      tenant_id: place.tenant_id,
      statuses: ["pending"],
      key: { name: "thread", value: place.thread_id },
      slot: place.slot,
      cursor,
    });
    for (const record of page.items) {
      const asked = askedAt(record);
      if (asked !== null && asked !== root_checkpoint_id)
        await store.commit([supersedeOp(place.backend, record)]);
    }
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

/** PROTOCOL.md §9.1. */
export function pauseValue({ session_id, thread_id }: ThreadPlace, checkpoint_id: string | null): JsonObject {
  return { schema_version: 1, thread_id, session_id, checkpoint_id };
}

/** Written with the first question of a step: that the thread has asked, and where it pauses. */
export function pauseInserts(
  backend: StoreHITLBackend,
  place: ThreadPlace,
  checkpoint_id: string | null,
): StoreOp[] {
  const { calls } = backend.retention;
  // The thread's record stands for its calls and pauses where they are to be removed: see docs/retention.md.
  const due_at = calls === "forever" ? null : backend.now() + calls;
  const { tenant_id, session_id, thread_id } = place;
  const insert = (id: string, kind: string, value: JsonObject, due_at: number | null = null): StoreOp => ({
    op: "insert",
    record: { id, kind, tenant_id, status: "active", keys: { thread: thread_id }, due_at, value },
  });
  return [
    insert(pauseRecordId(place, checkpoint_id), PAUSE_KIND, pauseValue(place, checkpoint_id)),
    insert(threadRecordId(place), THREAD_KIND, { schema_version: 1, thread_id, session_id }, due_at),
  ];
}

/** More pauses than a thread makes in a millisecond. */
const SAME_TIME = 10;

/** Where the thread has paused last. */
export async function newestPause(
  { store }: StoreHITLBackend,
  { tenant_id, thread_id, slot }: Pick<Place, "tenant_id" | "thread_id" | "slot">,
): Promise<StoredRecord | undefined> {
  const key = { name: "thread", value: thread_id } as const;
  const query = { kind: PAUSE_KIND, tenant_id, statuses: ["active"], key, slot, order: "newest" } as const;
  const { items } = await store.page({ ...query, limit: SAME_TIME });
  const checkpointOf = ({ value }: StoredRecord): string => (value["checkpoint_id"] ?? "") as string;
  // Several may be of one millisecond; ids of checkpoints grow with time.
  return items
    .filter(({ created_at }) => created_at === items[0]?.created_at)
    .toSorted((a, b) => (checkpointOf(a) < checkpointOf(b) ? 1 : -1))[0];
}

/**
 * From the results of {@link pauseInserts}: the thread has asked before and pauses elsewhere now (new input, a
 * fork), so older questions may be open that have to be superseded. The first pause of a thread has none.
 */
export function hasOlder([pause, thread]: readonly (OpResult | undefined)[]): boolean {
  return pause?.status === "inserted" && thread?.status === "exists";
}
