/**
 * Grants, and the calls that have used them. A grant that is over goes after its question: whoever reads the answer would give
 * it again. What a call has used goes after the record of the call: it would use another grant (PROTOCOL.md §21).
 */
import { isHoldpointError } from "../../core/errors.ts";
import { isOwnId, slotOfId } from "../../core/ids.ts";
import { GRANT_TRANSITIONS, statusesBefore } from "../../core/states.ts";
import { findRecord } from "../aliases.ts";
import { CALL_KIND, GRANT_CHOICE_KIND, GRANT_KIND, GRANT_USE_KIND } from "../kinds.ts";
import type { RecordStore, StoredRecord, StoreOp, UpdateOp } from "../record-store.ts";
import { removableIn, type Retention } from "./options.ts";
import { commitAll, giveBackOp, remove, type SweepResult, type Sweeping } from "./sweeping.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const LIVE: readonly string[] = statusesBefore(GRANT_TRANSITIONS, "expired");

/** It allows calls, or those that have used it. */
export function isLiveGrant(status: string): boolean {
  return LIVE.includes(status);
}

/** The deadline has passed, by the store's clock. Only for a grant that has one: it is `due_at` until then. */
export function expireGrantOp(id: string, { grants }: Retention): UpdateOp {
  return {
    op: "update",
    id,
    guard: { status: LIVE, due: true },
    patch: { status: "expired", due_at: removableIn(grants) },
    event: { type: "expired" },
  };
}

export async function sweepGrants({ store, retention, limit, lease, now }: Sweeping): Promise<SweepResult> {
  const due = await store.acquireDue({ kind: GRANT_KIND, limit, lease });
  const old: StoredRecord[] = [];
  const writes: StoreOp[] = [];
  let kept = 0;
  let expired = 0;
  const needed = await Promise.all(due.map(async (grant) => isDue(grant, now) && isNeeded(store, grant)));
  for (const [n, grant] of due.entries()) {
    if (!isDue(grant, now)) writes.push(giveBackOp(grant));
    else if (hasDeadline(grant)) {
      const { guard, patch, ...op } = expireGrantOp(grant.id, retention);
      const leased = { version: grant.version, ...guard };
      writes.push({ ...op, optional: true, guard: leased, patch: { ...patch, lease: "release" } });
      expired += 1;
    } else if (needed[n]) {
      writes.push(giveBackOp(grant, DAY_MS));
      kept += 1;
    } else old.push(grant);
  }
  const removed = await remove(store, old);
  await commitAll(store, writes);
  return { removed, kept, expired, more: due.length === limit };
}

/** Not the record itself, but somebody's lease on it, may have run out. */
function isDue({ due_at }: StoredRecord, now: number): boolean {
  return due_at !== null && due_at <= now;
}

/** It ends by time. One that is used up and has no deadline is due when it may be removed. */
function hasDeadline({ status, value }: StoredRecord): boolean {
  return isLiveGrant(status) && typeof value["expires_at"] === "number";
}

async function isNeeded(store: RecordStore, grant: StoredRecord): Promise<boolean> {
  if (grant.status === "active") return true;
  const { hitl_id } = grant.value;
  if (typeof hitl_id === "string" && (await isAsked(store, grant.tenant_id, hitl_id))) return true;
  return grant.status === "used_up" && isInUse(store, grant);
}

async function isAsked(store: RecordStore, tenant_id: string, hitl_id: string): Promise<boolean> {
  try {
    return (await findRecord(store, tenant_id, hitl_id)) !== null;
  } catch (error) {
    // There are several.
    if (isHoldpointError(error, "ERR_HITL_AMBIGUOUS_ID")) return true;
    throw error;
  }
}

/** Calls that have used it may be executed again. */
async function isInUse(store: RecordStore, { id, tenant_id }: StoredRecord): Promise<boolean> {
  const page = await store.page({
    kind: GRANT_USE_KIND,
    tenant_id,
    statuses: ["used"],
    key: { name: "alias", value: id },
    slot: slotOfId(id),
    limit: 1,
  });
  return page.items.length > 0;
}

export async function sweepCallsOfGrants(sweeping: Sweeping): Promise<SweepResult> {
  const swept: SweepResult[] = [];
  // Choices first: one that names a use which is gone would let its call use the grant once more.
  for (const kind of [GRANT_CHOICE_KIND, GRANT_USE_KIND]) swept.push(await sweepOfCalls(sweeping, kind));
  const sum = (name: "removed" | "kept"): number => swept.reduce((total, one) => total + one[name], 0);
  const more = swept.some((one) => one.more);
  return { removed: sum("removed"), kept: sum("kept"), expired: 0, more };
}

async function sweepOfCalls({ store, limit, lease, now }: Sweeping, kind: string): Promise<SweepResult> {
  const due = await store.acquireDue({ kind, limit, lease });
  const recorded = await recordedCalls(store, due);
  const isOld = (record: StoredRecord): boolean => isDue(record, now) && !recorded.has(callOf(record));
  const old = due.filter(isOld);
  const others = due.filter((record) => !isOld(record));
  const removed = await remove(store, old);
  await commitAll(
    store,
    others.map((record) => giveBackOp(record, isDue(record, now) ? DAY_MS : undefined)),
  );
  const kept = others.filter((record) => isDue(record, now)).length;
  return { removed, kept, expired: 0, more: due.length === limit };
}

/** Empty for what is no id: of a host that names its calls itself, and whose records are not known here. */
function callOf({ value, tenant_id }: StoredRecord): string {
  const call_id = callIdOf(value);
  return isOwnId(call_id) ? JSON.stringify([tenant_id, call_id]) : "";
}

/** Behind a `#` is which thing in the body of the call it was. */
function callIdOf({ call_id }: StoredRecord["value"]): string {
  return typeof call_id === "string" ? (call_id.split("#", 1)[0] as string) : "";
}

async function recordedCalls(store: RecordStore, records: readonly StoredRecord[]): Promise<Set<string>> {
  const own = [...new Set(records.map(({ value }) => callIdOf(value)))].filter((id) => isOwnId(id));
  const found = own.length === 0 ? [] : await store.get(own);
  const calls = found.filter((record) => record?.kind === CALL_KIND) as StoredRecord[];
  return new Set(calls.map(({ tenant_id, id }) => JSON.stringify([tenant_id, id])));
}
