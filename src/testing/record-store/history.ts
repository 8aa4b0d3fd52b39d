import assert from "node:assert/strict";
import type { NewEvent } from "../../backends/record-store.ts";
import { must, rejectsWith } from "../assertions.ts";
import { eventsOf, idOf, put, read, type StoreCase, update } from "./kit.ts";

export const historyCases: readonly StoreCase[] = [
  {
    name: "S1: an event carries its place, time, and the version and status after it",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      const start = clock.now();
      await put(store, idOf(1), {}, { event: { type: "created" } });
      clock.advance(10);
      await update(store, idOf(1), {
        patch: { status: "done" },
        event: { type: "finished", reason: "because" },
      });
      clock.advance(10);
      await store.append(idOf(1), { type: "noted" });
      assert.deepEqual(await eventsOf(store, idOf(1)), [
        { seq: 1, at: start, version: 1, status: "open", type: "created" },
        { seq: 2, at: start + 10, version: 2, status: "done", type: "finished", reason: "because" },
        { seq: 3, at: start + 20, version: 2, status: "done", type: "noted" },
      ]);
    },
  },
  {
    name: "S6: actor, reason and data of an event are read back to the byte",
    run: async ({ store }) => {
      await put(store, idOf(1));
      const event: NewEvent = {
        type: "answered:é\u0000{}",
        actor: { id: "u:1", role: "user", name: "Ä", meta: { b: [], a: {} } },
        reason: "",
        data: { z: 1, a: [0.1, -5, 1e21, {}, []], "\u2028": "𝒳" },
      };
      await store.append(idOf(1), event);
      const [stored] = await eventsOf(store, idOf(1));
      for (const name of ["type", "actor", "reason", "data"] as const) {
        assert.equal(JSON.stringify(stored?.[name]), JSON.stringify(event[name]), name);
      }
    },
  },
  {
    name: "S1: appending makes no new version, and does nothing for a record that is not there",
    run: async ({ store }) => {
      const before = await put(store, idOf(1));
      assert.equal(await store.append(idOf(1), { type: "e" }), true);
      assert.deepEqual(await read(store, idOf(1)), before);
      assert.equal(await store.append(idOf(2), { type: "e" }), false);
      assert.deepEqual(await store.history(idOf(2)), { items: [] });
      await put(store, idOf(2));
      assert.deepEqual(await eventsOf(store, idOf(2)), []);
    },
  },
  {
    name: "S1: an update without an event leaves the history as it is",
    run: async ({ store }) => {
      await put(store, idOf(1), {}, { event: { type: "created" } });
      await update(store, idOf(1), { patch: { status: "done" } });
      assert.equal((await eventsOf(store, idOf(1))).length, 1);
    },
  },
  {
    name: "S5: pages of a history go oldest first without a gap, also while events come",
    run: async ({ store }) => {
      await put(store, idOf(1));
      for (let n = 0; n < 25; n += 1) await store.append(idOf(1), { type: `e${n}` });
      const seqs: number[] = [];
      let cursor: string | undefined;
      do {
        const page: Awaited<ReturnType<typeof store.history>> = await store.history(idOf(1), {
          limit: 7,
          cursor,
        });
        assert.ok(page.items.length <= 7);
        seqs.push(...page.items.map((event) => event.seq));
        cursor = page.next_cursor;
        if (seqs.length === 7) await store.append(idOf(1), { type: "late" });
      } while (cursor !== undefined);
      assert.deepEqual(
        seqs,
        Array.from({ length: 26 }, (_, n) => n + 1),
      );
      const exact = await store.history(idOf(1), { limit: 26 });
      assert.equal("next_cursor" in exact, false);
    },
  },
  {
    name: "S5: 50 events are a page unless said otherwise",
    run: async ({ store }) => {
      await put(store, idOf(1));
      for (let n = 0; n < 51; n += 1) await store.append(idOf(1), { type: "e" });
      const first = await store.history(idOf(1));
      assert.equal(first.items.length, 50);
      const last = await store.history(idOf(1), { cursor: must(first.next_cursor, "cursor") });
      assert.deepEqual(
        last.items.map((event) => event.seq),
        [51],
      );
    },
  },
  {
    name: "S5: bad limits and cursors of a history are refused",
    run: async ({ store }) => {
      await put(store, idOf(1));
      for (const limit of [0, 1001, 1.5, Number.NaN]) {
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => store.history(idOf(1), { limit }));
      }
      for (const cursor of ["", "x", "-1", "1.5", "1e3", " 1", "9".repeat(40)]) {
        await rejectsWith("ERR_HITL_CURSOR", () => store.history(idOf(1), { cursor }));
      }
    },
  },
];
