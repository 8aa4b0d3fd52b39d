/** Questions that nobody can take up any more: the thread went on without their answers. */
import { HITL_KIND } from "../backends/hitl-codec.ts";
import { TAKEN_UP } from "../backends/hitl-transitions.ts";
import type { OpResult, StoredRecord, StoreOp } from "../backends/record-store.ts";
import { type Place, threadRecordId } from "./place.ts";

/** An answer that its call has used is due no more. */
export function takenUpOp(id: string): StoreOp {
  return { op: "update", id, optional: true, patch: TAKEN_UP, event: { type: "taken_up" } };
}

export function supersedeOp(record: StoredRecord): StoreOp {
  return {
    op: "update",
    id: record.id,
    optional: true,
    guard: { status: ["pending"] },
    patch: { status: "cancelled", value: { ...record.value, reason: "superseded" }, ...TAKEN_UP },
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
      if (asked !== null && asked !== root_checkpoint_id) await store.commit([supersedeOp(record)]);
    }
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

/** The record that carries a thread's lease, and the checkpoint at which its questions are open. */
export function threadInsert(
  place: Pick<Place, "tenant_id" | "session_id" | "thread_id" | "root_checkpoint_id">,
): StoreOp {
  const { tenant_id, session_id, thread_id, root_checkpoint_id } = place;
  return {
    op: "insert",
    record: {
      id: threadRecordId(tenant_id, session_id, thread_id),
      kind: "thread",
      tenant_id,
      status: "active",
      keys: { session: session_id, thread: thread_id },
      value: { schema_version: 1, thread_id, session_id, open_checkpoint_id: root_checkpoint_id },
    },
  };
}

/**
 * After {@link threadInsert} found its record: if the thread has moved on since older questions were asked (new
 * input, a fork), they are superseded. In a thread that went the normal way there is nothing to look for.
 */
export async function supersedeOlder(place: Place, thread: OpResult | undefined): Promise<void> {
  const record = thread?.record;
  if (!record || thread.status !== "exists") return;
  const open = record.value["open_checkpoint_id"];
  if (open === place.root_checkpoint_id) return;
  if (open !== null) await supersede(place, place.root_checkpoint_id);
  await place.backend.store.commit([
    {
      op: "update",
      id: record.id,
      optional: true,
      patch: { value: { ...record.value, open_checkpoint_id: place.root_checkpoint_id } },
    },
  ]);
}
