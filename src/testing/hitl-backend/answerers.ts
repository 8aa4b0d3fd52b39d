/** Who may answer, in the atomic write of the answer (PROTOCOL.md §5.5). */
import assert from "node:assert/strict";
import { must, rejectsWith, tally, together } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, listed, MISSING, read, SESSION } from "./kit.ts";

const confirm = { hitl_type: "confirm", data: { message: "Sure?" }, response_schema: undefined } as const;
const yes = { confirmed: true };
const ann = { actor: { id: "ann" } };
const eve = { actor: { id: "eve" } };
const forAnn = { ...confirm, metadata: { answerers: ["ann", "al"], other: 1 } };

export const answererCases: readonly BackendCase[] = [
  {
    name: "P8: who is not on the list, or nobody in particular, may not answer, and nothing changes",
    run: async ({ backend }) => {
      const before = await ask(backend, forAnn);
      for (const options of [{}, eve, { actor: { id: "ANN" } }, { ...eve, record: before }]) {
        const result = await backend.respond(before.hitl_id, yes, options);
        assert.deepEqual(result, { status: "forbidden", record: before });
      }
      assert.deepEqual(await read(backend, before.hitl_id), before);
      assert.equal((await eventsOf(backend, before.hitl_id)).length, 1);
      assert.equal((await backend.respond(before.hitl_id, yes, ann)).status, "accepted");
    },
  },
  {
    name: "P4: each one on the list may answer, with a record at hand or without, and the history names him alone",
    run: async ({ backend }) => {
      for (const id of ["ann", "al"]) {
        for (const isAtHand of [true, false]) {
          const record = await ask(backend, forAnn);
          await backend.respond(record.hitl_id, { confirmed: false }, eve);
          const options = { actor: { id, role: "user" }, ...(isAtHand ? { record } : {}) } as const;
          const answered = await backend.respond(record.hitl_id, yes, options);
          assert.deepEqual([answered.status, answered.record?.responded_by?.id], ["accepted", id]);
          const events = await eventsOf(backend, record.hitl_id);
          assert.deepEqual(
            events.map(({ type, actor }) => [type, actor?.id]),
            [
              ["created", undefined],
              ["answered", id],
            ],
          );
        }
      }
    },
  },
  {
    name: "P8: another process, which has not asked, refuses as well",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const { hitl_id } = await ask(backend, forAnn);
      const other = await another();
      assert.equal((await other.respond(hitl_id, yes, eve)).status, "forbidden");
      assert.equal((await other.respond(hitl_id, yes, ann)).status, "accepted");
    },
  },
  {
    name: "P3: who may not answer does not hear what is wrong with an answer",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend, forAnn);
      const refused = await backend.respond(hitl_id, { confirmed: "nonsense" }, eve);
      assert.deepEqual([refused.status, "issues" in refused], ["forbidden", false]);
      assert.equal((await backend.respond(hitl_id, { confirmed: "nonsense" }, ann)).status, "invalid");
    },
  },
  {
    name: "P4: what the record has become outranks who answers",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const answered = await ask(backend, forAnn);
      await backend.respond(answered.hitl_id, yes, { ...ann, idempotency_key: "k" });
      const again = await backend.respond(answered.hitl_id, yes, { ...eve, idempotency_key: "k" });
      assert.deepEqual([again.status, again.record?.responded_by?.id], ["duplicate", "ann"]);
      assert.equal((await backend.respond(answered.hitl_id, { confirmed: false }, eve)).status, "conflict");
      const cancelled = await ask(backend, forAnn);
      await backend.cancel(cancelled.hitl_id);
      assert.equal((await backend.respond(cancelled.hitl_id, yes, eve)).status, "cancelled");
      const late = await ask(backend, { ...forAnn, expires_at: clock.now() + 10 });
      clock.advance(10);
      assert.equal((await backend.respond(late.hitl_id, yes, { ...eve, record: late })).status, "expired");
      assert.equal((await backend.respond(MISSING, yes, eve)).status, "not_found");
    },
  },
  {
    name: "P8: the author's own answer at the deadline needs nobody on the list",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const on_expire = { respond: { confirmed: false } };
      const { hitl_id } = await ask(backend, { ...forAnn, expires_at: clock.now() + 10, on_expire });
      clock.advance(10);
      const record = await read(backend, hitl_id);
      assert.deepEqual([record.status, record.user_response], ["completed", { confirmed: false }]);
    },
  },
  {
    name: "P5: whoever a question is escalated to may answer from then on, and those before him still may",
    needs: ["clock", "another"],
    run: async ({ backend, clock, another }) => {
      const other = await another();
      for (const id of ["eve", "ann"]) {
        const expires_at = clock.now() + 10;
        const asked = await ask(backend, { ...forAnn, expires_at, on_expire: { escalate: "eve" } });
        assert.equal((await backend.respond(asked.hitl_id, yes, eve)).status, "forbidden");
        clock.advance(10);
        const { metadata, assignee, version } = await read(other, asked.hitl_id);
        assert.deepEqual(metadata, { answerers: ["ann", "al", "eve"], other: 1 });
        assert.deepEqual([assignee, version], ["eve", 2]);
        // By the record as it was before: its age does not matter.
        const options = { actor: { id }, record: asked };
        assert.equal((await backend.respond(asked.hitl_id, yes, options)).status, "accepted");
        const types = (await eventsOf(backend, asked.hitl_id)).map(({ type }) => type);
        assert.deepEqual(types, ["created", "escalated", "answered"]);
      }
    },
  },
  {
    name: "P5: an answer that comes as its question is escalated to whoever gives it is taken",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const expires_at = clock.now() + 10;
      const { hitl_id } = await ask(backend, { ...forAnn, expires_at, on_expire: { escalate: "eve" } });
      clock.advance(10);
      assert.equal((await backend.respond(hitl_id, yes, { actor: { id: "bob" } })).status, "forbidden");
      assert.equal((await backend.respond(hitl_id, yes, eve)).status, "accepted");
    },
  },
  {
    name: "P8: an escalation closes no question that was open to all, and names nobody twice",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const more = { expires_at: clock.now() + 10, on_expire: { escalate: "ann" } };
      const open = await ask(backend, { ...confirm, ...more, metadata: {} });
      const listing = await ask(backend, { ...forAnn, ...more });
      clock.advance(10);
      assert.deepEqual((await read(backend, open.hitl_id)).metadata, {});
      assert.deepEqual((await read(backend, listing.hitl_id)).metadata, forAnn.metadata);
      assert.equal((await backend.respond(open.hitl_id, yes)).status, "accepted");
    },
  },
  {
    name: "P8: whoever can cancel may: nothing runs by it",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend, forAnn);
      assert.equal((await backend.cancel(hitl_id, eve)).status, "cancelled");
    },
  },
  {
    name: "P8: a list that names nobody, or is none, is refused before anything is written",
    run: async ({ backend }) => {
      const bad = [[], "ann", null, {}, 1, true, [1], [""], [null], ["ann", "a\u0000b"], ["x".repeat(256)]];
      for (const answerers of bad) {
        const request = { ...confirm, session_id: SESSION, hitl_id: "mine", metadata: { answerers } };
        await rejectsWith("ERR_HITL_INVALID_INPUT", () => backend.create(request));
      }
      assert.deepEqual(await listed(backend), []);
      // Its id was not reserved either.
      const { status } = await backend.create({ ...confirm, session_id: "another", hitl_id: "mine" });
      assert.equal(status, "created");
    },
  },
  {
    name: "P4: 50 callers, of whom half may answer: one of these is accepted, none of the others ever",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const other = await another();
      const asked = await ask(backend, forAnn);
      const results = await together(50, async (n) => {
        const handle = n % 4 < 2 ? backend : other;
        const given = n % 3 === 0 ? { record: asked } : {};
        return n % 2 === 0
          ? handle.respond(asked.hitl_id, yes, { ...ann, ...given })
          : handle.respond(asked.hitl_id, { confirmed: false }, { ...eve, ...given });
      });
      const statuses = (rest: number): string[] =>
        results.filter((_, n) => n % 2 === rest).map(({ status }) => status);
      assert.deepEqual(tally(statuses(0)), { accepted: 1, duplicate: 24 });
      const refused = new Set(statuses(1));
      assert.ok(
        [...refused].every((status) => status === "forbidden" || status === "conflict"),
        [...refused].join(),
      );
      const record = await read(backend, asked.hitl_id);
      assert.deepEqual([record.responded_by?.id, record.version], ["ann", 2]);
      const [, answered, ...more] = await eventsOf(backend, asked.hitl_id);
      assert.deepEqual([must(answered, "event").actor?.id, more.length], ["ann", 0]);
    },
  },
];
