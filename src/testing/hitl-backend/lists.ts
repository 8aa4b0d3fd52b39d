import assert from "node:assert/strict";
import type { ListQuery } from "../../backends/hitl-backend.ts";
import { must, rejectsWith } from "../assertions.ts";
import { ask, type BackendCase, listed, read } from "./kit.ts";

export const listCases: readonly BackendCase[] = [
  {
    name: "P10: every open question of a session, an invocation or a thread is listed, oldest first",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const ids: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const odd = n % 2;
        const place = { session_id: `s${odd}`, invocation_id: `i${n % 3}`, thread_id: `t${odd}` };
        ids.push((await ask(backend, { ...place, hitl_id: `q${n}` })).hitl_id);
        clock.advance(1);
      }
      const items = async (page: Promise<{ items: readonly { hitl_id: string }[] }>): Promise<string[]> =>
        (await page).items.map((record) => record.hitl_id);
      assert.deepEqual(await items(backend.getPendingBySession("s0")), ["q0", "q2", "q4"]);
      assert.deepEqual(await items(backend.getPendingByInvocation("i1")), ["q1", "q4"]);
      assert.deepEqual(await items(backend.getByThread("t1")), ["q1", "q3", "q5"]);
      await backend.respond("q2", "yes");
      await backend.cancel("q4");
      assert.deepEqual(await items(backend.getPendingBySession("s0")), ["q0"]);
      assert.deepEqual(await items(backend.getPendingByInvocation("i1")), ["q1"]);
      assert.deepEqual(await items(backend.getByThread("t0")), ["q0", "q2", "q4"]);
      assert.deepEqual(await items(backend.getPendingBySession("nobody")), []);
      assert.deepEqual(await listed(backend, {}), ids);
    },
  },
  {
    name: "P10: a list takes any statuses and one of the filters, in both orders",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const fields = {
        session_id: "s",
        invocation_id: "i",
        thread_id: "t",
        checkpoint_id: "c",
        callback_id: "b",
        assignee: "a",
      };
      for (const hitl_id of ["open", "answered", "cancelled"]) {
        await ask(backend, { ...fields, hitl_id });
        await ask(backend, { session_id: "other", hitl_id: `other-${hitl_id}` });
        clock.advance(1);
      }
      await backend.respond("answered", 1);
      await backend.cancel("cancelled");
      for (const [name, value] of Object.entries(fields)) {
        const by = { [name]: value };
        assert.deepEqual(await listed(backend, by), ["open", "answered", "cancelled"], name);
        assert.deepEqual(
          await listed(backend, { ...by, order: "newest" }),
          ["cancelled", "answered", "open"],
          name,
        );
        assert.deepEqual(await listed(backend, { ...by, status: "completed" }), ["answered"], name);
        const status = ["cancelled", "pending"] as const;
        assert.deepEqual(await listed(backend, { ...by, status }), ["open", "cancelled"], name);
        assert.deepEqual(await listed(backend, { ...by, limit: 1 }), ["open", "answered", "cancelled"], name);
        assert.deepEqual(await listed(backend, { [name]: "nobody" }), [], name);
      }
      assert.equal((await listed(backend, { status: "pending" })).length, 4);
    },
  },
  {
    name: "P10: another combination of filters is refused, never scanned",
    run: async ({ backend }) => {
      const bad: readonly unknown[] = [
        { session_id: "s", thread_id: "t" },
        { tool_name: "x" },
        { hitl_type: "confirm" },
        { status: "open" },
        { status: [] },
        { status: ["pending", "__proto__"] },
        { session_id: "" },
        { session_id: 1 },
        { limit: 0 },
        { limit: 1001 },
        { limit: 1.5 },
      ];
      for (const query of bad)
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => backend.list(query as ListQuery));
      await rejectsWith("ERR_HITL_CURSOR", () => backend.list({ cursor: "x" }));
      await rejectsWith("ERR_HITL_CURSOR", () => backend.getPendingBySession("s", { cursor: "" }));
    },
  },
  {
    name: "P10: pages stay stable while questions are asked and answered: none twice, none that stayed is missed",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const before: string[] = [];
      for (let n = 0; n < 23; n += 1) {
        before.push(
          (await ask(backend, { session_id: `s${n}`, hitl_id: `q${String(n).padStart(2, "0")}` })).hitl_id,
        );
        if (n % 2 === 0) clock.advance(1);
      }
      const seen: string[] = [];
      const answered = new Set<string>();
      let cursor: string | undefined;
      let round = 0;
      do {
        const page = await backend.list({ status: "pending", limit: 4, cursor, order: "newest" });
        seen.push(...page.items.map((record) => record.hitl_id));
        cursor = page.next_cursor;
        for (const hitl_id of [must(before[round]), must(page.items.at(-1)?.hitl_id)]) {
          await backend.respond(hitl_id, "yes");
          answered.add(hitl_id);
        }
        clock.advance(1);
        await ask(backend, { hitl_id: `late-${round}` });
        round += 1;
        assert.ok(round < 20, "the pages do not come to an end");
      } while (cursor !== undefined);
      assert.equal(new Set(seen).size, seen.length);
      assert.ok(seen.every((id) => before.includes(id)));
      assert.deepEqual(
        before.filter((id) => !answered.has(id) && !seen.includes(id)),
        [],
      );
    },
  },
  {
    name: "P1: a checkpoint and a callback find the newest question of theirs",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      assert.equal(await backend.getByCheckpoint("cp"), null);
      assert.equal(await backend.getByCallback("cb"), null);
      const fields = { checkpoint_id: "cp", callback_id: "cb" };
      const first = await ask(backend, { ...fields, session_id: "s1" });
      assert.deepEqual(await backend.getByCheckpoint("cp"), first);
      clock.advance(1);
      const second = await ask(backend, { ...fields, session_id: "s2" });
      assert.deepEqual(await backend.getByCallback("cb"), second);
      await backend.respond(second.hitl_id, "yes");
      assert.deepEqual(await backend.getByCheckpoint("cp"), await read(backend, second.hitl_id));
      assert.equal(await backend.getByCallback("cp"), null);
    },
  },
];
