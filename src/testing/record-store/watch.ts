import assert from "node:assert/strict";
import type { ChangeHint, RecordStore } from "../../backends/record-store.ts";
import { soon } from "../assertions.ts";
import { idOf, put, read, type StoreCase, update } from "./kit.ts";

/** Collects hints, and waits for the first one that fits. */
class Hints {
  readonly seen: ChangeHint[] = [];
  readonly listener = (hint: ChangeHint): void => {
    this.seen.push(hint);
    for (const check of this.#waiting) check();
  };
  readonly #waiting = new Set<() => void>();

  async until(what: string, fits: (hint: ChangeHint) => boolean): Promise<ChangeHint> {
    return soon(
      new Promise((resolve) => {
        const check = (): void => {
          const found = this.seen.find(fits);
          if (!found) return;
          this.#waiting.delete(check);
          resolve(found);
        };
        this.#waiting.add(check);
        check();
      }),
      `a hint of ${what}`,
    );
  }
}

async function changeAndHear(watching: RecordStore, changing: RecordStore): Promise<void> {
  await put(changing, idOf(1));
  await put(changing, idOf(2, 9));
  const hints = new Hints();
  const watcher = await watching.watch([idOf(1), idOf(2, 9)], hints.listener);
  await update(changing, idOf(1), { patch: { status: "done" } });
  const first = await hints.until("the update", (hint) => hint.id === idOf(1) && hint.version === 2);
  assert.equal(first.status, "done");
  await update(changing, idOf(2, 9));
  await hints.until("another watched record", (hint) => hint.id === idOf(2, 9) && hint.version === 2);
  await watcher.close();
}

export const watchCases: readonly StoreCase[] = [
  {
    name: "S5: a watch hears of changes by the same handle",
    run: async ({ store }) => changeAndHear(store, store),
  },
  {
    name: "S5: a watch hears of changes by another handle",
    needs: ["another"],
    run: async ({ store, another }) => changeAndHear(store, await another()),
  },
  {
    name: "S5: a watch hears of a record that comes, and of leases that acquireDue takes",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const hints = new Hints();
      const watcher = await store.watch([idOf(1)], hints.listener);
      await put(store, idOf(1), { due_at: clock.now() });
      await hints.until("the insert", (hint) => hint.version === 1);
      await store.acquireDue({ kind: "thing", limit: 1, lease: { owner: "w", durationMs: 10 } });
      await hints.until("the lease", (hint) => hint.version === 2);
      await watcher.close();
    },
  },
  {
    name: "S5: a watch hears nothing of other records, and nothing after it was closed",
    run: async ({ store }) => {
      for (const n of [1, 2]) await put(store, idOf(n));
      const closed = new Hints();
      const open = new Hints();
      const first = await store.watch([idOf(1)], closed.listener);
      const second = await store.watch([idOf(1)], open.listener);
      await update(store, idOf(2));
      await first.close();
      await first.close();
      const count = closed.seen.length;
      await update(store, idOf(1), { patch: { status: "done" } });
      await open.until("the update", (hint) => hint.version === 2);
      assert.equal(closed.seen.length, count);
      assert.ok(open.seen.every((hint) => hint.id === idOf(1)));
      await second.close();
    },
  },
  {
    name: "S5: two watches with one listener are two",
    run: async ({ store }) => {
      await put(store, idOf(1));
      const hints = new Hints();
      const first = await store.watch([idOf(1)], hints.listener);
      const second = await store.watch([idOf(1)], hints.listener);
      await first.close();
      await update(store, idOf(1));
      await hints.until("the update", (hint) => hint.version === 2);
      await second.close();
    },
  },
  {
    name: "S5: a change is in the read that follows the watch, or a hint tells of it",
    needs: ["another"],
    run: async ({ store, another }) => {
      const other = await another();
      for (let n = 0; n < 25; n += 1) {
        const id = idOf(n, n * 31);
        await put(store, id);
        const hints = new Hints();
        const writing = update(other, id, { patch: { status: "done" } });
        const watcher = await store.watch([id], hints.listener);
        const seen = await read(store, id);
        if (seen.version < 2) await hints.until("what the read did not show", (hint) => hint.version === 2);
        await writing;
        await watcher.close();
      }
    },
  },
];
