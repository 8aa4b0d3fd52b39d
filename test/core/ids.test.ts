import { describe, expect, it } from "vitest";
import {
  defaultRandomId,
  hashJson,
  interruptIdOf,
  isOwnId,
  isValidForeignId,
  makeId,
  makeRandomId,
  SLOT_COUNT,
  slotOf,
  slotOfId,
} from "../../src/core/ids.ts";

describe("ids", () => {
  it("carry their slot, and are the same for the same parts (P2)", () => {
    for (const slot of [0, 1, 0xabc, SLOT_COUNT - 1]) {
      const id = makeId("hitl", slot, ["thread", 1]);
      expect(id).toBe(makeId("hitl", slot, ["thread", 1]));
      expect(isOwnId(id)).toBe(true);
      expect(slotOfId(id)).toBe(slot);
      expect(interruptIdOf(id)).toMatch(/^[0-9a-f]{32}$/);
    }
  });

  it("differ when a part differs, also in where one part ends (P2)", () => {
    const ids = [["a", "b"], ["ab"], ["a", "b", ""], [["a"], "b"], ["a", null]].map((parts) =>
      makeId("hitl", 1, parts),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("are random where asked, and do not repeat", () => {
    const ids = Array.from({ length: 1000 }, () => makeRandomId("hitl", 7, defaultRandomId));
    expect(new Set(ids).size).toBe(1000);
    expect(ids.every((id) => isOwnId(id) && slotOfId(id) === 7)).toBe(true);
  });

  it("of a session spread over the slots, by tenant and session together", () => {
    const slots = new Set(Array.from({ length: 2000 }, (_, n) => slotOf("default", `session-${n}`)));
    expect(slots.size).toBeGreaterThan(1200);
    expect([...slots].every((slot) => Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT)).toBe(true);
    expect(slotOf("a", "b,c")).not.toBe(slotOf("a,b", "c"));
  });

  it.each([
    "",
    "hitl_123",
    `HITL_${"0".repeat(32)}`,
    `hitl_${"0".repeat(33)}`,
    `hitl_${"G".repeat(32)}`,
    `hitl_${"0".repeat(32)}\n`,
  ])("in our own format are not %j", (id) => expect(isOwnId(id)).toBe(false));

  it.each(["hitl_123", "1", "ключ", "👍", "a b:c/d", "__proto__", "x".repeat(255)])(
    "from outside may be %j",
    (id) => {
      expect(isValidForeignId(id)).toBe(true);
    },
  );

  it.each([
    ["" as unknown],
    ["x".repeat(256)],
    ["a\u0000"],
    ["a\nb"],
    ["\u0085"],
    ["\ud800"],
    [1],
    [null],
    [undefined],
    [{}],
  ])("from outside may not be %j", (id) => expect(isValidForeignId(id)).toBe(false));
});

describe("hashJson", () => {
  it("does not depend on the order of keys, but on every value (P7)", () => {
    expect(hashJson({ a: 1, b: [2] })).toBe(hashJson({ b: [2], a: 1 }));
    expect(hashJson({ a: 1, b: [2] })).not.toBe(hashJson({ a: 1, b: [2, null] }));
    expect(hashJson("1")).not.toBe(hashJson(1));
  });
});
