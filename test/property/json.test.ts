import assert from "node:assert/strict";
import fc from "fast-check";
import { afterAll, describe, it } from "vitest";
import { StoreHITLBackend } from "../../src/backends/store-backend.ts";
import { isHoldpointError } from "../../src/core/errors.ts";
import { makeId } from "../../src/core/ids.ts";
import type { JsonObject } from "../../src/core/json.ts";
import { FakeClock } from "../../src/testing/index.ts";
import { memoryStore, realStores, runs } from "./stores.ts";

const stores = [memoryStore, ...(await realStores())];

const json = fc.jsonValue({ maxDepth: 8, stringUnit: "binary" });
const jsonObject = fc.dictionary(fc.string({ unit: "binary" }), json, {
  maxKeys: 8,
}) as fc.Arbitrary<JsonObject>;
const anything = fc.anything({
  maxDepth: 4,
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});

describe.each(stores)("JSON in $name", ({ open }) => {
  const clock = new FakeClock();
  const store = open(clock);
  const backend = new StoreHITLBackend(store, { clock });
  let count = 0;
  afterAll(() => store.close());

  it("any JSON object is read back to the byte, as a value and in an event (S6)", async () => {
    await fc.assert(
      fc.asyncProperty(jsonObject, async (value) => {
        const id = makeId("rec", 5, (count += 1));
        const text = JSON.stringify(value);
        const record = { id, kind: "k", tenant_id: "t", status: "s", value };
        await store.commit([{ op: "insert", record, event: { type: "e", data: value } }]);
        await store.commit([{ op: "update", id, patch: { keys: { session: "s" } } }]);
        const [found] = await store.get([id]);
        assert.equal(JSON.stringify(found?.value), text);
        const { items } = await store.history(id);
        assert.equal(JSON.stringify(items[0]?.data), text);
      }),
      { numRuns: runs(150) },
    );
  });

  it("anything else is stored as JSON text says, or refused with a typed error and nothing written (P3)", async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (value) => {
        const session_id = `s${(count += 1)}`;
        const request = { hitl_type: "any", session_id, data: { value }, response_schema: null };
        try {
          const { record } = await backend.create(request);
          assert.equal(JSON.stringify(record.data), JSON.stringify({ value }));
          assert.deepEqual(await backend.get(record.hitl_id), record);
        } catch (error) {
          if (!isHoldpointError(error)) throw error;
          assert.deepEqual((await backend.getPendingBySession(session_id)).items, []);
        }
      }),
      { numRuns: runs(150) },
    );
  });

  it("anything as an answer is accepted as JSON text says, or refused with a typed error and the question open (P3)", async () => {
    await fc.assert(
      fc.asyncProperty(anything, async (answer) => {
        const { record } = await backend.create({
          hitl_type: "any",
          session_id: "answers",
          response_schema: null,
        });
        try {
          const result = await backend.respond(record.hitl_id, answer);
          assert.equal(result.status, "accepted");
          assert.equal(JSON.stringify(result.record?.user_response), JSON.stringify(answer));
        } catch (error) {
          if (!isHoldpointError(error)) throw error;
          assert.deepEqual(await backend.get(record.hitl_id), record);
        }
      }),
      { numRuns: runs(150) },
    );
  });
});
