import assert from "node:assert/strict";
import { must } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, MISSING } from "./kit.ts";

export const historyCases: readonly BackendCase[] = [
  {
    name: "P5: each transition leaves one event that says who, when and what came of it",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const start = clock.now();
      const { hitl_id } = await ask(backend, { actor: { id: "agent", role: "assistant" } });
      clock.advance(10);
      await backend.respond(hitl_id, "yes", { actor: { id: "ann", role: "user", name: "Ann" } });
      const events = await eventsOf(backend, hitl_id);
      assert.deepEqual(
        events.map(({ seq, type, at, version, status }) => [seq, type, at, version, status]),
        [
          [1, "created", start, 1, "pending"],
          [2, "answered", start + 10, 2, "completed"],
        ],
      );
      assert.deepEqual(
        events.map((event) => event.actor),
        [
          { id: "agent", role: "assistant" },
          { id: "ann", role: "user", name: "Ann" },
        ],
      );
    },
  },
  {
    name: "P5: what changed nothing leaves no event",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend, { hitl_type: "confirm", response_schema: undefined });
      await backend.respond(hitl_id, "invalid");
      await backend.respond(hitl_id, { confirmed: true });
      await backend.respond(hitl_id, { confirmed: true });
      await backend.respond(hitl_id, { confirmed: false });
      await backend.cancel(hitl_id);
      assert.deepEqual(
        (await eventsOf(backend, hitl_id)).map((event) => event.type),
        ["created", "answered"],
      );
    },
  },
  {
    name: "P5: a history comes in pages, under an own id too, and is empty for nobody",
    run: async ({ backend }) => {
      await ask(backend, { hitl_id: "hitl_123" });
      await backend.cancel("hitl_123");
      const first = await backend.history("hitl_123", { limit: 1 });
      assert.deepEqual(
        first.items.map((event) => event.type),
        ["created"],
      );
      const last = await backend.history("hitl_123", { limit: 1, cursor: must(first.next_cursor, "cursor") });
      assert.deepEqual(
        last.items.map((event) => event.type),
        ["cancelled"],
      );
      assert.equal(last.next_cursor, undefined);
      assert.deepEqual(await backend.history(MISSING), { items: [] });
    },
  },
];
