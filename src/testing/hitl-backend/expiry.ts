import assert from "node:assert/strict";
import { ask, type BackendCase, eventsOf, listed, read } from "./kit.ts";

export const expiryCases: readonly BackendCase[] = [
  {
    name: "P8: a question is open until its deadline and expired from then on",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id, expires_at } = await ask(backend, { expires_at: clock.now() + 100 });
      clock.advance(99);
      assert.equal((await read(backend, hitl_id)).status, "pending");
      clock.advance(1);
      const record = await read(backend, hitl_id);
      assert.deepEqual(
        [record.status, record.user_response, record.expires_at],
        ["expired", null, expires_at],
      );
      assert.deepEqual(await read(backend, hitl_id), record);
      assert.deepEqual(
        (await eventsOf(backend, hitl_id)).map((event) => event.type),
        ["created", "expired"],
      );
    },
  },
  {
    name: "P8: an answer just before the deadline counts, one at it does not",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const early = await ask(backend, { expires_at: clock.now() + 100 });
      const late = await ask(backend, { expires_at: clock.now() + 100 });
      clock.advance(99);
      assert.equal((await backend.respond(early.hitl_id, "yes")).status, "accepted");
      clock.advance(1);
      const result = await backend.respond(late.hitl_id, "yes");
      assert.equal(result.status, "expired");
      assert.deepEqual([result.record?.status, result.record?.user_response], ["expired", null]);
      assert.equal((await backend.respond(late.hitl_id, "yes", { record: late })).status, "expired");
      assert.equal((await read(backend, early.hitl_id)).status, "completed");
    },
  },
  {
    name: "P8: an answer that is not valid hears after the deadline that it is too late, and not what is wrong with it",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const request = { response_schema: { type: "boolean" }, expires_at: clock.now() + 100 };
      const asked = await ask(backend, request);
      assert.equal((await backend.respond(asked.hitl_id, "maybe")).status, "invalid");
      clock.advance(100);
      assert.equal((await backend.respond(asked.hitl_id, "maybe")).status, "expired");
      const given = await ask(backend, { ...request, expires_at: clock.now() + 100 });
      clock.advance(100);
      assert.equal((await backend.respond(given.hitl_id, "maybe", { record: given })).status, "expired");
    },
  },
  {
    name: "P8: a question whose deadline has passed cannot be cancelled any more",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, { expires_at: clock.now() + 100 });
      clock.advance(100);
      const result = await backend.cancel(hitl_id);
      assert.deepEqual([result.status, result.record?.status], ["conflict", "expired"]);
    },
  },
  {
    name: "P8: one that was born after its deadline is never open",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, { expires_at: clock.now() - 1 });
      assert.equal((await backend.respond(hitl_id, "yes")).status, "expired");
    },
  },
  {
    name: "P8: lists show what has expired as expired, and not as pending",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const open = await ask(backend, { thread_id: "t" });
      const gone = await ask(backend, { thread_id: "t", expires_at: clock.now() + 10 });
      clock.advance(10);
      assert.deepEqual(
        (await backend.getPendingBySession(open.session_id)).items.map((r) => r.hitl_id),
        [open.hitl_id],
      );
      assert.deepEqual(await listed(backend, { status: "pending" }), [open.hitl_id]);
      assert.deepEqual(await listed(backend, { status: "expired" }), [gone.hitl_id]);
      const statuses = (await backend.getByThread("t")).items.map((record) => record.status);
      assert.deepEqual(statuses.toSorted(), ["expired", "pending"]);
    },
  },
  {
    name: "P8: only an author's own default answers by time passing, and the record says so",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const request = {
        hitl_type: "confirm",
        response_schema: undefined,
        expires_at: clock.now() + 10,
      } as const;
      const { hitl_id } = await ask(backend, { ...request, on_expire: { respond: { confirmed: false } } });
      const now = clock.advance(50);
      const record = await read(backend, hitl_id);
      assert.deepEqual(
        [record.status, record.user_response, record.responded_at],
        ["completed", { confirmed: false }, now],
      );
      assert.equal(record.responded_by?.role, "system");
      assert.equal((await backend.respond(hitl_id, { confirmed: true })).status, "conflict");
      assert.equal((await backend.respond(hitl_id, { confirmed: false })).status, "duplicate");
      const event = (await eventsOf(backend, hitl_id)).at(-1);
      assert.deepEqual([event?.type, event?.actor?.role], ["answered", "system"]);
    },
  },
  {
    name: "P8: a late answer to a question with a default finds the default given",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, {
        expires_at: clock.now() + 10,
        on_expire: { respond: "default" },
      });
      clock.advance(10);
      const result = await backend.respond(hitl_id, "late");
      assert.deepEqual([result.status, result.record?.user_response], ["conflict", "default"]);
    },
  },
  {
    name: "P8: escalation hands the open question to somebody else, without a deadline",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, {
        assignee: "ann",
        expires_at: clock.now() + 10,
        on_expire: { escalate: "bob" },
      });
      assert.deepEqual(await listed(backend, { assignee: "ann" }), [hitl_id]);
      clock.advance(10);
      const record = await read(backend, hitl_id);
      assert.deepEqual([record.status, record.assignee, record.expires_at], ["pending", "bob", null]);
      assert.deepEqual(await listed(backend, { assignee: "ann" }), []);
      assert.deepEqual(await listed(backend, { assignee: "bob" }), [hitl_id]);
      assert.deepEqual(
        (await eventsOf(backend, hitl_id)).map((event) => event.type),
        ["created", "escalated"],
      );
      clock.advance(1_000_000);
      assert.equal((await backend.respond(hitl_id, "yes")).status, "accepted");
    },
  },
  {
    name: "P8: an answer that arrives as the question is escalated is taken",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, {
        expires_at: clock.now() + 10,
        on_expire: { escalate: "bob" },
      });
      clock.advance(10);
      const result = await backend.respond(hitl_id, "yes");
      assert.deepEqual([result.status, result.record?.assignee], ["accepted", "bob"]);
    },
  },
];
