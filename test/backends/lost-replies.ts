/** S4 where a server does what it was asked and its answer gets lost: one suite, for each store that sends again. */
import { expect, it } from "vitest";
import type { RecordStore } from "../../src/backends/record-store.ts";
import { idOf, insertOf, read, updateOf } from "../support/store-ops.ts";
import { type LossyProxy } from "../support/lossy-proxy.ts";

export interface LostReplies {
  /** On the way of each `lossy` store to the server. */
  proxy(): Pick<LossyProxy, "lost" | "loseReplyTo">;
  /** Two handles on one new store, closed by whoever made them; `lossy` has one connection. */
  open(): { readonly lossy: RecordStore; readonly other: RecordStore };
  /** For a server that answers the first request of a kind with nothing but that it has to hear more. */
  warmUp?(store: RecordStore): Promise<void>;
}

interface Around {
  before?(store: RecordStore): Promise<unknown>;
  /** After the reply was lost, before anything is sent again. */
  meanwhile?(other: RecordStore): Promise<unknown>;
}

const MOVED = { type: "moved" } as const;
const NOTES = Array.from({ length: 10 }, (_, n) => `${n + 2} note`);

/** To be called within a `describe`. */
export function lostReplies({ proxy, open, warmUp }: LostReplies): void {
  async function losing(
    text: string,
    act: (store: RecordStore) => Promise<void>,
    { before, meanwhile }: Around = {},
  ): Promise<RecordStore> {
    const { lossy, other } = open();
    await lossy.commit([insertOf(idOf("base"), { keys: { session: "s" } }, { event: { type: "created" } })]);
    await lossy.commit([insertOf(idOf("leased"), {}, { lease: { owner: "first", durationMs: 60_000 } })]);
    await warmUp?.(lossy);
    await before?.(lossy);
    const { lost } = proxy();
    proxy().loseReplyTo(text, meanwhile && (() => meanwhile(other)));
    await act(lossy);
    expect(proxy().lost).toBe(lost + 1);
    return lossy;
  }

  const eventsOf = async (store: RecordStore, id: string): Promise<string[]> =>
    (await store.history(id)).items.map(({ seq, type }) => `${seq} ${type}`);

  it("insert: inserted once, with one event", async () => {
    const id = idOf("new");
    const store = await losing("mark-insert", async (store) => {
      const result = await store.commit([
        insertOf(
          id,
          { value: { text: "mark-insert" } },
          { event: { type: "created" }, lease: { owner: "me", durationMs: 1000 } },
        ),
      ]);
      expect(result.results[0]).toMatchObject({
        status: "inserted",
        record: { version: 1, fence: 1, value: { text: "mark-insert" } },
      });
    });
    expect(await eventsOf(store, id)).toEqual(["1 created"]);
    expect(await read(store, id)).toMatchObject({ version: 1, fence: 1, touches: 0 });
  });

  it("insert with if_exists: abort: the second one is not refused by the first", async () => {
    const store = await losing("mark-abort", async (store) => {
      const result = await store.commit([
        insertOf(idOf("abort"), { value: { text: "mark-abort" } }, { if_exists: "abort" }),
      ]);
      expect(result).toMatchObject({ status: "committed", results: [{ status: "inserted" }] });
    });
    expect(await read(store, idOf("abort"))).toMatchObject({ version: 1, touches: 0 });
  });

  it("a touching insert counts once", async () => {
    const store = await losing("mark-touch", async (store) => {
      const result = await store.commit([
        insertOf(idOf("base"), { value: { text: "mark-touch" } }, { touch: true }),
      ]);
      expect(result.results[0]).toMatchObject({ status: "exists", record: { touches: 1 } });
    });
    expect(await read(store, idOf("base"))).toMatchObject({ version: 1, touches: 1 });
  });

  it("an unguarded update: one version, one event", async () => {
    const store = await losing("mark-update", async (store) => {
      const result = await store.commit([
        updateOf(idOf("base"), { patch: { status: "mark-update" }, event: MOVED }),
      ]);
      expect(result).toMatchObject({
        status: "committed",
        results: [{ status: "updated", record: { version: 2, status: "mark-update" } }],
      });
    });
    expect(await eventsOf(store, idOf("base"))).toEqual(["1 created", "2 moved"]);
    expect(await read(store, idOf("base"))).toMatchObject({ version: 2 });
  });

  it("taking a lease: one fence, still the winner; what was optional and failed is what it was", async () => {
    const store = await losing("mark-owner", async (store) => {
      const result = await store.commit([
        updateOf(idOf("base"), {
          guard: { lease: "free" },
          patch: { lease: { owner: "mark-owner", durationMs: 60_000 } },
        }),
        updateOf(idOf("leased"), { guard: { lease: "free" }, optional: true, touch: true }),
        insertOf(idOf("sibling")),
        { op: "read", id: idOf("leased") },
      ]);
      expect(result.results.map(({ status }) => status)).toEqual(["updated", "stale", "inserted", "read"]);
    });
    expect(await read(store, idOf("base"))).toMatchObject({
      version: 2,
      fence: 1,
      lease: { owner: "mark-owner" },
    });
    expect(await read(store, idOf("leased"))).toMatchObject({ version: 1, touches: 1 });
  });

  it("append: one event", async () => {
    const store = await losing("mark-append", async (store) => {
      expect(await store.append(idOf("base"), { type: "mark-append" })).toBe(true);
    });
    expect(await eventsOf(store, idOf("base"))).toEqual(["1 created", "2 mark-append"]);
  });

  it("append: one event, however many updates of others came in between", async () => {
    const store = await losing(
      "mark-note",
      async (store) => {
        expect(await store.append(idOf("base"), { type: "mark-note" })).toBe(true);
      },
      {
        meanwhile: async (other) => {
          for (let n = 0; n < 20; n += 1) await other.commit([updateOf(idOf("base"), { event: MOVED })]);
          await other.commit([insertOf(idOf("base"), {}, { touch: true })]);
          await other.append(idOf("base"), { type: "note" });
        },
      },
    );
    const events = (await store.history(idOf("base"))).items.map(({ type }) => type);
    expect(events.filter((type) => type !== "moved")).toEqual(["created", "mark-note", "note"]);
  });

  it("acquireDue: the same records, one fence", async () => {
    const store = await losing(
      "mark-due",
      async (store) => {
        const lease = { owner: "mark-due", durationMs: 60_000 };
        const acquired = await store.acquireDue({ kind: "thing", limit: 1, lease });
        expect(acquired.map(({ id, fence }) => [id, fence])).toEqual([[idOf("due-1"), 1]]);
      },
      {
        before: (store) =>
          store.commit([insertOf(idOf("due-1"), { due_at: 1 }), insertOf(idOf("due-2"), { due_at: 2 })]),
      },
    );
    expect(await read(store, idOf("due-2"))).toMatchObject({ fence: 0, lease: null });
  });

  it("another's touches and events in between do not make it forget", async () => {
    const id = idOf("busy");
    const store = await losing(
      "mark-busy",
      async (store) => {
        const result = await store.commit([updateOf(id, { patch: { status: "mark-busy" }, event: MOVED })]);
        expect(result).toMatchObject({
          results: [{ status: "updated", record: { version: 2, touches: 10 } }],
        });
      },
      {
        before: (store) => store.commit([insertOf(id)]),
        meanwhile: async (other) => {
          for (let n = 0; n < 10; n += 1) {
            await other.commit([insertOf(id, {}, { touch: true })]);
            await other.append(id, { type: "note" });
          }
        },
      },
    );
    expect(await read(store, id)).toMatchObject({ version: 2, touches: 10 });
    expect(await eventsOf(store, id)).toEqual(["1 moved", ...NOTES]);
  });
}
