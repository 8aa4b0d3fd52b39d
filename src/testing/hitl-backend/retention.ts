import assert from "node:assert/strict";
import { type RetentionOptions, retentionOf } from "../../backends/retention/options.ts";
import { rejectsWith } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, listed, read } from "./kit.ts";
import { DAY, HOUR, isThere, keeping, sweepAll, takeUp, THREAD } from "./retention-kit.ts";

export const retentionCases: readonly BackendCase[] = [
  {
    name: "P4: what has ended is there for 30 days, and then gone with its history and from all lists",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const answered = await ask(backend);
      const cancelled = await ask(backend);
      await backend.respond(answered.hitl_id, "yes");
      await backend.cancel(cancelled.hitl_id);
      clock.advance(30 * DAY - 1);
      assert.equal(await sweepAll(backend), 0);
      assert.equal((await read(backend, answered.hitl_id)).user_response, "yes");
      assert.equal((await backend.respond(answered.hitl_id, "no")).status, "conflict");
      clock.advance(1);
      assert.equal(await sweepAll(backend), 2);
      for (const { hitl_id } of [answered, cancelled]) {
        assert.equal(await backend.get(hitl_id), null);
        assert.deepEqual(await eventsOf(backend, hitl_id), []);
        assert.equal((await backend.respond(hitl_id, "yes")).status, "not_found");
      }
      assert.deepEqual(await listed(backend, {}), []);
    },
  },
  {
    name: "P8: each status has its own time, from when the question ended",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const times = { completedMs: 3 * HOUR, cancelledMs: 2 * HOUR, expiredMs: HOUR };
      const backend = keeping(given, clock, times);
      const [completed, cancelled, expired] = [
        await ask(backend),
        await ask(backend),
        await ask(backend, { expires_at: clock.now() + DAY }),
      ];
      clock.advance(DAY);
      await backend.respond(completed.hitl_id, 1);
      await backend.cancel(cancelled.hitl_id);
      assert.equal((await read(backend, expired.hitl_id)).status, "expired");
      const there: boolean[][] = [];
      for (const ms of [HOUR - 1, 1, HOUR - 1, 1, HOUR - 1, 1]) {
        clock.advance(ms);
        await sweepAll(backend);
        there.push(
          await Promise.all([completed, cancelled, expired].map(({ hitl_id }) => isThere(backend, hitl_id))),
        );
      }
      assert.deepEqual(there, [
        [true, true, true],
        [true, true, false],
        [true, true, false],
        [true, false, false],
        [true, false, false],
        [false, false, false],
      ]);
    },
  },
  {
    name: "P8: what is pending is never removed; a deadline that has passed takes its normal course in the sweep",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { completedMs: 0, cancelledMs: 0, expiredMs: 0 });
      const expires_at = clock.now() + DAY;
      const open = await ask(backend);
      const expires = await ask(backend, { expires_at });
      const answers = await ask(backend, { expires_at, on_expire: { respond: "default" } });
      const escalates = await ask(backend, { expires_at, on_expire: { escalate: "boss" } });
      clock.advance(DAY - 1);
      assert.deepEqual(await backend.sweep(), { removed: 0, kept: 0, expired: 0, more: false });
      clock.advance(1);
      assert.deepEqual(await backend.sweep(), { removed: 0, kept: 0, expired: 3, more: false });
      const found = await backend.store.get([expires, answers, escalates].map(({ hitl_id }) => hitl_id));
      assert.deepEqual(
        found.map((record) => [record?.status, record?.lease]),
        [
          ["expired", null],
          ["completed", null],
          ["pending", null],
        ],
      );
      assert.deepEqual(
        (await eventsOf(backend, escalates.hitl_id)).map(({ type }) => type),
        ["created", "escalated"],
      );
      clock.advance(3650 * DAY);
      assert.equal(await sweepAll(backend), 2);
      assert.equal((await read(backend, open.hitl_id)).version, open.version);
      assert.equal((await read(backend, escalates.hitl_id)).assignee, "boss");
      assert.equal((await backend.respond(open.hitl_id, "late")).status, "accepted");
    },
  },
  {
    name: "P4: what is kept for ever is never due",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, {
        completedMs: "forever",
        cancelledMs: "forever",
        expiredMs: "forever",
      });
      const records = [
        await ask(backend),
        await ask(backend),
        await ask(backend, { expires_at: clock.now() + 1 }),
      ];
      await backend.respond(records[0]?.hitl_id ?? "", 1);
      await backend.cancel(records[1]?.hitl_id ?? "");
      clock.advance(1);
      assert.equal((await backend.sweep()).expired, 1);
      clock.advance(36_500 * DAY);
      assert.deepEqual(await backend.sweep(), { removed: 0, kept: 0, expired: 0, more: false });
      assert.equal((await listed(backend, {})).length, 3);
    },
  },
  {
    name: "P1: an answer that its graph has not taken up stays, and is due for whoever resumes the thread",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, {});
      const { hitl_id } = await ask(backend, { session_id: THREAD, thread_id: THREAD });
      await backend.respond(hitl_id, "yes");
      const lease = { owner: "worker", durationMs: 10 };
      // Held up by a tenth of what it has waited, and by a second at least.
      for (const [waits, heldUp] of [
        [0, 1000],
        [HOUR - 1000, HOUR / 10],
        [20 * DAY, DAY],
        [200 * DAY, DAY],
      ] as const) {
        clock.advance(waits);
        assert.deepEqual(await backend.sweep(), { removed: 0, kept: 1, expired: 0, more: false });
        clock.advance(heldUp - 1);
        assert.deepEqual(await backend.store.acquireDue({ kind: "hitl", limit: 9, lease }), []);
        clock.advance(1);
      }
      const record = await read(backend, hitl_id);
      assert.deepEqual([record.resume.state, record.user_response], ["waiting", "yes"]);
      await takeUp(backend, hitl_id);
      clock.advance(30 * DAY - 1);
      assert.equal(await sweepAll(backend), 0);
      clock.advance(1);
      assert.equal(await sweepAll(backend), 1);
      assert.equal(await backend.get(hitl_id), null);
    },
  },
  {
    name: "P2: an own id goes with its question, and is free again",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const first = await backend.create({
        hitl_id: "mine",
        hitl_type: "confirm",
        session_id: "s1",
        data: { message: "?" },
      });
      await backend.respond("mine", { confirmed: true });
      clock.advance(30 * DAY);
      assert.equal(await sweepAll(backend), 2);
      assert.equal(await backend.get("mine"), null);
      const again = await backend.create({
        hitl_id: "mine",
        hitl_type: "confirm",
        session_id: "s2",
        data: { message: "!" },
      });
      assert.deepEqual([first.status, again.status, again.record.session_id], ["created", "created", "s2"]);
      assert.equal((await read(backend, "mine")).status, "pending");
    },
  },
  {
    name: "P1: a sweep goes over all tenants, whichever view calls it",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const other = backend.forTenant("t2");
      const records = [await ask(backend), await ask(other)];
      await backend.cancel(records[0]?.hitl_id ?? "");
      await other.cancel(records[1]?.hitl_id ?? "");
      clock.advance(30 * DAY);
      assert.equal(await sweepAll(backend.forTenant("t3")), 2);
    },
  },
  {
    name: "P5: sweeps side by side remove each record once, and one call no more than its limit",
    needs: ["clock", "another"],
    run: async ({ backend, clock, another }) => {
      const other = await another();
      for (let n = 0; n < 25; n += 1) {
        const { hitl_id } = await ask(backend, { session_id: `s${n}` });
        await backend.respond(hitl_id, n);
      }
      clock.advance(30 * DAY);
      assert.deepEqual(await backend.sweep({ limit: 5 }), { removed: 5, kept: 0, expired: 0, more: true });
      const swept = await Promise.all([sweepAll(backend), sweepAll(other), sweepAll(backend)]);
      assert.equal(
        swept.reduce((sum, removed) => sum + removed, 0),
        20,
      );
      assert.deepEqual(await listed(other, {}), []);
      for (const limit of [0, 1.5, 1001])
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => backend.sweep({ limit }));
      await rejectsWith("ERR_HITL_ABORTED", () => backend.sweep({ signal: AbortSignal.abort() }));
    },
  },
  {
    name: "P8: times that are none are refused before anything is written",
    run: async () => {
      const bad: readonly RetentionOptions[] = [
        { completedMs: -1 },
        { cancelledMs: 1.5 },
        { expiredMs: Number.NaN },
        { messagesMs: Number.POSITIVE_INFINITY },
        { callsMs: HOUR - 1 },
        { completedMs: "30 days" as never },
        { sweepEveryMs: 10 },
        { sweepEveryMs: 8 * DAY },
      ];
      for (const options of bad)
        await rejectsWith("ERR_HITL_INVALID_INPUT", async () => retentionOf(options));
    },
  },
];
