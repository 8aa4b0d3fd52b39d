/** Parents and children (B5): each block is shown once, whatever names whatever as its parent (P10). */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type BlockEvent, type BlockState, childBlocks, listBlocks, rootBlocks } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { event, fold, runs } from "./kit.ts";

const block = (block_id: string, parent_id: string | null = null, seq = 0): BlockEvent =>
  event({ op: "apply", block_id, parent_id, seq });

function drawn(state: BlockState): string[] {
  const ids: string[] = [];
  const waiting = rootBlocks(state).toReversed();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    ids.push(next.block_id);
    waiting.push(...childBlocks(state, next.block_id).toReversed());
  }
  return ids;
}

describe("the tree", () => {
  it("B5: children are below their parent, in the order in which they came", () => {
    expect(
      drawn(fold([block("a"), block("x"), block("a2", "a"), block("a1", "a"), block("a21", "a2")])),
    ).toEqual(["a", "a2", "a21", "a1", "x"]);
  });

  it("B5: a block whose parent has not come is shown, and moves below it when it comes", () => {
    const early = fold([block("child", "late"), block("other")]);
    expect(drawn(early)).toEqual(["child", "other"]);
    const state = fold([block("late")], early);
    expect(drawn(state)).toEqual(["other", "late", "child"]);
    expect(drawn(early)).toEqual(["child", "other"]);
  });

  it("B5: a parent that is named later is taken, a second one is not", () => {
    const start = fold([block("a"), block("b"), block("c")]);
    const state = fold([block("c", "a", 1), block("c", "b", 2), block("c", null, 3)], start);
    expect(drawn(state)).toEqual(["a", "c", "b"]);
    expect(childBlocks(state, "a")[0]?.parent_id).toBe("a");
  });

  it("P10: every block is drawn exactly once, also in cycles, chains without a beginning, and in any order", () => {
    const id = fc.nat(12).map(String);
    const events = fc.array(
      fc.tuple(id, fc.option(id), fc.nat(3)).map(([own, parent, seq]) => block(own, parent, seq)),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const state = fold(all);
        assert.deepEqual(
          drawn(state).toSorted(),
          listBlocks(state)
            .map((one) => one.block_id)
            .toSorted(),
        );
        assert.equal(state.size, listBlocks(state).length);
      }),
      { numRuns: runs(1000) },
    );
  });

  it("a cycle longer than what is looked through is not closed", () => {
    const ring = Array.from({ length: 200 }, (_, n) => block(`n${n}`, `n${(n + 1) % 200}`));
    expect(drawn(fold(ring)).length).toBe(200);
  });

  it("any order of blocks with one parent each gives the same tree", () => {
    const tree = fc
      .array(fc.nat(), { minLength: 1, maxLength: 15 })
      .map((picks) =>
        picks.map((pick, n) => block(`n${n}`, n === 0 || pick % 4 === 0 ? null : `n${pick % n}`)),
      );
    const shuffled = tree.chain((events) =>
      fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length })),
    );
    const edges = (state: BlockState): string[] =>
      listBlocks(state)
        .flatMap((one) =>
          childBlocks(state, one.block_id).map((child) => `${one.block_id}>${child.block_id}`),
        )
        .toSorted();
    fc.assert(
      fc.property(shuffled, ([events, other]) => {
        assert.deepEqual(edges(fold(other)), edges(fold(events)));
        assert.deepEqual(
          rootBlocks(fold(other))
            .map((one) => one.block_id)
            .toSorted(),
          rootBlocks(fold(events))
            .map((one) => one.block_id)
            .toSorted(),
        );
      }),
      { numRuns: runs(300) },
    );
  });
});
