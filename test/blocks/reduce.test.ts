/** The reducer: order and duplicates (B6 to B10), purity, limits. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  applyBlockEvent,
  type BlockEvent,
  type BlockState,
  createBlockState,
  getBlock,
  listBlocks,
  listQuestions,
} from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { REORDER_WINDOW } from "../../src/blocks/reduce.ts";
import { blocksOf, deliveries, event, fold, runs } from "./kit.ts";

const text = (seq: number, content = `${seq} `, more: Partial<BlockEvent> = {}): BlockEvent =>
  event({ op: "delta", kind: "text", data: { content }, seq, event_id: `e${seq}`, ...more });
const content = (state: BlockState): unknown => getBlock(state, "b")?.data["content"];
const coded = (code: string) => expect.objectContaining({ code });

function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  // The index of ids grows; it says nothing about a state.
  if (value instanceof Map) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) frozen(item);
  return value;
}

describe("order and duplicates", () => {
  it("B6, B7, B8: any order with any duplicates gives the same blocks", () => {
    fc.assert(
      fc.property(deliveries, ({ events, arrived }) => {
        assert.deepEqual(blocksOf(fold(arrived)), blocksOf(fold(events)));
      }),
      { numRuns: runs(1000) },
    );
  });

  it("P10: the questions are found without a look at all blocks, and none is missing or shown twice", () => {
    fc.assert(
      fc.property(
        deliveries,
        fc.array(fc.constantFrom("hitl", "tool_use"), { minLength: 1 }),
        ({ arrived }, kinds) => {
          let state = createBlockState();
          for (const [at, event] of arrived.entries()) {
            // A block may become a question, and be none again.
            state = applyBlockEvent(state, { ...event, kind: kinds[at % kinds.length] as string });
            const asking = listBlocks(state).filter(({ kind }) => kind === "hitl");
            expect(new Set(listQuestions(state))).toEqual(new Set(asking));
            expect(listQuestions(state)).toHaveLength(asking.length);
          }
        },
      ),
    );
  });

  it("B6: an event that was merged changes nothing again: the state is the same object", () => {
    fc.assert(
      fc.property(deliveries, ({ events }) => {
        const state = fold(events);
        for (const one of events) assert.equal(applyBlockEvent(state, one), state);
      }),
      { numRuns: runs(200) },
    );
  });

  it("no state that was given out ever changes, and blocks that an event does not concern are shared", () => {
    fc.assert(
      fc.property(deliveries, ({ arrived }) => {
        let state = createBlockState();
        for (const one of arrived) {
          const before = frozen(state);
          state = applyBlockEvent(before, frozen(one));
          for (const block of listBlocks(before)) {
            if (block.block_id !== one.block_id) assert.equal(getBlock(state, block.block_id), block);
          }
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it("two states that come from one do not see each other's blocks", () => {
    const start = fold([event({ op: "apply", block_id: "a" })]);
    const left = fold([event({ op: "apply", block_id: "left" })], start);
    const right = fold(
      [event({ op: "apply", block_id: "right" }), event({ op: "apply", block_id: "left2" })],
      start,
    );
    const ids = (state: BlockState): string[] => listBlocks(state).map((block) => block.block_id);
    expect([ids(start), ids(left), ids(right)]).toEqual([["a"], ["a", "left"], ["a", "right", "left2"]]);
    expect(getBlock(left, "right")).toBeUndefined();
    expect(ids(fold([event({ op: "apply", block_id: "right" })], left))).toEqual(["a", "left", "right"]);
  });

  it("B8: a piece that comes before its predecessor waits for it", () => {
    const early = fold([text(1), text(2)]);
    expect(content(early)).toBeUndefined();
    expect(content(fold([text(0)], early))).toBe("0 1 2 ");
  });

  it("B7: a late apply does not undo a newer one", () => {
    const done = event({ op: "apply", data: { status: "success" }, seq: 50 });
    const late = event({ op: "apply", data: { status: "running" }, seq: 10 });
    expect(getBlock(fold([done, late]), "b")?.data).toEqual({ status: "success" });
  });

  it("B9: what is missing for too long is given up, and the block says so", () => {
    const pieces = Array.from({ length: REORDER_WINDOW + 1 }, (_, index) => text(index + 2));
    const waiting = fold([text(0), ...pieces.slice(0, -1)]);
    expect(content(waiting)).toBe("0 ");
    const state = fold(pieces.slice(-1), waiting);
    expect(content(state)).toBe(`0 ${pieces.map((piece) => String(piece.data?.["content"])).join("")}`);
    expect(getBlock(state, "b")?.gaps).toBe(1);
    expect(fold([text(1)], state)).toBe(state);
  });

  it("B9: what waits is bounded by its size, too", () => {
    const big = (seq: number): BlockEvent => text(seq, "x".repeat(400));
    const start = createBlockState({ limits: { maxBlockBytes: 1000 } });
    const state = fold([text(0, "a"), big(2), big(3)], start);
    expect([content(state), getBlock(state, "b")?.gaps]).toEqual(["a", 0]);
    const after = fold([big(5)], state);
    expect([String(content(after)).length, getBlock(after, "b")?.gaps]).toEqual([801, 1]);
  });

  it("B10: events without a seq are merged as they come, and known again by their id", () => {
    const one = text(0, "one ", { seq: null });
    const two = text(0, "two ", { seq: null, event_id: "other" });
    const nameless = text(0, "three ", { seq: null, event_id: "" });
    expect(content(fold([two, one, two, nameless, nameless]))).toBe("two one three three ");
  });

  it("the block shows when it appeared, when it last changed, and who changed it", () => {
    const actor = { id: "u1", role: "user" as const, name: null, meta: null };
    const state = fold([
      event({ op: "apply", seq: 5, timestamp: 500, actor, session_id: "s", branch: "a.b" }),
      event({ op: "apply", seq: 2, timestamp: 200 }),
    ]);
    expect(getBlock(state, "b")).toMatchObject({
      created_at: 200,
      updated_at: 500,
      actor,
      session_id: "s",
      branch: "a.b",
    });
  });
});

describe("mergers and limits", () => {
  it("B13: a kind merges in its own way, in this state only", () => {
    const mergers = {
      sum: {
        delta: (data: object, { n }: { n?: unknown }) => ({
          n: Number((data as { n?: number }).n ?? 0) + Number(n),
        }),
      },
    };
    const events = [1, 2, 3].map((n) => event({ op: "delta", kind: "sum", data: { n } }));
    expect(getBlock(fold(events, createBlockState({ mergers })), "b")?.data).toEqual({ n: 6 });
    expect(getBlock(fold(events), "b")?.data).toEqual({ n: 3 });
  });

  it.each(["__proto__", "constructor", "toString"])("a kind named %s has no merger of its own", (kind) => {
    const state = fold([event({ op: "delta", kind, data: { a: 1 } })], createBlockState({ mergers: {} }));
    expect(getBlock(state, "b")).toMatchObject({ kind, data: { a: 1 } });
  });

  it("a block over its limit is refused and stays; what was replaced does not count", () => {
    const limits = { maxBlockBytes: 1000 };
    const full = fold([text(0, "x".repeat(900))], createBlockState({ limits }));
    expect(() => applyBlockEvent(full, text(1, "x".repeat(200)))).toThrow(coded("ERR_HITL_TOO_LARGE"));
    expect(content(full)).toHaveLength(900);
    let state = createBlockState({ limits });
    for (let seq = 0; seq < 100; seq += 1) {
      state = applyBlockEvent(state, event({ op: "patch", data: { progress: "x".repeat(100) }, seq }));
    }
    expect(getBlock(state, "b")?.gaps).toBe(0);
  });

  it("more blocks than the limit are refused; those that are there go on", () => {
    const state = fold([event({ op: "apply", seq: 0 })], createBlockState({ limits: { maxBlocks: 1 } }));
    expect(() => fold([event({ op: "apply", block_id: "c" })], state)).toThrow(coded("ERR_HITL_TOO_LARGE"));
    expect(getBlock(fold([event({ op: "apply", seq: 1, data: { a: 1 } })], state), "b")?.data).toEqual({
      a: 1,
    });
  });

  it("an event that waited and cannot be merged is passed over, and those after it are not lost", () => {
    const bad = event({ op: "patch", data: { "a[5000]": 1 }, seq: 1 });
    const state = fold([bad, text(2), text(0)]);
    expect(content(state)).toBe("0 2 ");
    expect(getBlock(state, "b")?.gaps).toBe(1);
  });
});
