import { useCallback, useMemo, useSyncExternalStore } from "react";
import { type Block, type BlockState, listBlocks } from "../../blocks/state.ts";
import type { BlockStore } from "../../blocks/store.ts";

/** A `BlockStore` of `holdpoint/blocks`, or anything that holds a `BlockState` as it does. */
export type BlockSource = Pick<BlockStore, "getSnapshot" | "subscribe" | "getBlock" | "subscribeBlock">;

export type IsEqual<T> = (a: T, b: T) => boolean;

/** The same things, and of lists the same items in the same order. */
export function sameItems(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, index) => Object.is(item, b[index]));
}

/** `selector` of a changing snapshot; what it gave before stays while it gives an equal. */
export function selection<S, T>(
  getSnapshot: () => S,
  selector: (snapshot: S) => T,
  isEqual: IsEqual<T>,
): () => T {
  let last: { readonly snapshot: S; readonly selected: T } | undefined;
  return () => {
    const snapshot = getSnapshot();
    if (last && Object.is(last.snapshot, snapshot)) return last.selected;
    const next = selector(snapshot);
    const selected = last && isEqual(last.selected, next) ? last.selected : next;
    last = { snapshot, selected };
    return selected;
  };
}

/**
 * The blocks of a store, or what `selector` makes of its state. The component renders again only if that is another by
 * `isEqual`; lists are equal if their items are the same.
 *
 * @example
 * ```tsx
 * import { type BlockStore, listBlocks } from "holdpoint/blocks";
 * import { useBlocks } from "holdpoint/react";
 *
 * export function Calls({ store }: { store: BlockStore }) {
 *   return <p>{useBlocks(store, (state) => listBlocks(state).filter(({ kind }) => kind === "tool_use").length)} calls</p>;
 * }
 * ```
 */
export function useBlocks(source: BlockSource): readonly Block[];
export function useBlocks<T>(
  source: BlockSource,
  selector: (state: BlockState) => T,
  isEqual?: IsEqual<T>,
): T;
export function useBlocks<T>(
  source: BlockSource,
  selector?: (state: BlockState) => T,
  isEqual: IsEqual<T> = sameItems,
): T | readonly Block[] {
  const getSelection = useMemo(
    () =>
      selection<BlockState, T | readonly Block[]>(
        source.getSnapshot,
        selector ?? listBlocks,
        isEqual as IsEqual<T | readonly Block[]>,
      ),
    [source, selector, isEqual],
  );
  return useSyncExternalStore(source.subscribe, getSelection, getSelection);
}

/** One block; undefined while it is not there. The component renders again only if this block changes. */
export function useBlock(source: BlockSource, block_id: string): Block | undefined {
  const subscribe = useCallback(
    (listener: () => void) => source.subscribeBlock(block_id, listener),
    [source, block_id],
  );
  const getBlock = useCallback(() => source.getBlock(block_id), [source, block_id]);
  return useSyncExternalStore(subscribe, getBlock, getBlock);
}
