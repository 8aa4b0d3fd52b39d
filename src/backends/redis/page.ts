import type { StoredRecord } from "../record-store.ts";
import { type CheckedPage, compareCreated } from "../store-rules.ts";
import { decodeRecord, escapeField, keyField } from "./codec.ts";
import type { KeySpace, ShardKeys } from "./keys.ts";
import type { Link, ScriptCall } from "./link.ts";
import { SCRIPTS } from "./scripts.generated.ts";

interface Part {
  readonly shard: ShardKeys;
  readonly records: StoredRecord[];
  /** The shard had as many as it was asked for, and may have more. */
  open: boolean;
}

/**
 * Up to `limit + 1` records in order. One pipeline asks every shard for its share and some; only a shard that
 * gave all it was asked for, and whose last record is inside the page, is asked again. So a page takes one
 * round trip when its records are spread over the shards or the slot is given, and two at most.
 */
export async function pageOfShards(link: Link, space: KeySpace, query: CheckedPage): Promise<StoredRecord[]> {
  const wanted = query.limit + 1;
  const shards = query.slot === undefined ? space.all() : [space.ofSlot(query.slot)];
  const share = Math.min(wanted, Math.ceil((2 * wanted) / shards.length) + 2);
  const parts: Part[] = shards.map((shard) => ({ shard, records: [], open: true }));
  const order =
    query.order === "oldest" ? compareCreated : (a: StoredRecord, b: StoredRecord) => compareCreated(b, a);

  let asked = parts;
  for (let ask = share; asked.length > 0; ask = wanted) {
    const replies = (await link.batch(
      asked.map((part) => callFor(part, query, ask)),
      "reads",
    )) as string[][];
    for (const [n, part] of asked.entries()) {
      const reply = replies[n] as string[];
      for (let m = 0; m + 1 < reply.length; m += 2)
        part.records.push(decodeRecord(reply[m] as string, reply[m + 1] as string));
      part.open = reply.length === 2 * ask && part.records.length < wanted;
    }
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
  const after = part.records.at(-1) ?? query.after;
  const { key, slot } = query;
  const prefix = [query.kind, query.tenant_id].map(escapeField);
  return {
    script: SCRIPTS.page,
    keys: [part.shard.records, part.shard.index(key?.name ?? "all")],
    args: [
      query.order,
      limit,
      after ? `${String(after.created_at).padStart(16, "0")}|${after.id}` : "",
      slot === undefined ? "" : slot.toString(16).padStart(3, "0"),
      [...prefix, key ? keyField(key.value) : ""].join("|"),
      ...new Set(query.statuses.map(escapeField)),
    ],
  };
}
