/** The store: who is told of what. */
import { createBlockStore, getBlock, listBlocks, textDelta } from "holdpoint/blocks";
import { describe, expect, it } from "vitest";
import { event } from "./kit.ts";

const piece = (block_id: string, index: number) => textDelta({ block_id, index, content: `${index}` });

describe("createBlockStore", () => {
  it("tells everybody of a change, and nobody of what changes nothing", () => {
    const store = createBlockStore();
    const seen: number[] = [];
    const stop = store.subscribe(() => seen.push(store.getSnapshot().size));
    store.dispatch(piece("a", 0));
    const snapshot = store.getSnapshot();
    store.dispatch(piece("a", 0));
    expect(store.getSnapshot()).toBe(snapshot);
    store.dispatch(piece("b", 0));
    stop();
    stop();
    store.dispatch(piece("c", 0));
    expect(seen).toEqual([1, 2]);
  });

  it("tells those of one block of that block, and of its new children", () => {
    const store = createBlockStore();
    const seen: string[] = [];
    store.subscribeBlock("a", () => seen.push("a"));
    const again = () => seen.push("b");
    const stops = [store.subscribeBlock("b", again), store.subscribeBlock("b", again)];
    for (const one of [piece("a", 0), piece("b", 0), piece("b", 0), piece("c", 0)]) store.dispatch(one);
    expect(seen.splice(0)).toEqual(["a", "b", "b"]);
    stops[0]?.();
    store.dispatch(event({ op: "apply", block_id: "child", parent_id: "a" }));
    store.dispatch(event({ op: "delta", block_id: "child", parent_id: "a", data: { x: "1" } }));
    store.dispatch(piece("b", 1));
    expect(seen).toEqual(["a", "b"]);
    expect(store.getBlock("child")).toBe(getBlock(store.getSnapshot(), "child"));
  });

  it("an event that is refused changes nothing and tells nobody", () => {
    const store = createBlockStore();
    store.dispatch(piece("a", 0));
    const before = store.getSnapshot();
    store.subscribe(() => expect.unreachable());
    expect(() => store.dispatch({ ...piece("a", 1), op: "merge" as "delta" })).toThrow(
      expect.objectContaining({ code: "ERR_HITL_INVALID_INPUT" }),
    );
    expect(store.getSnapshot()).toBe(before);
  });

  it("an error of a listener stops no other, and is thrown", () => {
    const store = createBlockStore();
    const seen: string[] = [];
    store.subscribe(() => {
      throw new Error("broken screen");
    });
    store.subscribe(() => seen.push("other"));
    expect(() => store.dispatch(piece("a", 0))).toThrow("broken screen");
    expect(seen).toEqual(["other"]);
    expect(listBlocks(store.getSnapshot())).toHaveLength(1);
  });

  it("a listener may dispatch and unsubscribe", () => {
    const store = createBlockStore();
    const sizes: number[] = [];
    const stop = store.subscribe(() => {
      stop();
      store.dispatch(piece("b", 0));
    });
    store.subscribe(() => sizes.push(store.getSnapshot().size));
    store.dispatch(piece("a", 0));
    expect(sizes).toEqual([2, 2]);
  });
});
