/** Messages that have come to their end; a mailbox goes with its last one. */
import { ENDED_MESSAGE_STATUSES, MAILBOX_KIND, MESSAGE_KIND } from "../kinds.ts";
import type { StoredRecord, StoreOp } from "../record-store.ts";
import { isLeaseFree } from "../store-rules.ts";
import { inThread, type ThreadOf, threadOf } from "./open-threads.ts";
import { commitAll, giveBackOp, grouped, remove, type SweepResult, type Sweeping } from "./sweeping.ts";

export async function sweepMessages(sweeping: Sweeping): Promise<SweepResult> {
  const { store, limit, lease, now } = sweeping;
  const due = await store.acquireDue({ kind: MESSAGE_KIND, limit, lease });
  const isOld = ({ status, due_at }: StoredRecord): boolean =>
    ENDED_MESSAGE_STATUSES.includes(status) && due_at !== null && due_at <= now;
  const [old, others] = [due.filter(isOld), due.filter((record) => !isOld(record))];
  let removed = await remove(store, old);
  // Whoever was about to answer with one of the others has died: that is seen without his lease, too.
  const giveBack: StoreOp[] = others.map((record) => giveBackOp(record));
  await commitAll(store, giveBack);
  const threads = grouped(
    old.map(threadOf).filter((thread) => thread !== null),
    (thread) => JSON.stringify(thread),
  );
  for (const [thread] of threads.values()) removed += await removeMailbox(thread as ThreadOf, sweeping);
  return { removed, kept: 0, expired: 0, more: due.length === limit };
}

const MESSAGE_STATUSES = ["waiting", "delivering", "answering", ...ENDED_MESSAGE_STATUSES];

/** A message that is sent meanwhile changes the mailbox, which then stays. */
async function removeMailbox(thread: ThreadOf, { store, now }: Sweeping): Promise<number> {
  const [mailbox] = (await store.page({ ...inThread(thread, MAILBOX_KIND, ["active"]), limit: 1 })).items;
  if (!mailbox || !isLeaseFree(mailbox, now)) return 0;
  const { items } = await store.page({ ...inThread(thread, MESSAGE_KIND, MESSAGE_STATUSES), limit: 1 });
  return items.length === 0 ? remove(store, [mailbox]) : 0;
}
