import { slotOfId } from "../../core/ids.ts";

interface Item {
  readonly order: number;
  readonly id: string;
}

/** A set of ids ordered by (number, id): binary search, so that a page costs what the page holds. */
export class SortedIndex {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  add(order: number, id: string): void {
    const position = this.#lowerBound(order, id);
    const found = this.#items[position];
    if (found && found.order === order && found.id === id) return;
    this.#items.splice(position, 0, { order, id });
  }

  delete(order: number, id: string): void {
    const position = this.#lowerBound(order, id);
    const found = this.#items[position];
    if (found && found.order === order && found.id === id) this.#items.splice(position, 1);
  }

  /** Ids strictly after (or, newest first, before) the cursor. */
  from(
    after: { readonly created_at: number; readonly id: string } | null,
    direction: "oldest" | "newest",
    limit: number,
    slotPrefix?: string,
  ): string[] {
    const step = direction === "oldest" ? 1 : -1;
    let position = direction === "oldest" ? 0 : this.#items.length - 1;
    if (after) {
      position = this.#lowerBound(after.created_at, after.id);
      if (direction === "newest") position -= 1;
      else if (this.#items[position]?.order === after.created_at && this.#items[position]?.id === after.id)
        position += 1;
    }
    const slot = slotPrefix === undefined ? undefined : Number.parseInt(slotPrefix, 16);
    const ids: string[] = [];
    for (; ids.length < limit; position += step) {
      const item = this.#items[position];
      if (!item) break;
      if (slot === undefined || slotOfId(item.id) === slot) ids.push(item.id);
    }
    return ids;
  }

  /** Ids whose order is at most `bound`, lowest first. */
  upTo(bound: number, limit: number): string[] {
    const ids: string[] = [];
    for (const item of this.#items) {
      if (item.order > bound || ids.length === limit) break;
      ids.push(item.id);
    }
    return ids;
  }

  #lowerBound(order: number, id: string): number {
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const item = this.#items[middle] as Item;
      if (item.order < order || (item.order === order && item.id < id)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
