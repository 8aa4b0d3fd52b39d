import { describe, expect, it } from "vitest";
import { Calls } from "../../src/backends/calls.ts";
import { gate } from "../support/poll.ts";

/** What became of a promise by the end of this turn of the event loop. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = new Promise<string>((resolve) => setImmediate(() => resolve("pending")));
  const settled = promise.then(
    () => "resolved",
    () => "rejected",
  );
  return Promise.race([settled, pending]);
}

describe("calls under way", () => {
  it("closing waits for the last one, however often and whenever it is asked for", async () => {
    const calls = new Calls(1000);
    calls.begin();
    calls.begin();
    expect([calls.running, calls.closed]).toEqual([2, false]);
    const closings = [calls.close(), calls.close()];
    expect(calls.closed).toBe(true);
    calls.end();
    expect(await Promise.all(closings.map(stateOf))).toEqual(["pending", "pending"]);
    calls.end();
    expect(await Promise.all([...closings, calls.close()].map(stateOf))).toEqual(Array(3).fill("resolved"));
    expect(calls.running).toBe(0);
  });

  it("closing waits for nothing where none is under way", async () => {
    const calls = new Calls(1000);
    calls.begin();
    calls.end();
    expect(await stateOf(calls.close())).toBe("resolved");
  });

  it("an answer in time is handed on as it is, an error too", async () => {
    const calls = new Calls(60_000);
    const deadline = performance.now() + calls.timeoutMs;
    const value = { rows: [1] };
    expect(await calls.within(deadline, Promise.resolve(value))).toBe(value);
    const error = new Error("no");
    await expect(calls.within(deadline, Promise.reject(error))).rejects.toBe(error);
  });

  it("no answer in time is ERR_HITL_TIMEOUT at the deadline, and one that comes later is not heard", async () => {
    const calls = new Calls(20);
    const late = gate();
    const begun = performance.now();
    const answers = [
      calls.within(begun + calls.timeoutMs, late.passed),
      calls.within(
        begun + calls.timeoutMs,
        late.passed.then(() => {
          throw new Error("too late");
        }),
      ),
    ];
    const outcomes = await Promise.allSettled(answers);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(19);
    const reason = { code: "ERR_HITL_TIMEOUT", message: "no answer within 20 ms" };
    expect(outcomes).toMatchObject([
      { status: "rejected", reason },
      { status: "rejected", reason },
    ]);
    late.open();
    expect(await Promise.all(answers.map(stateOf))).toEqual(["rejected", "rejected"]);
  });
});
