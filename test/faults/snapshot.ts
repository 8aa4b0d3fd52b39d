/** All that a store holds when nobody writes any more, and what each of its lists says. */
import { HITL_KIND } from "../../src/backends/hitl-codec.ts";
import {
  KEY_NAMES,
  type KeyName,
  type RecordEvent,
  type RecordStore,
  type StoredRecord,
} from "../../src/backends/record-store.ts";
import { DEFAULT_TENANT } from "../../src/core/record.ts";
import { HITL_STATUSES } from "../../src/core/states.ts";
import type { Operation } from "./ledger.ts";
import { JOB_KIND, PAIR_KIND } from "./names.ts";

/** One index, walked to its end: which records it lists, under which key and status. */
export interface Listing {
  readonly kind: string;
  readonly key: { readonly name: KeyName; readonly value: string } | null;
  readonly status: string;
  readonly order: "oldest" | "newest";
  readonly ids: readonly string[];
}

export interface Snapshot {
  readonly records: readonly StoredRecord[];
  /** By id. */
  readonly events: ReadonlyMap<string, readonly RecordEvent[]>;
  readonly listings: readonly Listing[];
  /** Jobs that were due at the first of the two times, may be due at the second, and what was handed out between. */
  readonly due: { readonly from: number; readonly to: number; readonly ids: readonly string[] };
}

const STATUSES: Readonly<Record<string, readonly string[]>> = {
  [HITL_KIND]: HITL_STATUSES,
  [JOB_KIND]: ["open"],
  [PAIR_KIND]: ["open"],
  alias: ["active"],
};
const PAGE = 500;
/** Histories are read this many at a time. */
const TOGETHER = 32;

/** Ids in the form of the store that calls name or were shown: they are read whatever the lists say. */
function namedIn(operations: readonly Operation[]): Set<string> {
  const ids = new Set<string>();
  const add = (id: string): void => void (/^[a-z]+_[0-9a-f]{32}$/.test(id) && ids.add(id));
  for (const { call, result } of operations) {
    if ("hitl_id" in call && call.hitl_id !== null) add(call.hitl_id);
    if ("id" in call) add(call.id);
    if ("ids" in call) for (const id of call.ids) add(id);
    if (result?.view) add(result.view.hitl_id);
  }
  return ids;
}

async function walk(store: RecordStore, listing: Omit<Listing, "ids">): Promise<readonly string[]> {
  const { kind, key, status, order } = listing;
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.page({
      kind,
      tenant_id: DEFAULT_TENANT,
      statuses: [status],
      ...(key ? { key } : {}),
      order,
      limit: PAGE,
      cursor,
    });
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return ids;
}

async function eventsOf(store: RecordStore, id: string): Promise<readonly RecordEvent[]> {
  const events: RecordEvent[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.history(id, { limit: 200, cursor });
    events.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return events;
}

async function inParts<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let n = 0; n < items.length; n += TOGETHER)
    results.push(...(await Promise.all(items.slice(n, n + TOGETHER).map(work))));
  return results;
}

export async function takeSnapshot(store: RecordStore, operations: readonly Operation[]): Promise<Snapshot> {
  const listings: Listing[] = [];
  const list = async (listing: Omit<Listing, "ids">): Promise<readonly string[]> => {
    const ids = await walk(store, listing);
    listings.push({ ...listing, ids });
    return ids;
  };
  const named = namedIn(operations);
  for (const [kind, statuses] of Object.entries(STATUSES)) {
    for (const status of statuses)
      for (const id of await list({ kind, key: null, status, order: "oldest" })) named.add(id);
  }
  const ids = [...named];
  const records = (
    await inParts(
      Array.from({ length: Math.ceil(ids.length / PAGE) }, (_, n) => ids.slice(n * PAGE, (n + 1) * PAGE)),
      (part) => store.get(part),
    )
  )
    .flat()
    .filter((record): record is StoredRecord => record !== null);
  const keys = new Map<string, { kind: string; name: KeyName; value: string }>();
  for (const { kind, keys: own } of records) {
    for (const name of KEY_NAMES) {
      const value = own[name];
      if (value !== undefined) keys.set(JSON.stringify([kind, name, value]), { kind, name, value });
    }
  }
  for (const { kind, name, value } of keys.values()) {
    for (const status of STATUSES[kind] ?? [])
      await list({ kind, key: { name, value }, status, order: "newest" });
  }
  const events = new Map(await inParts(records, async ({ id }) => [id, await eventsOf(store, id)] as const));
  return { records, events, listings, due: await drainDue(store) };
}

/** Last of all: it takes leases. */
async function drainDue(store: RecordStore): Promise<Snapshot["due"]> {
  const from = await store.now();
  const ids: string[] = [];
  for (;;) {
    const acquired = await store.acquireDue({
      kind: JOB_KIND,
      limit: PAGE,
      lease: { owner: "checker", durationMs: 3_600_000 },
    });
    if (acquired.length === 0) return { from, to: await store.now(), ids };
    ids.push(...acquired.map(({ id }) => id));
  }
}
