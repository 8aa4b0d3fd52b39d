/** Questions: each is due by itself, from its deadline while it is pending, and when it may be removed after that. */
import { isTerminalHITLStatus } from "../../core/states.ts";
import { aliasesOf } from "../aliases.ts";
import { HITL_KIND } from "../hitl-codec.ts";
import type { StoredRecord, StoreOp } from "../record-store.ts";
import { threadOf } from "./open-threads.ts";
import { commitAll, giveBackOp, remove, type SweepResult, type Sweeping } from "./sweeping.ts";

const SECOND_MS = 1000;
const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** An answer that waits is due for whoever resumes its thread: he is held up by a tenth of what it has waited. */
const HELD_UP = 0.1;

export async function sweepQuestions(sweeping: Sweeping): Promise<SweepResult> {
  const { store, limit, lease, expire } = sweeping;
  const due = await store.acquireDue({ kind: HITL_KIND, limit, lease });
  const giveBack: StoreOp[] = [];
  const old: StoredRecord[] = [];
  let kept = 0;
  let expired = 0;
  const plans = await Promise.all(due.map((record) => planOf(record, sweeping)));
  for (const [n, record] of due.entries()) {
    const plan = plans[n] as Plan;
    if (plan === "remove") old.push(record);
    else if (plan === "expire") {
      await expire(record);
      expired += 1;
    } else {
      giveBack.push(giveBackOp(record, plan.inMs));
      if (plan.inMs !== undefined) kept += 1;
    }
  }
  // Aliases first: one that is left without its question could not be found again.
  const aliases = await remove(store, await aliasesOf(store, old));
  const removed = aliases + (await remove(store, old));
  await commitAll(store, giveBack);
  return { removed, kept, expired, more: due.length === limit };
}

type Plan = "remove" | "expire" | { readonly inMs?: number };

async function planOf(record: StoredRecord, { now, threads }: Sweeping): Promise<Plan> {
  const { status, due_at, keys } = record;
  // Somebody's lease has run out: the record itself is not due.
  if (due_at === null || due_at > now) return {};
  if (!isTerminalHITLStatus(status)) return "expire";
  if (keys.wake !== undefined) return { inMs: heldUpMs(record, now) };
  const thread = threadOf(record);
  return thread && (await threads.isOpen(thread)) ? { inMs: DAY_MS } : "remove";
}

/** `due_at` moves on with each look; when the question ended does not. */
function heldUpMs({ value, created_at }: StoredRecord, now: number): number {
  const { responded_at, expires_at } = value as { responded_at?: number | null; expires_at?: number | null };
  const ended = responded_at ?? (typeof expires_at === "number" && expires_at <= now ? expires_at : null);
  // Of one that was cancelled only the beginning is known.
  const most = ended === null ? HOUR_MS : DAY_MS;
  return Math.min(Math.max(SECOND_MS, Math.ceil((now - (ended ?? created_at)) * HELD_UP)), most);
}
