/** Each failure on both sides: the stock one, so that a fix upstream is noticed, and ours, which keeps the promises. */
import { describe, expect, it } from "vitest";
import { FAILURES } from "../../failures/all.ts";

const IDS = Array.from({ length: 17 }, (_, n) => `F${n + 1}`);

it("all seventeen are there, in order", () => {
  expect(FAILURES.map(({ id }) => id)).toEqual(IDS);
});

describe.each(FAILURES.map((failure) => [failure.id, failure] as const))("%s", (_, failure) => {
  it(`stock: ${failure.expected.stock.text}`, async () => {
    expect(await failure.stock(), "fixed upstream?").toEqual(failure.expected.stock);
  });

  it(`holdpoint: ${failure.expected.holdpoint.text}`, async () => {
    expect(await failure.holdpoint()).toEqual(failure.expected.holdpoint);
  });

  it("the two sides differ, or it would be no failure", () => {
    expect(failure.expected.holdpoint.facts).not.toEqual(failure.expected.stock.facts);
  });
});
