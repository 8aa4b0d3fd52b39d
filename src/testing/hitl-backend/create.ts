import assert from "node:assert/strict";
import type { CreateRequest } from "../../backends/hitl-backend.ts";
import { isHoldpointError } from "../../core/errors.ts";
import { HITLRecordSchema } from "../../core/record.ts";
import { rejectsWith } from "../assertions.ts";
import { ask, type BackendCase, eventsOf, listed, read, SESSION } from "./kit.ts";

const FULL: CreateRequest = {
  hitl_type: "workflow_human",
  session_id: "s",
  invocation_id: "i",
  thread_id: "t",
  checkpoint_ns: "ns|1",
  graph_name: "g",
  data: { message: "m", nested: [{ z: 1, a: [] }] },
  metadata: { b: null, a: 0.1 },
  block_id: "block",
  resume_mode: "continuation",
  tool_state: { round: 2 },
  checkpoint_id: "cp",
  callback_id: "cb",
  tool_name: "tool",
  tool_call_id: "call_1",
  node_id: "node",
  params: { p: [] },
  key: "k",
  occurrence: 3,
  response_schema: { type: "object" },
  subject: { tool: "tool", args: { x: 1 }, approved_hash: "h", rule_id: "r" },
  assignee: "ann",
  expires_at: 4_000_000_000_000,
  on_expire: { escalate: "bob" },
};

const BAD: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["no session and no thread", { session_id: undefined }],
  ["an empty session", { session_id: "" }],
  ["a session with a control character", { session_id: "a\u0000b" }],
  ["a session that is too long", { session_id: "x".repeat(256) }],
  ["a session that is a number", { session_id: 1 }],
  ["no type", { hitl_type: undefined }],
  ["an empty id", { hitl_id: "" }],
  ["an id with a line break", { hitl_id: "a\nb" }],
  ["an id that is a lone surrogate", { hitl_id: "\ud800" }],
  ["data that is an array", { data: [] }],
  ["data with a function", { data: { run: () => 1 } }],
  ["data with a date", { data: { at: new Date(0) } }],
  ["data with NaN", { data: { n: Number.NaN } }],
  ["data with a key __proto__", { data: JSON.parse('{"__proto__":{"admin":true}}') }],
  ["metadata that is too large", { metadata: { text: "x".repeat(300_000) } }],
  ["data of the wrong shape for its type", { data: { message: 1 } }],
  ["expires_at that is a date", { expires_at: new Date(0) }],
  ["expires_at in fractions", { expires_at: 1.5 }],
  ["expires_at that is negative", { expires_at: -1 }],
  ["expires_at that is not a number", { expires_at: Number.NaN }],
  ["an unknown resume_mode", { resume_mode: "later" }],
  ["an unknown on_expire", { on_expire: "approve" }],
  [
    "a default answer that the schema refuses",
    { response_schema: { type: "string" }, on_expire: { respond: 1 } },
  ],
  [
    "a schema that cannot be used",
    { response_schema: { type: "object", properties: { a: { $ref: "#/none" } }, required: ["a"] } },
  ],
  ["a schema with a broken pattern", { response_schema: { properties: { a: { pattern: "(" } } } }],
  [
    "a schema of an unknown type",
    { response_schema: { type: "object", properties: { a: { type: "strng" } } } },
  ],
  ["an actor without an id", { actor: { role: "user" } }],
  ["an actor with an empty id", { actor: { id: "" } }],
];

