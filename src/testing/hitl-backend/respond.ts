import assert from "node:assert/strict";
import type { JsonValue } from "../../core/json.ts";
import { isHoldpointError } from "../../core/errors.ts";
import { ask, type BackendCase, eventsOf, listed, MISSING, read, SESSION } from "./kit.ts";

const confirm = { hitl_type: "confirm", data: { message: "Sure?" }, response_schema: undefined } as const;

export const respondCases: readonly BackendCase[] = [
  {
    name: "P4: the first valid answer is accepted and stored with who gave it and when",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { hitl_id } = await ask(backend, confirm);
      const now = clock.advance(1000);
      const actor = { id: "ann", role: "user", name: "Ann" } as const;
      const result = await backend.respond(hitl_id, { confirmed: true, comment: "ok" }, { actor });
      assert.equal(result.status, "accepted");
      const record = await read(backend, hitl_id);
      assert.deepEqual(result.record, record);
      assert.deepEqual([record.status, record.version], ["completed", 2]);
      assert.deepEqual(record.user_response, { confirmed: true, comment: "ok" });
      assert.deepEqual([record.responded_at, record.responded_by, record.updated_at], [now, actor, now]);
    },
  },
  {
    name: "P4: what the caller was given is its own: changing it changes neither the question nor what is stored with the answer",
    run: async ({ backend }) => {
      const created = await ask(backend, { ...confirm, data: { message: "Sure?" }, metadata: { a: [1] } });
      const { hitl_id } = created;
      Object.assign(created.data, { message: "Changed" });
      (created.metadata["a"] as number[]).push(2);
      const response = { confirmed: true };
      const { record } = await backend.respond(hitl_id, response);
      response.confirmed = false;
      Object.assign(record?.user_response as object, { confirmed: "changed" });
      Object.assign(record?.data as object, { message: "Changed" });
      const { data, metadata, user_response } = await read(backend, hitl_id);
      assert.deepEqual(
        [data, metadata, user_response],
        [{ message: "Sure?" }, { a: [1] }, { confirmed: true }],
      );
    },
  },
  {
    name: "P3: falsy answers are answers: false, 0, empty text, null, empty list and object",
    run: async ({ backend }) => {
      const answers: readonly JsonValue[] = [false, 0, "", null, [], {}];
      for (const [n, answer] of answers.entries()) {
        const { hitl_id } = await ask(backend, { hitl_id: `own-${n}` });
        assert.equal((await backend.respond(hitl_id, answer)).status, "accepted", JSON.stringify(answer));
        const record = await read(backend, hitl_id);
        assert.deepEqual([record.status, record.user_response], ["completed", answer]);
        assert.equal((await backend.respond(hitl_id, answer)).status, "duplicate", JSON.stringify(answer));
        assert.equal((await backend.respond(hitl_id, "other")).status, "conflict", JSON.stringify(answer));
      }
    },
  },
  {
    name: "P4: the same answer again is a duplicate, with any key and in any order of its fields",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend);
      const first = await backend.respond(hitl_id, { a: 1, b: [2] }, { idempotency_key: "k1" });
      assert.equal(first.status, "accepted");
      for (const options of [{ idempotency_key: "k1" }, { idempotency_key: "k2" }, {}]) {
        const again = await backend.respond(hitl_id, { b: [2], a: 1 }, options);
        assert.equal(again.status, "duplicate");
        assert.deepEqual(again.record, first.record);
      }
      assert.equal((await eventsOf(backend, hitl_id)).length, 2);
    },
  },
  {
    name: "P4: another answer is a conflict that shows the winner, also under the winner's key",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend);
      const first = await backend.respond(hitl_id, "yes", { idempotency_key: "k", actor: { id: "ann" } });
      for (const options of [{}, { idempotency_key: "other" }, { idempotency_key: "k" }]) {
        const late = await backend.respond(hitl_id, "no", { ...options, actor: { id: "bob" } });
        assert.equal(late.status, "conflict");
        assert.deepEqual(late.record, first.record);
      }
      assert.deepEqual(await read(backend, hitl_id), first.record);
      assert.equal(first.record?.responded_by?.id, "ann");
    },
  },
  {
    name: "P3: an invalid answer changes nothing, says what is wrong, and the question can still be answered",
    run: async ({ backend }) => {
      const before = await ask(backend, confirm);
      for (const bad of [{ confirmed: "yes" }, {}, null, "yes", [], { confirmed: true, comment: 1 }]) {
        const result = await backend.respond(before.hitl_id, bad);
        assert.equal(result.status, "invalid", JSON.stringify(bad));
        assert.ok(result.issues.length > 0);
        assert.ok(
          result.issues.every((issue) => typeof issue.message === "string" && Array.isArray(issue.path)),
        );
        assert.deepEqual(result.record, before);
      }
      const [issue] = await backend
        .respond(before.hitl_id, { confirmed: "yes" })
        .then((r) => (r.status === "invalid" ? r.issues : []));
      assert.deepEqual(issue?.path, ["confirmed"]);
      assert.deepEqual(await read(backend, before.hitl_id), before);
      assert.equal((await eventsOf(backend, before.hitl_id)).length, 1);
      assert.equal((await backend.respond(before.hitl_id, { confirmed: false })).status, "accepted");
    },
  },
  {
    name: "P4: a bad answer to an answered question hears of the answer, not of the schema",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend, confirm);
      await backend.respond(hitl_id, { confirmed: true });
      assert.equal((await backend.respond(hitl_id, "nonsense")).status, "conflict");
    },
  },
  {
    name: "P3: the schema that the author gave decides, and survives in the record",
    needs: ["another"],
    run: async ({ backend, another }) => {
      const schema = {
        type: "object",
        properties: { n: { type: "integer", minimum: 1 } },
        required: ["n"],
        additionalProperties: false,
      };
      const { hitl_id, response_schema } = await ask(backend, { response_schema: schema });
      assert.deepEqual(response_schema, schema);
      const other = await another();
      for (const bad of [{ n: 0 }, { n: 1.5 }, { n: 1, m: 2 }])
        assert.equal((await other.respond(hitl_id, bad)).status, "invalid");
      assert.equal((await other.respond(hitl_id, { n: 1 })).status, "accepted");
    },
  },
  {
    name: "P3: a schema of false takes no answer, and one of true takes any",
    run: async ({ backend }) => {
      const none = await ask(backend, { response_schema: false });
      assert.equal((await backend.respond(none.hitl_id, {})).status, "invalid");
      const any = await ask(backend, { response_schema: true });
      assert.equal((await backend.respond(any.hitl_id, null)).status, "accepted");
    },
  },
  {
    name: "P3: a schema that cannot be checked for one answer refuses it, and takes another",
    run: async ({ backend }) => {
      const schema = { properties: { a: { $ref: "#/properties/a" } } };
      const { hitl_id } = await ask(backend, { response_schema: schema });
      assert.equal((await backend.respond(hitl_id, { a: 1 })).status, "invalid");
      assert.equal((await backend.respond(hitl_id, { b: 1 })).status, "accepted");
    },
  },
  {
    name: "P3: each named type takes its own kind of answer by default",
    run: async ({ backend }) => {
      const cases: readonly (readonly [string, Record<string, unknown>, unknown, unknown])[] = [
        ["ask_user", { message: "?", options: ["A", "B"] }, { answer: "A" }, { answer: "C" }],
        ["ask_user", { message: "?", options: ["A"], allow_free_text: true }, { answer: "C" }, { answer: 1 }],
        [
          "ask_user",
          { message: "?", options: ["A", "B"], multiple: true },
          { answer: ["A", "B"] },
          { answer: ["C"] },
        ],
        ["ask_user", { questions: [{ id: "q", message: "?" }] }, { answers: { q: "x" } }, { answers: {} }],
        ["confirm", { message: "?" }, { confirmed: false }, { confirmed: null }],
        [
          "permission",
          { message: "?", allowed_decisions: ["reject"] },
          { decision: "reject" },
          { decision: "edit" },
        ],
        ["permission", { message: "?" }, { decision: "edit", edited_args: {} }, { decision: "edit" }],
        ["form", { message: "?", schema: { type: "array" } }, [], {}],
        [
          "external_auth",
          { message: "?", auth_url: "https://example.com" },
          { status: "granted" },
          { status: "maybe" },
        ],
      ];
      for (const [n, [hitl_type, data, good, bad]] of cases.entries()) {
        const { hitl_id } = await ask(backend, {
          hitl_type,
          data,
          response_schema: undefined,
          hitl_id: `case-${n}`,
        });
        assert.equal(
          (await backend.respond(hitl_id, bad)).status,
          "invalid",
          `${hitl_type} ${JSON.stringify(bad)}`,
        );
        assert.equal(
          (await backend.respond(hitl_id, good)).status,
          "accepted",
          `${hitl_type} ${JSON.stringify(good)}`,
        );
      }
    },
  },
  {
    name: "P3: an answer that is not JSON, too deep or too large is refused with a typed error and nothing changes",
    run: async ({ backend }) => {
      const before = await ask(backend);
      let deep: unknown = 1;
      for (let level = 0; level < 70; level += 1) deep = [deep];
      const hostile = JSON.parse('{"__proto__":{"admin":true}}') as unknown;
      for (const bad of [
        undefined,
        () => 1,
        Number.NaN,
        new Date(0),
        { a: 1n },
        deep,
        "x".repeat(300_000),
        "\ud800",
        hostile,
      ]) {
        await assert.rejects(
          () => backend.respond(before.hitl_id, bad),
          (error) => isHoldpointError(error),
        );
      }
      const invalid = [{ actor: { id: "" } }, { idempotency_key: "" }, { idempotency_key: "a\u0000" }];
      for (const options of invalid) {
        await assert.rejects(
          () => backend.respond(before.hitl_id, 1, options),
          (error) => isHoldpointError(error),
        );
      }
      assert.deepEqual(await read(backend, before.hitl_id), before);
    },
  },
  {
    name: "P1: an answer is read back to the byte",
    run: async ({ backend }) => {
      const answer = { z: 1, a: [0.1, 1e21, -5, {}, []], "\u2028": "𝒳\u0000", "10": null };
      const { hitl_id } = await ask(backend);
      await backend.respond(hitl_id, answer);
      assert.equal(JSON.stringify((await read(backend, hitl_id)).user_response), JSON.stringify(answer));
    },
  },
  {
    name: "P1: an answer to a question that nobody asked is not found, and makes none",
    run: async ({ backend }) => {
      for (const id of [MISSING, "", "__proto__", `hitl_${"1".repeat(32)}`]) {
        assert.deepEqual(await backend.respond(id, 1), { status: "not_found" });
        assert.deepEqual(await backend.cancel(id), { status: "not_found" });
      }
      assert.deepEqual(await listed(backend), []);
    },
  },
  {
    name: "P5: a record that the caller has saves a read, however old it is",
    run: async ({ backend }) => {
      const record = await ask(backend);
      assert.equal((await backend.respond(record.hitl_id, "a", { record })).status, "accepted");
      assert.equal((await backend.respond(record.hitl_id, "b", { record })).status, "conflict");
      assert.equal((await backend.respond(record.hitl_id, "a", { record })).status, "duplicate");
    },
  },
  {
    name: "P1: a record that the caller passes does not lead the answer to another question",
    run: async ({ backend }) => {
      const [one, two] = [await ask(backend), await ask(backend)];
      await backend.respond(one.hitl_id, "for one", { record: two }).catch(() => undefined);
      assert.equal((await read(backend, two.hitl_id)).status, "pending");
    },
  },
  {
    name: "P4: a cancelled question takes no answer",
    run: async ({ backend }) => {
      const { hitl_id } = await ask(backend);
      await backend.cancel(hitl_id, { reason: "no longer needed" });
      const result = await backend.respond(hitl_id, "late");
      assert.equal(result.status, "cancelled");
      assert.deepEqual([result.record?.status, result.record?.user_response], ["cancelled", null]);
    },
  },
  {
    name: "P4: the worked example of an own id",
    run: async ({ backend }) => {
      const data = { message: "A or B?", options: ["A", "B"] };
      await backend.create({ hitl_id: "hitl_123", hitl_type: "ask_user", session_id: SESSION, data });
      assert.equal((await backend.respond("hitl_123", { answer: "A" })).status, "accepted");
      assert.deepEqual((await read(backend, "hitl_123")).user_response, { answer: "A" });
      assert.deepEqual((await backend.getPendingBySession(SESSION)).items, []);
    },
  },
];
