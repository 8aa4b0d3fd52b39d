/**
 * Calls and pauses, step by step, when their thread's record is due. They carry no time of their own: leases on them mean
 * that somebody is at work, or has died, and must not be taken by a sweep (docs/retention.md).
 */
import { CALL_STATUSES } from "../../core/states.ts";
import { HITL_KIND } from "../hitl-codec.ts";
import { CALL_KIND, PAUSE_KIND, THREAD_KIND } from "../kinds.ts";
import {
  MAX_PAGE_LIMIT,
  type Page,
  type PageQuery,
  type StoredRecord,
  type StoreOp,
} from "../record-store.ts";
import { isLeaseFree } from "../store-rules.ts";
import { inThread, type ThreadOf, threadOf } from "./open-threads.ts";
import type { Keep } from "./options.ts";
import {
  assertGoesOn,
  commitAll,
  giveBackOp,
  grouped,
  remove,
  type SweepResult,
  type Sweeping,
} from "./sweeping.ts";

const HOUR_MS = 60 * 60 * 1000;
const DAY_MS = 24 * HOUR_MS;
/** Threads are a part of what a call looks at: each may have as many records of its own. */
const RECORDS_A_THREAD = 10;

export async function sweepThreads(sweeping: Sweeping): Promise<SweepResult> {
  const { store, lease, now, signal } = sweeping;
  const limit = Math.ceil(sweeping.limit / RECORDS_A_THREAD);
  const due = await store.acquireDue({ kind: THREAD_KIND, limit, lease });
  const giveBack: StoreOp[] = [];
  let removed = 0;
  let kept = 0;
  let more = due.length === limit;
  for (const record of due) {
    assertGoesOn(signal);
    const thread = threadOf(record);
    if (!thread || record.due_at === null || record.due_at > now) {
      giveBack.push(giveBackOp(record));
      continue;
    }
    const swept = await sweepThread(thread, sweeping);
    removed += swept.removed;
    if (swept.nextAt === "never") giveBack.push(giveBackOp(record, null));
    else if (swept.nextAt !== null) {
      giveBack.push(giveBackOp(record, Math.max(0, swept.nextAt - now)));
      if (swept.nextAt <= now) more = true;
      else kept += 1;
    } else removed += await removeThread(record, thread, sweeping);
  }
  await commitAll(store, giveBack);
  return { removed, kept, expired: 0, more };
}

interface Swept {
  readonly removed: number;
  /** When to look again, epoch ms; null: nothing of the thread is left. */
  readonly nextAt: number | "never" | null;
}

async function sweepThread(thread: ThreadOf, sweeping: Sweeping): Promise<Swept> {
  const { store, retention, limit, now, threads } = sweeping;
  const keep: Keep = retention.calls;
  if (keep === "forever") return { removed: 0, nextAt: "never" };
  if (await threads.isOpen(thread)) return { removed: 0, nextAt: now + DAY_MS };
  const pauses = await store.page({ ...inThread(thread, PAUSE_KIND, ["active"]), limit });
  const calls = await wholeSteps(sweeping, inThread(thread, CALL_KIND, CALL_STATUSES), limit);
  const { next } = calls;
  // A pause is made with its step's first call, or before.
  const reached = pauses.items.filter(
    (pause) => !next || (pause.created_at < next.created_at && stepOf(pause) !== stepOf(next)),
  );
  const steps = grouped([...calls.items, ...reached], stepOf);
  const old: StoredRecord[] = [];
  let nextAt = Math.min(laterThan(calls, keep), laterThan(pauses, keep));
  for (const records of steps.values()) {
    const until = Math.max(...records.map(({ updated_at }) => updated_at)) + keep;
    if (until <= now && records.every((record) => isLeaseFree(record, now))) old.push(...records);
    else nextAt = Math.min(nextAt, until);
  }
  // Calls first: the pause is what the rest of a step is found by.
  const removed = await removeAll(
    sweeping,
    old.toSorted((a, b) => order(a) - order(b)),
  );
  if (nextAt === Number.POSITIVE_INFINITY)
    return { removed, nextAt: removed === old.length ? null : now + HOUR_MS };
  return { removed, nextAt: removed > 0 ? nextAt : Math.max(nextAt, now + HOUR_MS) };
}

/** What is not on the page was made later, and is kept until then at least. */
function laterThan({ items, next_cursor }: Page<StoredRecord>, keep: number): number {
  const last = items.at(-1);
  return next_cursor !== undefined && last ? last.created_at + keep : Number.POSITIVE_INFINITY;
}

/** The oldest records, without those of a step that goes on behind them. A step that is longer than a page is read whole. */
async function wholeSteps(
  { store }: Sweeping,
  query: PageQuery,
  limit: number,
): Promise<Page<StoredRecord> & { readonly next?: StoredRecord | undefined }> {
  let page = await store.page({ ...query, limit });
  const items = [...page.items];
  while (page.next_cursor !== undefined) {
    const first = items.findIndex((record) => stepOf(record) === stepOf(items.at(-1) as StoredRecord));
    if (first > 0) return { items: items.slice(0, first), next_cursor: page.next_cursor, next: items[first] };
    page = await store.page({ ...query, limit: MAX_PAGE_LIMIT, cursor: page.next_cursor });
    items.push(...page.items);
  }
  return { items };
}

/** The checkpoint of the whole thread at which a call was made, or at which it pauses. */
function stepOf({ kind, value }: StoredRecord): string | null {
  const checkpoint = kind === PAUSE_KIND ? value["checkpoint_id"] : value["root_checkpoint_id"];
  return typeof checkpoint === "string" ? checkpoint : null;
}

function order({ kind }: StoredRecord): number {
  return kind === PAUSE_KIND ? 1 : 0;
}

async function removeAll({ store }: Sweeping, records: readonly StoredRecord[]): Promise<number> {
  let removed = 0;
  for (let from = 0; from < records.length; from += MAX_PAGE_LIMIT)
    removed += await remove(store, records.slice(from, from + MAX_PAGE_LIMIT));
  return removed;
}

/** The thread's own record. Whoever asks at that moment may have found it there: then it is made again. */
async function removeThread(record: StoredRecord, thread: ThreadOf, { store }: Sweeping): Promise<number> {
  if ((await remove(store, [record])) === 0) return 0;
  const left = await Promise.all(
    [
      inThread(thread, CALL_KIND, CALL_STATUSES),
      inThread(thread, PAUSE_KIND, ["active"]),
      inThread(thread, HITL_KIND, ["pending"]),
    ].map((query) => store.page({ ...query, limit: 1 })),
  );
  if (left.every(({ items }) => items.length === 0)) return 1;
  const { id, kind, tenant_id, status, keys, value } = record;
  const due_at = record.updated_at + DAY_MS;
  await store.commit([{ op: "insert", record: { id, kind, tenant_id, status, keys, due_at, value } }]);
  return 0;
}
