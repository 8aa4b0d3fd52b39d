import assert from "node:assert/strict";
import { ask, type BackendCase, eventsOf, listed, read } from "./kit.ts";

export const cancelCases: readonly BackendCase[] = [
  {
    name: "P4: a pending question is cancelled, with who did it and why",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend);
      const now = clock.advance(10);
      const result = await backend.cancel(hitl_id, { actor: { id: "ann" }, reason: "mistake" });
      assert.equal(result.status, "cancelled");
      const record = await read(backend, hitl_id);
      assert.deepEqual(result.record, record);
      assert.deepEqual([record.status, record.reason, record.updated_at], ["cancelled", "mistake", now]);
      assert.equal(record.user_response, null);
      const event = (await eventsOf(backend, hitl_id)).at(-1);
      assert.deepEqual(
        [event?.type, event?.actor?.id, event?.reason, event?.at],
        ["cancelled", "ann", "mistake", now],
      );
      assert.deepEqual(await listed(backend, { status: "pending" }), []);
      assert.deepEqual(await listed(backend, { status: "cancelled" }), [hitl_id]);
    },
  },
  {
    name: "P4: what is terminal is not cancelled; the conflict shows it",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend);
      const { record } = await backend.respond(hitl_id, "yes");
      assert.deepEqual(await backend.cancel(hitl_id), { status: "conflict", record });
      const other = await ask(backend);
      const cancelled = await backend.cancel(other.hitl_id, { reason: "first" });
      assert.deepEqual(await backend.cancel(other.hitl_id, { reason: "second" }), {
        status: "conflict",
        record: cancelled.record,
      });
      assert.equal((await eventsOf(backend, other.hitl_id)).length, 2);
    },
  },
  {
    name: "P4: an own id is cancelled like any other",
    run: async ({ backend }) => {
      await ask(backend, { hitl_id: "hitl_123" });
      assert.equal((await backend.cancel("hitl_123")).status, "cancelled");
      assert.equal((await read(backend, "hitl_123")).status, "cancelled");
    },
  },
];
