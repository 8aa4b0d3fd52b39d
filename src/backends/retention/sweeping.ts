/** What the parts of a sweep share. */
import { HoldpointError } from "../../core/errors.ts";
import { slotOfId } from "../../core/ids.ts";
import type { AsRead, LeaseRequest, RecordStore, StoredRecord, StoreOp } from "../record-store.ts";
import type { Threads } from "./open-threads.ts";
import type { Retention } from "./options.ts";

export interface SweepOptions {
  /** How many records of a kind are looked at, 1 to 1000. Default 100. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SweepResult {
  /** Records that were deleted with their histories, of all kinds. */
  readonly removed: number;
  /** Records that were due, and are still needed: they are looked at again later. */
  readonly kept: number;
  /** Pending questions and grants whose deadline had passed: they took their transition, as when they are read. */
  readonly expired: number;
  /** Another call has work. */
  readonly more: boolean;
}

export interface Sweeping {
  readonly store: RecordStore;
  readonly retention: Retention;
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
  readonly lease: LeaseRequest;
  /** Epoch ms by the store's clock, when the sweep began. */
  readonly now: number;
  readonly threads: Threads;
  /** Takes a question whose deadline has passed to what `on_expire` says, and gives its lease back. */
  expire(question: StoredRecord): Promise<void>;
}

export function assertGoesOn(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new HoldpointError("ERR_HITL_ABORTED", "The sweep was aborted.");
}

/** Gives a leased record back, unless somebody has changed it meanwhile: then its lease runs out. */
export function giveBackOp({ id, version }: StoredRecord, inMs?: number | null): StoreOp {
  const due_at = inMs === undefined || inMs === null ? inMs : { inMs };
  const patch = { lease: "release", ...(due_at === undefined ? {} : { due_at }) } as const;
  return { op: "update", id, optional: true, guard: { version }, patch };
}

/** Writes that need not happen together: as many commits as there are slots. */
export async function commitAll(store: RecordStore, ops: readonly StoreOp[]): Promise<void> {
  const bySlot = grouped(ops, (operation) =>
    slotOfId(operation.op === "insert" ? operation.record.id : operation.id),
  );
  await Promise.all([...bySlot.values()].map((together) => store.commit(together)));
}

export async function remove(store: RecordStore, records: readonly AsRead[]): Promise<number> {
  return records.length === 0 ? 0 : store.remove(records);
}

export function grouped<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
