import { describe, expect, it } from "vitest";
import { Watched } from "../../src/backends/watched.ts";

const hint = (version: number, id = "a") => ({ id, version, status: "open" });

/** The microtasks that are queued, in which listeners are called. */
const told = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("records that are watched", () => {
  it("two watches with one function are two, and end one by one, each once", async () => {
    const watched = new Watched();
    const heard: number[] = [];
    const listener = ({ version }: { version: number }): void => void heard.push(version);
    const [one, two] = [watched.add(["a", "a"], listener), watched.add(["a"], listener)];
    watched.tell(hint(1));
    await told();
    one.end();
    one.end();
    watched.tell(hint(2));
    await told();
    expect([heard, watched.size]).toEqual([[1, 1, 2], 1]);
    two.end();
    watched.tell(hint(3));
    await told();
    expect([heard, watched.size]).toEqual([[1, 1, 2], 0]);
  });

  it("nobody is told any more who has ended his watch before his turn, and one that throws harms no other", async () => {
    const watched = new Watched();
    const heard: string[] = [];
    const caught: unknown[] = [];
    const uncaught = (error: unknown): void => void caught.push(error);
    const before = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", uncaught);
    try {
      watched.add(["a"], () => {
        throw new Error("a listener's own");
      });
      const ended = watched.add(["a"], () => heard.push("ended"));
      watched.add(["a"], () => heard.push("open"));
      watched.tell(hint(1));
      ended.end();
      await told();
    } finally {
      process.off("uncaughtException", uncaught);
      for (const listener of before) process.on("uncaughtException", listener);
    }
    expect(heard).toEqual(["open"]);
    expect(caught).toMatchObject([{ message: "a listener's own" }]);
  });

  it("a record is unread for all who come before it is read; what is told meanwhile stays", () => {
    const watched = new Watched();
    const ignore = (): void => undefined;
    expect(watched.add(["a", "b"], ignore).unread).toEqual(["a", "b"]);
    expect(watched.add(["b", "a", "c"], ignore).unread).toEqual(["b", "a", "c"]);
    expect([...watched.versions]).toEqual([]);
    watched.tell(hint(5));
    watched.read(["a", "b"], [hint(4), hint(2, "b")]);
    expect([...watched.versions]).toEqual([
      ["a", 5],
      ["b", 2],
    ]);
    watched.read(["b", "c"], [hint(3, "b")]);
    expect(Object.fromEntries(watched.versions)).toEqual({ a: 5, b: 2, c: 0 });
    expect(watched.add(["a", "c"], ignore).unread).toEqual([]);
    expect([watched.seen("b"), watched.seen("nobody's")]).toEqual([2, undefined]);
    watched.forget("b");
    expect(watched.seen("b")).toBe(0);
  });
});
