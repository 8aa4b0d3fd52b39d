import { KEY_NAMES, type KeyName, type StoredRecord } from "../record-store.ts";
import { SortedIndex } from "./sorted-index.ts";

/** Records of a kind that share a key; each status in an order of its own. */
interface Group {
  readonly name: string;
  readonly statuses: Map<string, SortedIndex>;
  size: number;
}

/** The groups of one record: that of its kind, then that of each key, in the order of `KEY_NAMES`. */
export type Memberships = (Group | undefined)[];

/** The indexes by kind, key and status. A record keeps its memberships, so that a change finds them at once. */
export class Listings {
  readonly #groups = new Map<string, Group>();

  find(
    kind: string,
    tenant: string,
    key: { readonly name: KeyName; readonly value: string } | undefined,
    status: string,
  ): SortedIndex | undefined {
    return this.#groups.get(groupName(kind, tenant, key?.name ?? "", key?.value ?? ""))?.statuses.get(status);
  }

  add(record: StoredRecord): Memberships {
    const { kind, tenant_id, keys } = record;
    const groups: Memberships = [this.#join(groupName(kind, tenant_id, "", ""), record)];
    for (const name of KEY_NAMES) {
      const value = keys[name];
      groups.push(
        value === undefined ? undefined : this.#join(groupName(kind, tenant_id, name, value), record),
      );
    }
    return groups;
  }

  /** A record that changed; its kind, tenant and time of creation never do. */
  move(groups: Memberships, before: StoredRecord, after: StoredRecord): void {
    const { kind, tenant_id } = after;
    if (before.status !== after.status) this.#move(groups[0], before, after);
    for (const [index, name] of KEY_NAMES.entries()) {
      const value = after.keys[name];
      const group = groups[index + 1];
      if (before.keys[name] === value) {
        if (before.status !== after.status) this.#move(group, before, after);
        continue;
      }
      this.#leave(group, before);
      groups[index + 1] =
        value === undefined ? undefined : this.#join(groupName(kind, tenant_id, name, value), after);
    }
  }

  remove(groups: Memberships, record: StoredRecord): void {
    for (const group of groups) this.#leave(group, record);
  }

  #join(name: string, { status, created_at, id }: StoredRecord): Group {
    let group = this.#groups.get(name);
    if (!group) this.#groups.set(name, (group = { name, statuses: new Map(), size: 0 }));
    indexOf(group, status).add(created_at, id);
    group.size += 1;
    return group;
  }

  #move(group: Group | undefined, before: StoredRecord, after: StoredRecord): void {
    group?.statuses.get(before.status)?.delete(before.created_at, before.id);
    if (group) indexOf(group, after.status).add(after.created_at, after.id);
  }

  #leave(group: Group | undefined, { status, created_at, id }: StoredRecord): void {
    if (!group) return;
    group.statuses.get(status)?.delete(created_at, id);
    group.size -= 1;
    if (group.size === 0) this.#groups.delete(group.name);
  }
}

function indexOf({ statuses }: Group, status: string): SortedIndex {
  let index = statuses.get(status);
  if (!index) statuses.set(status, (index = new SortedIndex()));
  return index;
}

/** The lengths tell the parts apart, whatever is in them. */
function groupName(kind: string, tenant: string, key: string, value: string): string {
  return `${kind.length},${tenant.length},${key}:${kind}${tenant}${value}`;
}
