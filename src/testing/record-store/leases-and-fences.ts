import assert from "node:assert/strict";
import { idOf, put, read, type StoreCase, update } from "./kit.ts";

const lease = (owner: string, durationMs = 100) => ({ owner, durationMs });

export const leaseCases: readonly StoreCase[] = [
  {
    name: "S3: each lease raises the fence by one; release and renewal leave it",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1));
      for (let fence = 1; fence <= 4; fence += 1) {
        const taken = await update(store, idOf(1), {
          guard: { lease: "free" },
          patch: { lease: lease(`w${fence}`) },
        });
        assert.equal(taken.status, "updated");
        assert.equal(taken.record?.fence, fence);
        assert.deepEqual(taken.record.lease, { owner: `w${fence}`, expires_at: clock.now() + 100 });
        clock.advance(40);
        const renewed = await update(store, idOf(1), {
          guard: { fence },
          patch: { lease: { renewMs: 300 } },
        });
        assert.deepEqual(renewed.record?.lease, { owner: `w${fence}`, expires_at: clock.now() + 300 });
        assert.equal(renewed.record.fence, fence);
        const released = await update(store, idOf(1), { guard: { fence }, patch: { lease: "release" } });
        assert.equal(released.record?.lease, null);
        assert.equal(released.record.fence, fence);
      }
    },
  },
  {
    name: "S3: a lease that lasts is not free; one that has run out is",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), {}, { lease: lease("a", 100) });
      const take = () => update(store, idOf(1), { guard: { lease: "free" }, patch: { lease: lease("b") } });
      clock.advance(99);
      assert.equal((await take()).status, "stale");
      clock.advance(1);
      const taken = await take();
      assert.equal(taken.status, "updated");
      assert.equal(taken.record?.fence, 2);
      assert.equal(taken.record.lease?.owner, "b");
    },
  },
  {
    name: "S3: the write of a holder whose lease was taken over is refused",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), {}, { lease: lease("a", 100) });
      clock.advance(100);
      await update(store, idOf(1), { guard: { lease: "free" }, patch: { lease: lease("b") } });
      const late = await update(store, idOf(1), { guard: { fence: 1 }, patch: { status: "done" } });
      assert.equal(late.status, "stale");
      assert.equal((await read(store, idOf(1))).status, "open");
      assert.equal(
        (await update(store, idOf(1), { guard: { fence: 2 }, patch: { status: "done" } })).status,
        "updated",
      );
    },
  },
  {
    name: "S3: the write of a holder whose lease has run out or was released is refused, though nobody took it",
    needs: ["clock"],
    run: async ({ store, clock }) => {
      await put(store, idOf(1), {}, { lease: lease("a", 100) });
      clock.advance(100);
      assert.equal((await update(store, idOf(1), { guard: { fence: 1 } })).status, "stale");
      assert.equal(
        (await update(store, idOf(1), { guard: { fence: 1 }, patch: { lease: { renewMs: 50 } } })).status,
        "stale",
      );
      await put(store, idOf(2), {}, { lease: lease("a", 100) });
      await update(store, idOf(2), { patch: { lease: "release" } });
      assert.equal((await update(store, idOf(2), { guard: { fence: 1 } })).status, "stale");
    },
  },
  {
    name: "S3: renewing where there is no lease makes none",
    run: async ({ store }) => {
      await put(store, idOf(1));
      const { record } = await update(store, idOf(1), { patch: { lease: { renewMs: 500 } } });
      assert.equal(record?.lease, null);
      assert.equal(record.fence, 0);
    },
  },
  {
    name: "S3: updates that say nothing of the lease leave it",
    run: async ({ store }) => {
      const before = await put(store, idOf(1), {}, { lease: lease("a", 60_000) });
      const { record } = await update(store, idOf(1), { patch: { status: "done" } });
      assert.deepEqual([record?.lease, record?.fence], [before.lease, 1]);
    },
  },
  {
    name: "S3: taking a lease without the guard still raises the fence and shuts the earlier holder out",
    run: async ({ store }) => {
      await put(store, idOf(1), {}, { lease: lease("a", 60_000) });
      const { record } = await update(store, idOf(1), { patch: { lease: lease("b", 60_000) } });
      assert.equal(record?.fence, 2);
      assert.equal((await update(store, idOf(1), { guard: { fence: 1 } })).status, "stale");
      assert.equal((await update(store, idOf(1), { guard: { fence: 2 } })).status, "updated");
    },
  },
];
