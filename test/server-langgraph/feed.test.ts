/** What is kept of a run for those who listen, late or slowly. */
import { expect, test } from "vitest";
import { Feed, type Frame } from "../../src/server/langgraph/feed.ts";

const text = "x".repeat(98);

function fed(count: number, maxBytes: number): Feed {
  const feed = new Feed(maxBytes);
  for (let index = 1; index <= count; index += 1) feed.push(`e${index}`, text);
  return feed;
}

async function take(frames: AsyncGenerator<Frame>, count: number): Promise<string[]> {
  const taken: string[] = [];
  while (taken.length < count) {
    const { done, value } = await frames.next();
    if (done) break;
    taken.push(`${value.seq} ${value.event}`);
  }
  return taken;
}

test("a listener gets what is kept, then what comes, and ends with the run", async () => {
  const feed = fed(2, 10_000);
  const frames = feed.read(0);
  expect(await take(frames, 2)).toEqual(["1 e1", "2 e2"]);
  const next = frames.next();
  feed.push("e3", text);
  expect((await next).value).toMatchObject({ seq: 3, event: "e3" });
  const last = frames.next();
  feed.end();
  expect((await last).done).toBe(true);
});

test("one that was slower than what is kept is told that it has missed something, and goes on", async () => {
  const feed = fed(3, 300);
  const frames = feed.read(0);
  expect(await take(frames, 1)).toEqual(["1 e1"]);
  for (const event of ["e4", "e5", "e6"]) feed.push(event, text);
  feed.end();
  expect(await take(frames, 9)).toEqual(["3 error", "4 e4", "5 e5", "6 e6"]);
});

test("one that begins with what is kept misses nothing, and one that comes back for what is gone does", async () => {
  const feed = fed(6, 300);
  feed.end();
  expect(await take(feed.read(0), 9)).toEqual(["4 e4", "5 e5", "6 e6"]);
  expect(await take(feed.read(2), 9)).toEqual(["3 error", "4 e4", "5 e5", "6 e6"]);
  expect(await take(feed.read(6), 9)).toEqual([]);
});

test("one that leaves is let go, also while it waits", async () => {
  const leaving = new AbortController();
  const waiting = new Feed(100).read(0, leaving.signal).next();
  leaving.abort();
  expect((await waiting).done).toBe(true);
});
