import { describe, expect, it } from "vitest";
import { Deadlines } from "../../../src/backends/deadlines.ts";

/** Resolves with the milliseconds until the deadline passed. */
function passed(deadlines: Deadlines, inMs: number): { wait: Promise<number>; end: () => void } {
  let end: () => void = () => {};
  const began = performance.now();
  const wait = new Promise<number>((resolve) => {
    end = deadlines.add(began + inMs, () => resolve(performance.now() - began));
  });
  return { wait, end };
}

describe("deadlines that share a timer", () => {
  it("pass each at its own time, an earlier one that came later first", async () => {
    const deadlines = new Deadlines();
    const order: string[] = [];
    const [long, short, between] = [60, 10, 30].map((inMs) => passed(deadlines, inMs));
    await Promise.all([
      long?.wait.then((ms) => (order.push("long"), expect(ms).toBeGreaterThanOrEqual(59))),
      short?.wait.then((ms) => (order.push("short"), expect(ms).toBeGreaterThanOrEqual(9))),
      between?.wait.then((ms) => (order.push("between"), expect(ms).toBeGreaterThanOrEqual(29))),
    ]);
    expect(order).toEqual(["short", "between", "long"]);
  });

  it("do not pass when the wait has ended, and one that is added after all have ended passes", async () => {
    const deadlines = new Deadlines();
    const ended = passed(deadlines, 5);
    ended.end();
    let fired = false;
    void ended.wait.then(() => (fired = true));
    await passed(deadlines, 20).wait;
    await passed(deadlines, 20).wait;
    expect(fired).toBe(false);
  });
});
