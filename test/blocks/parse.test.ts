/** Reading an event (B1 to B4): what is accepted, and that nothing from outside throws an untyped error. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  applyBlockEvent,
  type BlockEvent,
  BlockEventSchema,
  createBlockState,
  parseBlockEvent,
} from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { isHoldpointError } from "../../src/core/errors.ts";
import { deliveries, runs } from "./kit.ts";

const least = { block_id: "b", kind: "text", persistence: "persistent", op: "apply" };
const coded = (code: string) => expect.objectContaining({ code });

/** What is thrown is ours, or nothing is. */
function typed<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!isHoldpointError(error)) throw error;
    return undefined;
  }
}

describe("parseBlockEvent", () => {
  it("B1: four keys are enough; every other key is there afterwards", () => {
    expect(parseBlockEvent(least)).toEqual({
      ...least,
      parent_id: null,
      data: null,
      branch: null,
      schema_version: null,
      protocol_version: "1.0",
      event_id: "",
      seq: null,
      timestamp: 0,
      invocation_id: "",
      session_id: "",
      actor: null,
    });
    expect(parseBlockEvent(JSON.stringify(least))).toEqual(parseBlockEvent(least));
  });

  it.each(Object.keys(least))("B1: without %s it is refused", (key) => {
    expect(() => parseBlockEvent({ ...least, [key]: undefined })).toThrow(coded("ERR_HITL_INVALID_INPUT"));
  });

  it.each([
    ["ERR_HITL_INVALID_INPUT", { op: "merge" }],
    ["ERR_HITL_INVALID_INPUT", { op: "toString" }],
    ["ERR_HITL_INVALID_INPUT", { persistence: "forever" }],
    ["ERR_HITL_INVALID_INPUT", { block_id: "" }],
    ["ERR_HITL_INVALID_INPUT", { event_id: "a\nid: b" }],
    ["ERR_HITL_INVALID_INPUT", { block_id: "x".repeat(2000) }],
    ["ERR_HITL_INVALID_INPUT", { seq: -1 }],
    ["ERR_HITL_INVALID_INPUT", { seq: 2 ** 60 }],
    ["ERR_HITL_INVALID_INPUT", { timestamp: 9e15 }],
    ["ERR_HITL_INVALID_INPUT", { data: [] }],
    ["ERR_HITL_INVALID_INPUT", { actor: { id: "" } }],
    ["ERR_HITL_SCHEMA_VERSION", { protocol_version: "2.0" }],
    ["ERR_HITL_NOT_JSON", { data: { at: new Date() } }],
    ["ERR_HITL_NOT_JSON", { data: { text: "\ud800" } }],
    ["ERR_HITL_TOO_LARGE", { data: { text: "x".repeat(300 * 1024) } }],
    ["ERR_HITL_TOO_DEEP", { data: JSON.parse(`${'{"a":'.repeat(70)}1${"}".repeat(70)}`) as object }],
  ])("B2, B4: %s for %o", (code, fields) => {
    expect(() => parseBlockEvent({ ...least, ...fields })).toThrow(coded(code));
  });

  it("B3: an unknown kind is kept, and so is an actor as aury writes it", () => {
    const actor = { id: "u", role: "user", name: null, meta: null };
    expect(parseBlockEvent({ ...least, kind: "chart.v2", actor, extra: 1 })).toMatchObject({
      kind: "chart.v2",
      actor,
    });
  });

  it("shares nothing with what was read", () => {
    const data = { list: [1] };
    const event = parseBlockEvent({ ...least, data });
    data.list.push(2);
    expect(event.data).toEqual({ list: [1] });
  });

  it("what is read is what the schema says", () => {
    const wrong = fc.constantFrom(
      undefined,
      null,
      "",
      "x",
      "1.0",
      "1.x",
      "delta",
      "transient",
      "a\u0000b",
      0,
      -1,
      1.5,
      2 ** 53,
      8.64e15 + 1,
      true,
      {},
      { id: "u" },
      { id: "u", role: "admin" },
      { id: "u", name: null },
      [],
      "x".repeat(1101),
      "x".repeat(1301),
      "x".repeat(256),
    );
    const key = fc.constantFrom(...Object.keys(BlockEventSchema.shape));
    fc.assert(
      fc.property(fc.dictionary(key, wrong, { maxKeys: 2 }), (fields) => {
        const input = { ...least, ...fields };
        const wanted = BlockEventSchema.safeParse(JSON.parse(JSON.stringify(input)));
        const found = typed(() => parseBlockEvent(input));
        // Beyond the schema: null is as good as absent.
        if (wanted.success) assert.deepEqual(found, wanted.data);
        else if (found) assert.ok(Object.values(fields).includes(null));
      }),
      { numRuns: runs(1500) },
    );
  });
});

describe("fuzz", () => {
  it("bytes never throw an untyped error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        typed(() => parseBlockEvent(new TextDecoder().decode(bytes)));
      }),
      { numRuns: runs(500) },
    );
  });

  it("anything at all never throws an untyped error", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
    });
    fc.assert(
      fc.property(
        anything,
        fc.dictionary(fc.constantFrom(...Object.keys(BlockEventSchema.shape)), anything),
        (whole, fields) => {
          typed(() => parseBlockEvent(whole));
          typed(() => applyBlockEvent(createBlockState(), { ...least, ...fields } as unknown as BlockEvent));
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it("mutated events in any order never throw an untyped error, and each refused one leaves the state as it was", () => {
    const mutation = fc.record({
      at: fc.nat(200),
      text: fc.constantFrom(
        '"',
        "{",
        "}",
        "__proto__",
        "constructor",
        "[9]",
        ".",
        "1e9",
        "null",
        "\\u0000",
        "-",
        ",",
        "",
      ),
    });
    fc.assert(
      fc.property(
        deliveries,
        fc.array(mutation, { minLength: 1, maxLength: 20 }),
        ({ arrived }, mutations) => {
          let state = createBlockState();
          for (const [index, event] of arrived.entries()) {
            const { at, text } = mutations[index % mutations.length] as { at: number; text: string };
            const json = JSON.stringify(event);
            const place = at % json.length;
            const mutated = typed(() =>
              parseBlockEvent(json.slice(0, place) + text + json.slice(place + text.length)),
            );
            state = (mutated && typed(() => applyBlockEvent(state, mutated))) ?? state;
          }
          assert.equal(({} as { polluted?: unknown }).polluted, undefined);
        },
      ),
      { numRuns: runs(300) },
    );
  });
});
