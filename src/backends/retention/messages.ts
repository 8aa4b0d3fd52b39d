/** Messages that have come to their end; a mailbox goes with its last one. */
import { ENDED_MESSAGE_STATUSES, MAILBOX_KIND, MESSAGE_KIND } from "../kinds.ts";
import { MAX_PAGE_LIMIT, type StoredRecord } from "../record-store.ts";
import { isLeaseFree } from "../store-rules.ts";
import { inThread, threadOf } from "./open-threads.ts";
import { commitAll, giveBackOp, grouped, remove, type SweepResult, type Sweeping } from "./sweeping.ts";

export async function sweepMessages(sweeping: Sweeping): Promise<SweepResult> {
  const { store, limit, lease, now } = sweeping;
  const due = await store.acquireDue({ kind: MESSAGE_KIND, limit, lease });
  const isOld = ({ status, due_at }: StoredRecord): boolean =>
    ENDED_MESSAGE_STATUSES.includes(status) && due_at !== null && due_at <= now;
  const [old, others] = [due.filter(isOld), due.filter((record) => !isOld(record))];
  const threads = grouped(old, (record) => JSON.stringify(threadOf(record)));
  let removed = 0;
  // Mailboxes first: one that is left without messages could not be found again.
  for (const messages of threads.values()) removed += await removeMailbox(messages, sweeping);
  removed += await remove(store, old);
  // Whoever was about to answer with one of the others has died: that is seen without his lease, too.
  await commitAll(
    store,
    others.map((record) => giveBackOp(record)),
  );
  return { removed, kept: 0, expired: 0, more: due.length === limit };
}

const MESSAGE_STATUSES = ["waiting", "delivering", "answering", ...ENDED_MESSAGE_STATUSES];

/** If these are the last messages of their thread. One that is sent meanwhile changes the mailbox, which then stays. */
async function removeMailbox(messages: readonly StoredRecord[], { store, now }: Sweeping): Promise<number> {
  const thread = threadOf(messages[0] as StoredRecord);
  if (!thread) return 0;
  const [mailbox] = (await store.page({ ...inThread(thread, MAILBOX_KIND, ["active"]), limit: 1 })).items;
  if (!mailbox || !isLeaseFree(mailbox, now)) return 0;
  const limit = Math.min(messages.length + 1, MAX_PAGE_LIMIT);
  const { items, next_cursor } = await store.page({
    ...inThread(thread, MESSAGE_KIND, MESSAGE_STATUSES),
    limit,
  });
  const going = new Set(messages.map(({ id }) => id));
  const isLast = next_cursor === undefined && items.every(({ id }) => going.has(id));
  return isLast ? remove(store, [mailbox]) : 0;
}
