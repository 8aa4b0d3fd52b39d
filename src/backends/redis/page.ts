import { isHoldpointError } from "../../core/errors.ts";
import { slotOfId } from "../../core/ids.ts";
import type { StoredRecord } from "../record-store.ts";
import { type CheckedPage, compareCreated } from "../store-rules.ts";
import { decodeRecord } from "./codec.ts";
import { escapeField, fullId, headField, indexPlace, keyEntries, shortId, statusField } from "./fields.ts";
import type { KeySpace, ShardKeys } from "./keys.ts";
import type { Link, ScriptCall } from "./link.ts";
import { SCRIPTS } from "./scripts.generated.ts";

/** Length of `created|`. */
const POSITION = 14;
/** So many shards are asked by one call: some hundred short reads of the server. */
const TOGETHER = 64;

interface Part {
  readonly shards: readonly ShardKeys[];
  readonly records: StoredRecord[];
  /** Where to go on: `created|short id`. */
  after: string;
  /** How many to ask for; 0 if it has no more of the page. */
  ask: number;
}

/** A query as the script takes it. */
interface Asked {
  readonly query: CheckedPage;
  readonly kind: string;
  readonly slot: string;
  /** How the members that it is about begin: `kind|tenant|key|status`. */
  readonly starts: readonly string[];
}

/**
 * Pages in order. On one server all shards are asked by one script, which reads the page's records and no other, in one
 * trip. In a Cluster, where a script has keys of one shard only, each shard is asked for its share and some; again only
 * those that gave all of it, none of it behind the page. There a page takes one trip if its records are spread over the
 * shards, and two, seldom three, if not. With a slot it is one script of one shard everywhere.
 *
 * An index entry that does not fit its record (what a crash or an eviction leaves) is not shown, and is removed; the
 * shards are then asked for more, so that the page is full all the same.
 */
export class PageReader {
  readonly #link: Link;
  readonly #inCluster: () => Promise<boolean>;
  /** A script can have keys of several shards. */
  #together: boolean | undefined;

  constructor(link: Link, inCluster: () => Promise<boolean>) {
    this.#link = link;
    this.#inCluster = inCluster;
  }

  /** Up to `limit + 1` records. */
  async read(space: KeySpace, query: CheckedPage): Promise<StoredRecord[]> {
    if (query.slot !== undefined) return this.#merged(space, [[space.ofSlot(query.slot)]], query);
    this.#together ??= !(await this.#inCluster());
    if (this.#together) {
      try {
        return await this.#merged(space, inGroups(space.all(), TOGETHER), query);
      } catch (error) {
        if (!isCrossSlot(error)) throw error;
        // One address with several servers behind it.
        this.#together = false;
      }
    }
    return this.#merged(space, inGroups(space.all(), 1), query);
  }

  async #merged(
    space: KeySpace,
    groups: readonly (readonly ShardKeys[])[],
    query: CheckedPage,
  ): Promise<StoredRecord[]> {
    const wanted = query.limit + 1;
    const asked = askedOf(query);
    const share = groups.length === 1 ? wanted : Math.min(wanted, Math.ceil(wanted / groups.length) + 2);
    const after = query.after ? positionOf(asked.kind, query.after) : "";
    const parts: Part[] = groups.map((shards) => ({ shards, records: [], after, ask: share }));
    const order =
      query.order === "oldest" ? compareCreated : (a: StoredRecord, b: StoredRecord) => compareCreated(b, a);
    for (let open = parts; ; ) {
      await this.#take(space, open, asked, wanted);
      const sorted = parts.flatMap(({ records }) => records).sort(order);
      open = open.filter(({ ask }) => ask > 0);
      if (open.length === 0) return sorted.slice(0, wanted);
      const places = new Map(sorted.map((record, n) => [record, n + 1]));
      for (const part of open) {
        const last = part.records.at(-1);
        // What comes before its last record is known: so many more of it can be in the page.
        part.ask = last ? Math.max(0, wanted - (places.get(last) ?? 0)) : wanted;
      }
      open = open.filter(({ ask }) => ask > 0);
      if (open.length === 0) return sorted.slice(0, wanted);
    }
  }

  /** Asks each part for what it is to be asked for. */
  async #take(space: KeySpace, parts: readonly Part[], asked: Asked, wanted: number): Promise<void> {
    const replies = (await this.#link.batch(
      parts.map((part) => callFor(part, asked)),
      "reads",
    )) as string[][];
    const stale = new Map<ShardKeys, string[]>();
    for (const [n, part] of parts.entries()) {
      const reply = replies[n] as string[];
      for (let m = 0; m + 1 < reply.length; m += 2) {
        const position = reply[m] as string;
        const packed = reply[m + 1] as string;
        const id = fullId(asked.kind, position.slice(POSITION));
        const record = packed === "" ? null : decodeRecord(id, packed);
        part.after = position;
        if (record && fits(record, position, asked)) {
          part.records.push(record);
          continue;
        }
        const shard = space.ofSlot(slotOfId(id));
        stale.set(shard, [...(stale.get(shard) ?? []), position]);
      }
      if (reply.length < 2 * part.ask || part.records.length >= wanted) part.ask = 0;
    }
    const calls = [...stale].map(([shard, positions]) => mendCall(shard, asked, positions));
    // Whether they could be removed does not matter for this page.
    if (calls.length > 0) await this.#link.batch(calls, "writes").catch(() => undefined);
  }
}

function inGroups<T>(all: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let n = 0; n < all.length; n += size) groups.push(all.slice(n, n + size));
  return groups;
}

function isCrossSlot(error: unknown): boolean {
  if (!isHoldpointError(error, "ERR_HITL_STORE")) return false;
  const { cause } = error;
  return cause instanceof Error && cause.message.includes("CROSSSLOT");
}

function askedOf(query: CheckedPage): Asked {
  const { slot, key } = query;
  const head = headField(query.kind, query.tenant_id);
  const entries = key ? keyEntries(key.name, key.value) : [""];
  const statuses = [...new Set(query.statuses.map(statusField))];
  return {
    query,
    kind: escapeField(query.kind),
    slot: slot === undefined ? "" : slot.toString(16).padStart(3, "0"),
    starts: entries.flatMap((entry) => statuses.map((status) => `${head}${entry}|${status}`)),
  };
}

function callFor({ shards, after, ask }: Part, { query, slot, starts }: Asked): ScriptCall {
  return {
    script: SCRIPTS.page,
    keys: shards.flatMap(({ records, index }) => [records, index]),
    args: [query.order, ask, after, slot, ...starts],
  };
}

/** What every member of an index ends with. */
function positionOf(kind: string, { created_at, id }: Pick<StoredRecord, "created_at" | "id">): string {
  return `${indexPlace(created_at)}|${shortId(kind, id)}`;
}

/** The record, read by the id in the position, is what its index entry says. */
function fits(record: StoredRecord, position: string, { query }: Asked): boolean {
  const { key } = query;
  return (
    position.startsWith(indexPlace(record.created_at)) &&
    query.statuses.includes(record.status) &&
    (!key || record.keys[key.name] === key.value) &&
    record.kind === query.kind &&
    record.tenant_id === query.tenant_id
  );
}

function mendCall(shard: ShardKeys, { starts }: Asked, positions: readonly string[]): ScriptCall {
  const members = starts.flatMap((start) => positions.map((position) => `${start}|${position}`));
  return { script: SCRIPTS.mend, keys: [shard.records, shard.index], args: members };
}
