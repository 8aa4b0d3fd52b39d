import assert from "node:assert/strict";
import { MAILBOX_KIND, MESSAGE_KIND } from "../../backends/kinds.ts";
import type { InsertOp } from "../../backends/record-store.ts";
import { ask, type BackendCase } from "./kit.ts";
import {
  call,
  DAY,
  engineRecord,
  finish,
  HOUR,
  keeping,
  left,
  pause,
  sweepAll,
  takeUp,
  THREAD,
  threadDue,
} from "./retention-kit.ts";

export const threadRetentionCases: readonly BackendCase[] = [
  {
    name: "P6: calls that finished stay while a sibling, or a question of their thread, is open",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { callsMs: 2 * DAY, completedMs: 2 * DAY });
      const done = call("done", "finished");
      for (const status of ["running", "suspended", "in_doubt"]) {
        // A suspended one waits for a question, as below, or for an interrupt that is not ours.
        const open = call(`open-${status}`, status, "c1", { interrupts: [{ value: "?" }] });
        await backend.store.commit([done, open, pause(), threadDue(clock.now() + DAY)]);
        for (let day = 0; day < 30; day += 1) {
          clock.advance(DAY);
          assert.equal(await sweepAll(backend), 0);
        }
        assert.deepEqual(await left(backend, [done, open]), [true, true]);
        await finish(backend, open);
        clock.advance(2 * DAY - 1);
        // Together with the sibling: the host may run the step once more.
        assert.equal(await sweepAll(backend), 0);
        clock.advance(DAY);
        assert.equal(await sweepAll(backend), 4);
        assert.deepEqual(await left(backend, [done, open, pause(), threadDue(0)]), [
          false,
          false,
          false,
          false,
        ]);
      }
      const { hitl_id } = await ask(backend, { session_id: THREAD, thread_id: THREAD });
      await backend.store.commit([done, pause(), threadDue(clock.now())]);
      clock.advance(9 * DAY);
      assert.equal(await sweepAll(backend), 0);
      await backend.respond(hitl_id, "yes");
      clock.advance(9 * DAY);
      assert.equal(await sweepAll(backend), 0);
      await takeUp(backend, hitl_id);
      clock.advance(3 * DAY);
      assert.equal(await sweepAll(backend), 4);
    },
  },
  {
    name: "P6: steps go as a whole and one by one, also those that are longer than a look at a thread",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { callsMs: 10 * DAY });
      const steps: InsertOp[][] = [];
      for (let step = 0; step < 4; step += 1) {
        const root = `c${step}`;
        const calls = Array.from({ length: step === 1 ? 25 : 2 }, (_, n) =>
          call(`${root}-${n}`, "finished", root),
        );
        steps.push([pause(root), ...calls]);
        await backend.store.commit([...(steps[step] as InsertOp[]), threadDue(clock.now() + 10 * DAY)]);
        clock.advance(5 * DAY);
      }
      const there = async (): Promise<number[]> =>
        Promise.all(steps.map(async (step) => (await left(backend, step)).filter(Boolean).length));
      const sweep = async (): Promise<void> => {
        for (let more = true; more; ) ({ more } = await backend.sweep({ limit: 10 }));
      };
      await sweep();
      assert.deepEqual(await there(), [0, 0, 0, 3]);
      clock.advance(5 * DAY - 1);
      await sweep();
      assert.deepEqual(await there(), [0, 0, 0, 3]);
      clock.advance(1);
      await sweep();
      assert.deepEqual(await there(), [0, 0, 0, 0]);
      assert.deepEqual(await left(backend, [threadDue(0)]), [false]);
    },
  },
  {
    name: "P6: a call that failed, or whose questions were given up, goes with its step",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { callsMs: 2 * DAY });
      const failed = call("failed", "suspended", "c1", {
        failures: [{ kind: "error", name: "E", message: "" }],
      });
      await backend.store.commit([call("done", "finished"), pause(), threadDue(clock.now() + 2 * DAY)]);
      clock.advance(DAY);
      await backend.store.commit([failed]);
      clock.advance(2 * DAY - 1);
      assert.equal(await sweepAll(backend), 0);
      clock.advance(HOUR + 1);
      assert.equal(await sweepAll(backend), 4);
    },
  },
  {
    name: "P9: a pause whose lease ran out, and a call, are leased by no sweep: what they say of a run that died stays",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { callsMs: 10 * DAY });
      const lease = { owner: "resumer", durationMs: 1000 };
      const working = { ...call("running", "running"), lease };
      await backend.store.commit([working, { ...pause(), lease }, threadDue(clock.now() + 10 * DAY)]);
      const ids = [working.record.id, pause().record.id];
      const before = await backend.store.get(ids);
      for (let day = 0; day < 20; day += 1) {
        clock.advance(DAY);
        await sweepAll(backend);
      }
      assert.deepEqual(await backend.store.get(ids), before);
    },
  },
  {
    name: "P6: a thread that was resumed in the last day is left alone, also where nothing of it is open",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, { callsMs: HOUR, completedMs: HOUR });
      const done = call("done", "finished");
      await backend.store.commit([done, pause(), threadDue(clock.now() + HOUR)]);
      const { hitl_id } = await ask(backend, { session_id: THREAD, thread_id: THREAD });
      await backend.respond(hitl_id, "yes");
      clock.advance(2 * DAY);
      const taken = { owner: "resumer", durationMs: 1000 };
      await backend.store.commit([{ op: "update", id: pause().record.id, patch: { lease: taken } }]);
      await takeUp(backend, hitl_id);
      clock.advance(DAY - 1);
      assert.equal(await sweepAll(backend), 0);
      clock.advance(DAY);
      assert.equal(await sweepAll(backend), 4);
    },
  },
  {
    name: "P10: messages that were delivered go after their time, their mailbox with the last of them",
    needs: ["clock"],
    run: async ({ backend: given, clock }) => {
      const backend = keeping(given, clock, {});
      const old = engineRecord(MESSAGE_KIND, "m1", "delivered", {}, clock.now() + DAY);
      const young = engineRecord(MESSAGE_KIND, "m2", "answered", {}, clock.now() + 2 * DAY);
      const waiting = engineRecord(MESSAGE_KIND, "m3", "waiting");
      const mailbox = engineRecord(MAILBOX_KIND, "box", "active", { last_seq: 3 });
      await backend.store.commit([old, young, waiting, mailbox]);
      const all = [old, young, waiting, mailbox];
      clock.advance(DAY);
      assert.equal(await sweepAll(backend), 1);
      assert.deepEqual(await left(backend, all), [false, true, true, true]);
      clock.advance(DAY);
      assert.equal(await sweepAll(backend), 1);
      assert.deepEqual(await left(backend, all), [false, false, true, true]);
      const { id } = waiting.record;
      await backend.store.commit([
        { op: "update", id, patch: { status: "withdrawn", due_at: { inMs: DAY } } },
      ]);
      clock.advance(DAY);
      assert.equal(await sweepAll(backend), 2);
      assert.deepEqual(await left(backend, all), [false, false, false, false]);
    },
  },
];
