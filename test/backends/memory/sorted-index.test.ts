import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SortedIndex } from "../../../src/backends/memory/sorted-index.ts";
import { makeId } from "../../../src/core/ids.ts";

const item = fc.record({
  order: fc.integer({ min: 0, max: 5 }),
  id: fc.integer({ min: 0, max: 9 }).map((n) => makeId("rec", n % 3, n)),
});
const change = fc.record({ add: fc.boolean(), item });
type Item = { order: number; id: string };

const compare = (a: Item, b: Item): number => a.order - b.order || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

describe("SortedIndex", () => {
  it("holds what a plain sorted list holds, from any place and in both directions (S5)", () => {
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 60 }),
        item,
        fc.integer({ min: 1, max: 20 }),
        (changes, at, limit) => {
          const index = new SortedIndex();
          let plain: Item[] = [];
          for (const {
            add,
            item: { order, id },
          } of changes) {
            plain = plain.filter((one) => one.order !== order || one.id !== id);
            if (add) plain.push({ order, id });
            if (add) index.add(order, id);
            else index.delete(order, id);
          }
          plain.sort(compare);
          expect(index.size).toBe(plain.length);
          const after = { created_at: at.order, id: at.id };
          const later = plain.filter((one) => compare(one, at) > 0);
          const earlier = plain.filter((one) => compare(one, at) < 0).reverse();
          const ids = (items: Item[]): string[] => items.slice(0, limit).map((one) => one.id);
          expect(index.from(null, "oldest", limit)).toEqual(ids(plain));
          expect(index.from(after, "oldest", limit)).toEqual(ids(later));
          expect(index.from(after, "newest", limit)).toEqual(ids(earlier));
          expect(index.from(after, "oldest", limit, "001")).toEqual(
            ids(later.filter((one) => one.id.startsWith("rec_001"))),
          );
          expect(index.upTo(at.order, limit)).toEqual(ids(plain.filter((one) => one.order <= at.order)));
        },
      ),
    );
  });
});
