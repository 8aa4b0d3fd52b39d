/** The list under the state, against arrays: every version stays as it was. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "vitest";
import {
  appended,
  emptyList,
  entriesOf,
  entryAt,
  type PersistentList,
  withEntry,
} from "../../src/blocks/persistent-list.ts";
import { runs } from "./kit.ts";

describe("PersistentList", () => {
  it("every version reads as the array that was changed in the same way", () => {
    const change = fc.oneof(
      { weight: 3, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.nat(3000) },
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
        const versions: [PersistentList<number>, (number | undefined)[]][] = [[emptyList(), []]];
        for (const [value, index] of changes.entries()) {
          const [list, model] = versions.at(-1) as [PersistentList<number>, (number | undefined)[]];
          const next = model.slice();
          next[index ?? model.length] = value;
          versions.push([index === null ? appended(list, value) : withEntry(list, index, value), next]);
        }
        for (const [list, model] of versions) {
          assert.equal(list.length, model.length);
          assert.deepEqual(
            [...entriesOf(list)],
            Array.from(model).filter((entry) => entry !== undefined),
          );
          for (const index of [-1, 0, 31, 32, 33, 1023, 1024, model.length - 1, model.length]) {
            assert.equal(entryAt(list, index), model[index]);
          }
        }
      }),
      { numRuns: runs(200) },
    );
  });

  it("holds more than three levels", () => {
    let list = emptyList<number>();
    const count = 32 ** 3 + 100;
    for (let index = 0; index < count; index += 1) list = appended(list, index);
    for (let index = 0; index < count; index += 997) assert.equal(entryAt(list, index), index);
    assert.equal(entryAt(list, count - 1), count - 1);
  });
});
