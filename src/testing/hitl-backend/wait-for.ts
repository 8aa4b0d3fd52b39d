import assert from "node:assert/strict";
import { rejectsWith, soon, whileTimePasses } from "../assertions.ts";
import { ask, type BackendCase, MISSING, read } from "./kit.ts";

export const waitCases: readonly BackendCase[] = [
  {
    name: "P1: waiting for what is terminal already answers at once",
    run: async ({ backend }) => {
      const answered = await ask(backend);
      await backend.respond(answered.hitl_id, null);
      const found = await soon(backend.waitFor(answered.hitl_id), "the answer");
      assert.deepEqual(found, await read(backend, answered.hitl_id));
      const cancelled = await ask(backend);
      await backend.cancel(cancelled.hitl_id);
      assert.equal((await soon(backend.waitFor(cancelled.hitl_id), "the cancellation")).status, "cancelled");
    },
  },
  {
    name: "P1: waiting ends with the answer, and all who wait get it",
    run: async ({ backend }) => {
      await ask(backend, { hitl_id: "hitl_123" });
      const waiting = Promise.all([backend.waitFor("hitl_123"), backend.waitFor("hitl_123")]);
      await backend.respond("hitl_123", { a: 1 });
      const found = await soon(waiting, "the answer");
      assert.deepEqual(
        found.map((record) => record.user_response),
        [{ a: 1 }, { a: 1 }],
      );
    },
  },
  {
    name: "P1: an invalid answer wakes nobody for good",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend, { hitl_type: "confirm", response_schema: undefined });
      const waiting = backend.waitFor(hitl_id);
      await backend.respond(hitl_id, "nonsense");
      await backend.respond(hitl_id, { confirmed: true });
      assert.deepEqual((await soon(waiting, "the answer")).user_response, { confirmed: true });
    },
  },
  {
    name: "P1: an answer through another handle ends the wait, whenever it comes: no lost wake-up",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const other = await another();
      for (let n = 0; n < 20; n += 1) {
        const { hitl_id } = await ask(backend, { session_id: `s${n}` });
        const order = n % 2 === 0;
        const first = order ? backend.waitFor(hitl_id) : other.respond(hitl_id, n);
        const second = order ? other.respond(hitl_id, n) : backend.waitFor(hitl_id);
        await soon(Promise.all([first, second]), `the answer of round ${n}`);
        assert.equal((await backend.waitFor(hitl_id)).user_response, n);
      }
    },
  },
  {
    name: "P8: a question that expires while somebody waits ends the wait as expired",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, { expires_at: clock.now() + 20 });
      const waiting = backend.waitFor(hitl_id);
      assert.equal((await whileTimePasses(clock, waiting, "the expiry")).status, "expired");
    },
  },
  {
    name: "P1: a wait that takes too long ends with ERR_HITL_TIMEOUT, and the question stays open",
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend);
      const waiting = rejectsWith("ERR_HITL_TIMEOUT", () => backend.waitFor(hitl_id, { timeoutMs: 20 }));
      await whileTimePasses(clock, waiting, "the timeout");
      assert.equal((await backend.respond(hitl_id, "yes")).status, "accepted");
    },
  },
  {
    name: "P1: a wait is aborted by its signal, before it begins or later",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend);
      await rejectsWith("ERR_HITL_ABORTED", () => backend.waitFor(hitl_id, { signal: AbortSignal.abort() }));
      for (const delayMs of [0, 5, 40]) {
        const controller = new AbortController();
        const waiting = rejectsWith("ERR_HITL_ABORTED", () =>
          backend.waitFor(hitl_id, { signal: controller.signal }),
        );
        setTimeout(() => controller.abort(new Error("enough")), delayMs);
        await soon(waiting, "the abort");
      }
      assert.equal((await read(backend, hitl_id)).status, "pending");
    },
  },
  {
    name: "P1: waiting for what nobody asked is ERR_HITL_NOT_FOUND",
    run: async ({ backend }) => {
      await rejectsWith("ERR_HITL_NOT_FOUND", () => backend.waitFor(MISSING));
    },
  },
];