export const createCases: readonly BackendCase[] = [
  {
    name: "P1: a question is stored with every field that was given, and read back the same",
    needs: ["clock"],
    run: async ({ backend, clock }) => {
      const { status, record } = await backend.create(FULL);
      assert.equal(status, "created");
      assert.equal(HITLRecordSchema.safeParse(record).success, true);
      const { hitl_type: _, ...rest } = FULL;
      for (const [name, value] of Object.entries(rest)) {
        assert.equal(JSON.stringify(record[name as keyof typeof record]), JSON.stringify(value), name);
      }
      assert.deepEqual([record.status, record.version, record.schema_version], ["pending", 1, 1]);
      assert.deepEqual([record.created_at, record.updated_at], [clock.now(), clock.now()]);
      assert.deepEqual([record.user_response, record.responded_at, record.responded_by], [null, null, null]);
      assert.deepEqual(await backend.get(record.hitl_id), record);
    },
  },
  {
    name: "P1: what was not given has its documented default",
    run: async ({ backend }) => {
      const { record } = await backend.create({ hitl_type: "confirm", thread_id: "thread" });
      assert.deepEqual(
        [record.session_id, record.invocation_id, record.thread_id],
        ["thread", "thread", "thread"],
      );
      assert.deepEqual([record.data, record.metadata, record.tool_state], [{}, {}, null]);
      assert.deepEqual(
        [record.resume_mode, record.on_expire, record.expires_at],
        ["response", "expire", null],
      );
      assert.equal(record.tenant_id, backend.tenant_id);
      assert.notEqual(record.response_schema, null);
    },
  },
  {
    name: "P1: ids that the backend makes are all different",
    run: async ({ backend }) => {
      const ids = new Set<string>();
      for (let n = 0; n < 30; n += 1) ids.add((await ask(backend)).hitl_id);
      assert.equal(ids.size, 30);
    },
  },
  {
    name: "P2: any own id is taken, found under it, and unique in the tenant, whatever the session",
    run: async ({ backend }) => {
      for (const hitl_id of ["hitl_123", "1", "a:b/c d", "ключ-👍", "__proto__", `hitl_${"0".repeat(32)}`]) {
        const first = await backend.create({
          hitl_id,
          hitl_type: "ask_user",
          session_id: "s1",
          data: { message: "A?" },
        });
        assert.deepEqual([first.status, first.record.hitl_id], ["created", hitl_id]);
        for (const session_id of ["s1", "s2"]) {
          const again = await backend.create({
            hitl_id,
            hitl_type: "confirm",
            session_id,
            data: { message: "B?" },
          });
          assert.equal(again.status, "exists");
          assert.deepEqual(again.record, first.record);
        }
        assert.deepEqual(await read(backend, hitl_id), first.record);
      }
      assert.deepEqual(await listed(backend, { session_id: "s2" }), []);
      assert.equal((await listed(backend, { session_id: "s1" })).length, 6);
    },
  },
  {
    name: "P2: creating again under the id that the backend made returns the record",
    run: async ({ backend }) => {
      const record = await ask(backend);
      const again = await backend.create({
        hitl_id: record.hitl_id,
        hitl_type: "confirm",
        session_id: SESSION,
      });
      assert.deepEqual([again.status, again.record], ["exists", record]);
    },
  },
  {
    name: "P4: creating again does not reopen an answered question",
    run: async ({ backend }) => {
      const request = {
        hitl_id: "hitl_123",
        hitl_type: "ask_user",
        session_id: SESSION,
        response_schema: null,
      };
      await backend.create(request);
      await backend.respond("hitl_123", "yes");
      const { status, record } = await backend.create(request);
      assert.deepEqual([status, record.status, record.user_response], ["exists", "completed", "yes"]);
      assert.deepEqual(
        (await eventsOf(backend, "hitl_123")).map((event) => event.type),
        ["created", "answered"],
      );
    },
  },
  {
    name: "P3: a request that cannot be is refused with a typed error before anything is written",
    run: async ({ backend }) => {
      for (const [what, fields] of BAD) {
        const request = { hitl_type: "ask_user", session_id: SESSION, ...fields } as unknown as CreateRequest;
        await assert.rejects(
          () => backend.create(request),
          (error) => isHoldpointError(error),
          what,
        );
      }
      assert.deepEqual(await listed(backend), []);
    },
  },
  {
    name: "P3: data deeper or larger than the limits is refused by name; data at the limit is stored",
    run: async ({ backend }) => {
      let deep: unknown = 1;
      for (let level = 0; level < 63; level += 1) deep = [deep];
      const record = await ask(backend, { data: { deep } });
      assert.deepEqual((await read(backend, record.hitl_id)).data, { deep });
      await rejectsWith("ERR_HITL_TOO_DEEP", () => ask(backend, { data: { deep: [deep] } }));
      await rejectsWith("ERR_HITL_TOO_LARGE", () => ask(backend, { data: { text: "é".repeat(140_000) } }));
      const large = await ask(backend, { data: { text: "é".repeat(120_000) } });
      assert.equal((await read(backend, large.hitl_id)).data["text"], "é".repeat(120_000));
    },
  },
  {
    name: "P1: an id that nobody has asked under is null, whatever it looks like",
    run: async ({ backend }) => {
      for (const id of [
        "",
        "hitl_123",
        `hitl_${"1".repeat(32)}`,
        "__proto__",
        "a\u0000b",
        "x".repeat(9999),
        "\ud800",
      ]) {
        assert.equal(await backend.get(id), null, JSON.stringify(id));
      }
    },
  },
];
