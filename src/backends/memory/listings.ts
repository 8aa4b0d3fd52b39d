import type { KeyName, RecordKeys, StoredRecord } from "../record-store.ts";
import { SortedIndex } from "./sorted-index.ts";

type Listed = Pick<StoredRecord, "id" | "kind" | "tenant_id" | "status" | "keys" | "created_at">;

/** By what records are listed: one of their keys, or (empty) all of a kind. */
type ListedBy = KeyName | "";
const NOTHING: ReadonlySet<ListedBy> = new Set();

/**
 * The indexes by kind, key and status. One by a kind and a key is made when it is first asked for, and kept up to date
 * from then on: most stores are never listed by most of the keys, and what an index holds outlives the request.
 */
export class Listings {
  readonly #records: () => Iterable<Listed>;
  readonly #kept = new Map<string, Set<ListedBy>>();
  readonly #groups = new Map<string, Map<string, SortedIndex>>();

  /** @param records - all that is stored, in any order */
  constructor(records: () => Iterable<Listed>) {
    this.#records = records;
  }

  find(
    kind: string,
    tenant_id: string,
    key: { readonly name: KeyName; readonly value: string } | undefined,
    status: string,
  ): SortedIndex | undefined {
    const by = key?.name ?? "";
    if (!this.#keptOf(kind).has(by)) this.#keep(kind, by);
    return this.#groups.get(groupName(kind, tenant_id, by, key?.value ?? ""))?.get(status);
  }

  add(record: Listed): void {
    for (const by of this.#keptOf(record.kind)) this.#join(by, record);
  }

  /** A record that changed; its kind, tenant and time of creation never do. */
  move(before: Listed, after: Listed): void {
    for (const by of this.#keptOf(after.kind)) {
      if (before.status === after.status && valueOf(before.keys, by) === valueOf(after.keys, by)) continue;
      this.#leave(by, before);
      this.#join(by, after);
    }
  }

  remove(record: Listed): void {
    for (const by of this.#keptOf(record.kind)) this.#leave(by, record);
  }

  #keptOf(kind: string): ReadonlySet<ListedBy> {
    return this.#kept.get(kind) ?? NOTHING;
  }

  #keep(kind: string, by: ListedBy): void {
    this.#kept.set(kind, new Set([...this.#keptOf(kind), by]));
    for (const record of this.#records()) if (record.kind === kind) this.#join(by, record);
  }

  #join(by: ListedBy, { id, kind, tenant_id, status, keys, created_at }: Listed): void {
    const value = valueOf(keys, by);
    if (value === undefined) return;
    const name = groupName(kind, tenant_id, by, value);
    let group = this.#groups.get(name);
    if (!group) this.#groups.set(name, (group = new Map()));
    let index = group.get(status);
    if (!index) group.set(status, (index = new SortedIndex()));
    index.add(created_at, id);
  }

  #leave(by: ListedBy, { id, kind, tenant_id, status, keys, created_at }: Listed): void {
    const value = valueOf(keys, by);
    if (value === undefined) return;
    const name = groupName(kind, tenant_id, by, value);
    const group = this.#groups.get(name);
    const index = group?.get(status);
    index?.delete(created_at, id);
    if (index?.size === 0) group?.delete(status);
    if (group?.size === 0) this.#groups.delete(name);
  }
}

function valueOf(keys: RecordKeys, by: ListedBy): string | undefined {
  return by === "" ? "" : keys[by];
}

/** The lengths tell the parts apart, whatever is in them. */
function groupName(kind: string, tenant: string, by: ListedBy, value: string): string {
  return `${kind.length},${tenant.length},${by}:${kind}${tenant}${value}`;
}
