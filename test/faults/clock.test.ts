/** The clock of one client is wrong: found by the load under faults, kept as a test of its own. */
import { StoreHITLBackend } from "holdpoint";
import { MemoryRecordStore } from "holdpoint/testing";
import { expect, it } from "vitest";

const TEN_MINUTES_MS = 600_000;

it.each([TEN_MINUTES_MS, -TEN_MINUTES_MS])(
  "P1 a wait ends by its timeout, not sooner and not later, although the clock is set %d ms meanwhile",
  async (skew) => {
    let offset = 0;
    const store = new MemoryRecordStore();
    const watch = store.watch.bind(store);
    // The wait has begun: the clock is set while it waits, not before.
    store.watch = async (ids, listener) => {
      const watcher = await watch(ids, listener);
      offset = skew;
      return watcher;
    };
    const backend = new StoreHITLBackend(store, { clock: { now: () => Date.now() + offset } });
    const { record } = await backend.create({ hitl_type: "x", session_id: "s" });
    const began = performance.now();
    const waiting = backend.waitFor(record.hitl_id, { timeoutMs: 150 });
    await expect(waiting).rejects.toMatchObject({ code: "ERR_HITL_TIMEOUT" });
    const took = performance.now() - began;
    expect(took).toBeGreaterThan(140);
    expect(took).toBeLessThan(5000);
  },
);

it("P8 a client whose clock is ten minutes ahead neither expires a question before its time nor asks without rest", async () => {
  const store = new MemoryRecordStore();
  const reads: string[] = [];
  const get = store.get.bind(store);
  store.get = (ids) => {
    reads.push(...ids);
    return get(ids);
  };
  const backend = new StoreHITLBackend(store, { clock: { now: () => Date.now() + TEN_MINUTES_MS } });
  const expires_at = Date.now() + 30_000;
  const { record } = await backend.create({ hitl_type: "x", session_id: "s", expires_at });
  await expect(backend.waitFor(record.hitl_id, { timeoutMs: 300 })).rejects.toMatchObject({
    code: "ERR_HITL_TIMEOUT",
  });
  expect(reads.length).toBeLessThan(40);
  expect(await backend.respond(record.hitl_id, "in time")).toMatchObject({ status: "accepted" });
});
