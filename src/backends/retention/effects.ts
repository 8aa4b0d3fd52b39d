/** Effects of the ledger: each is due by itself when it has ended, and never before. */
import { EFFECT_KIND } from "../kinds.ts";
import type { StoredRecord, StoreOp } from "../record-store.ts";
import { commitAll, giveBackOp, remove, type SweepResult, type Sweeping } from "./sweeping.ts";

const ENDED: readonly string[] = ["succeeded", "failed", "denied", "canceled"];

export async function sweepEffects({ store, limit, lease, now }: Sweeping): Promise<SweepResult> {
  const due = await store.acquireDue({ kind: EFFECT_KIND, limit, lease });
  const isOld = ({ status, due_at }: StoredRecord): boolean =>
    ENDED.includes(status) && due_at !== null && due_at <= now;
  const removed = await remove(store, due.filter(isOld));
  await commitAll(
    store,
    due.filter((record) => !isOld(record)).map((record) => doubtOrBackOp(record)),
  );
  return { removed, kept: 0, expired: 0, more: due.length === limit };
}

/** A worker's lease has run out: now somebody knows that nobody does (P6). What is asked then is the ledger's business. */
function doubtOrBackOp(record: StoredRecord): StoreOp {
  const back = giveBackOp(record) as StoreOp & { op: "update" };
  if (record.status !== "processing") return back;
  return {
    ...back,
    patch: { status: "in_doubt", lease: "release" },
    event: { type: "in_doubt", reason: "the holder's lease ran out" },
  };
}
