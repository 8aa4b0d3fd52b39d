import type { StoredRecord } from "../record-store.ts";
import { type CheckedPage, compareCreated } from "../store-rules.ts";
import { decodeRecord, escapeField, indexPlace, keyField } from "./codec.ts";
import type { KeySpace, ShardKeys } from "./keys.ts";
import type { Link, ScriptCall } from "./link.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Length of `created|`. */
const POSITION = 14;

interface Part {
  readonly shard: ShardKeys;
  readonly records: StoredRecord[];
  /** Where to go on: `created|id`. */
  after: string;
  /** The shard had as many as it was asked for, and may have more. */
  open: boolean;
}

/**
 * Up to `limit + 1` records in order. One pipeline asks every shard for its share and some; only a shard that
 * gave all it was asked for, and whose last record is inside the page, is asked again. So a page takes one
 * round trip when its records are spread over the shards or the slot is given, and two at most.
 *
 * An index entry that does not fit its record (what a crash or an eviction leaves) is not shown, and is removed; the
 * shard is then asked for more, so that the page is full all the same.
 */
export async function pageOfShards(link: Link, space: KeySpace, query: CheckedPage): Promise<StoredRecord[]> {
  const wanted = query.limit + 1;
  const shards = query.slot === undefined ? space.all() : [space.ofSlot(query.slot)];
  const share = Math.min(wanted, Math.ceil((2 * wanted) / shards.length) + 2);
  const parts: Part[] = shards.map((shard) => ({
    shard,
    records: [],
    after: positionOf(query.after),
    open: true,
  }));
  const order =
    query.order === "oldest" ? compareCreated : (a: StoredRecord, b: StoredRecord) => compareCreated(b, a);

  let asked = parts;
  for (let ask = share; asked.length > 0; ask = wanted) {
    const replies = (await link.batch(
      asked.map((part) => callFor(part, query, ask)),
      "reads",
    )) as string[][];
    const stale: ScriptCall[] = [];
    for (const [n, part] of asked.entries()) {
      const reply = replies[n] as string[];
      const misfits: string[] = [];
      for (let m = 0; m + 1 < reply.length; m += 2) {
        const [position, packed] = reply.slice(m, m + 2) as [string, string];
        const record = packed === "" ? null : decodeRecord(position.slice(POSITION), packed);
        if (record && fits(record, position, query)) part.records.push(record);
        else misfits.push(position);
        part.after = position;
      }
      part.open = reply.length === 2 * ask && part.records.length < wanted;
      if (misfits.length > 0) stale.push(mendCall(part, query, misfits));
    }
    // Whether they could be removed does not matter for this page.
    if (stale.length > 0) await link.batch(stale, "writes").catch(() => undefined);
    const sorted = parts.flatMap(({ records }) => records).sort(order);
    const bound = sorted[wanted - 1];
    asked = parts.filter(({ open, records }) => {
      const last = records.at(-1);
      return open && (!bound || !last || order(last, bound) < 0);
    });
    if (asked.length === 0) return sorted.slice(0, wanted);
  }
  return [];
}

function callFor(part: Part, query: CheckedPage, limit: number): ScriptCall {
  const { slot } = query;
  return {
    script: SCRIPTS.page,
    keys: [part.shard.records, part.shard.index],
    args: [
      query.order,
      limit,
      part.after,
      slot === undefined ? "" : slot.toString(16).padStart(3, "0"),
      prefixOf(query),
      ...new Set(query.statuses.map(escapeField)),
    ],
  };
}

function prefixOf({ kind, tenant_id, key }: CheckedPage): string {
  return `${escapeField(kind)}|${escapeField(tenant_id)}|${key ? keyField(key.name, key.value) : ""}`;
}

/** What every member of an index ends with. */
function positionOf(record: Pick<StoredRecord, "created_at" | "id"> | null): string {
  return record ? `${indexPlace(record.created_at)}|${record.id}` : "";
}

/** The record is what its index entry says. */
function fits(record: StoredRecord, position: string, query: CheckedPage): boolean {
  const { key } = query;
  return (
    positionOf(record) === position &&
    query.statuses.includes(record.status) &&
    (!key || record.keys[key.name] === key.value) &&
    record.kind === query.kind &&
    record.tenant_id === query.tenant_id
  );
}

function mendCall({ shard }: Part, query: CheckedPage, positions: readonly string[]): ScriptCall {
  const prefix = prefixOf(query);
  const members = query.statuses.flatMap((status) =>
    positions.map((position) => `${prefix}|${escapeField(status)}|${position}`),
  );
  return { script: SCRIPTS.mend, keys: [shard.records, shard.index], args: members };
}
