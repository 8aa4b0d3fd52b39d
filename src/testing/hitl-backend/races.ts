/** N callers at once, through two handles. Who wins is open; that one wins, and everybody learns who, is not. */
import assert from "node:assert/strict";
import type { HITLBackend } from "../../backends/hitl-backend.ts";
import { isTerminalHITLStatus } from "../../core/states.ts";
import { tally, together } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, listed, read, SESSION } from "./kit.ts";

const N = 50;

function inTurn(first: HITLBackend, second: HITLBackend): (index: number) => HITLBackend {
  return (index) => (index % 2 === 0 ? first : second);
}

export const raceCases: readonly BackendCase[] = [
  {
    name: "P4: the same answer from 50 callers: one accepted, 49 duplicates, all with the same record",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const of = inTurn(backend, await another());
      const { hitl_id } = await ask(backend);
      const results = await together(N, (n) =>
        of(n).respond(hitl_id, { answer: "A" }, { actor: { id: `u${n}` } }),
      );
      assert.deepEqual(tally(results.map((result) => result.status)), { accepted: 1, duplicate: N - 1 });
      const record = await read(backend, hitl_id);
      for (const result of results) assert.deepEqual(result.record, record);
      assert.equal((await eventsOf(backend, hitl_id)).length, 2);
    },
  },
  {
    name: "P4: 50 different answers: one accepted, 49 conflicts, all of which show the winner",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const of = inTurn(backend, await another());
      const { hitl_id } = await ask(backend);
      const results = await together(N, (n) => of(n).respond(hitl_id, n));
      assert.deepEqual(tally(results.map((result) => result.status)), { accepted: 1, conflict: N - 1 });
      const winner = results.findIndex((result) => result.status === "accepted");
      for (const result of results) assert.equal(result.record?.user_response, winner);
      assert.equal((await read(backend, hitl_id)).version, 2);
    },
  },
  {
    name: "P3: valid and invalid answers at once: one valid one is accepted, no invalid one ever",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const of = inTurn(backend, await another());
      const { hitl_id } = await ask(backend, { hitl_type: "confirm", response_schema: undefined });
      const results = await together(N, (n) =>
        of(n).respond(hitl_id, n < 25 ? { confirmed: true } : { confirmed: n }),
      );
      const good = tally(results.slice(0, 25).map((result) => result.status));
      assert.deepEqual(good, { accepted: 1, duplicate: 24 });
      const bad = new Set(results.slice(25).map((result) => result.status));
      assert.ok(
        [...bad].every((status) => status === "invalid" || status === "conflict"),
        [...bad].join(),
      );
    },
  },
  {
    name: "P4: an answer and a cancellation at once: one of them wins, the other is told",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const other = await another();
      for (let n = 0; n < 20; n += 1) {
        const { hitl_id } = await ask(backend);
        const answer = (): Promise<{ status: string }> => backend.respond(hitl_id, "yes");
        const cancel = (): Promise<{ status: string }> => other.cancel(hitl_id);
        const outcomes = (await Promise.all(n % 2 === 0 ? [answer(), cancel()] : [cancel(), answer()])).map(
          (r) => r.status,
        );
        const record = await read(backend, hitl_id);
        const expected =
          record.status === "completed" ? ["accepted", "conflict"] : ["cancelled", "cancelled"];
        assert.deepEqual(outcomes.toSorted(), expected);
        assert.equal(record.version, 2);
        assert.equal((await eventsOf(backend, hitl_id)).length, 2);
      }
    },
  },
  {
    name: "P8: answers, reads and lists at the deadline: the question expires once, and no answer is taken",
    needs: ["another", "clock"],
    run: async ({ backend, another, clock }) => {
      const of = inTurn(backend, await another());
      const { hitl_id } = await ask(backend, { expires_at: clock.now() + 10 });
      clock.advance(10);
      const statuses = await together(20, async (n) => {
        if (n % 3 === 0) return (await of(n).respond(hitl_id, "late")).status;
        if (n % 3 === 1) return (await read(of(n), hitl_id)).status;
        return (await of(n).list({ session_id: SESSION })).items[0]?.status ?? "missing";
      });
      assert.deepEqual(tally(statuses), { expired: 20 });
      assert.deepEqual(
        (await eventsOf(backend, hitl_id)).map((event) => event.type),
        ["created", "expired"],
      );
    },
  },
  {
    name: "P8: an answer and the deadline at once: accepted or expired, and the record agrees",
    needs: ["another", "clock"],
    run: async ({ backend, another, clock }) => {
      const other = await another();
      for (let n = 0; n < 20; n += 1) {
        const { hitl_id } = await ask(backend, { expires_at: clock.now() + 10 });
        clock.advance(9);
        const answering = backend.respond(hitl_id, "yes");
        clock.advance(1);
        const [answer, seen] = await Promise.all([answering, read(other, hitl_id)]);
        const record = await read(backend, hitl_id);
        assert.equal(record.status, answer.status === "accepted" ? "completed" : "expired");
        assert.equal(answer.record?.status, record.status);
        assert.ok(isTerminalHITLStatus(seen.status));
      }
    },
  },
  {
    name: "P2: 50 callers create one own id, in several sessions: one record",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const of = inTurn(backend, await another());
      const request = (n: number) => ({
        hitl_id: "hitl_123",
        hitl_type: "ask_user",
        session_id: `s${n % 3}`,
        data: { n },
      });
      const results = await together(N, async (n) => {
        try {
          return await of(n).create(request(n));
        } catch {
          // Reserved by another session whose record is just being written: its caller is told to try again.
          return null;
        }
      });
      const made = results.filter((result) => result?.status === "created");
      assert.equal(made.length, 1);
      for (const result of results) if (result) assert.deepEqual(result.record.data, made[0]?.record.data);
      assert.equal((await listed(backend)).length, 1);
      for (let n = 0; n < 3; n += 1) assert.equal((await backend.create(request(n))).status, "exists");
    },
  },
];
