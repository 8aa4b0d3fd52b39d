/** A place that holds the newest state, for `useSyncExternalStore`, signals, or a loop that draws a terminal. */
import type { BlockEvent } from "./events.ts";
import { applyBlockEvent } from "./reduce.ts";
import { type Block, type BlockState, type BlockStateOptions, createBlockState, getBlock } from "./state.ts";

export type BlockListener = () => void;
export type Unsubscribe = () => void;

export interface BlockStore {
  /**
   * Takes one event in. Listeners are called after it, and only if something has changed.
   *
   * @throws HoldpointError as {@link applyBlockEvent}; the state is as it was
   */
  readonly dispatch: (event: BlockEvent) => void;
  /** The same object until something changes. */
  readonly getSnapshot: () => BlockState;
  /** The same object until this block changes. */
  readonly getBlock: (block_id: string) => Block | undefined;
  /** Calls `listener` after every change. */
  readonly subscribe: (listener: BlockListener) => Unsubscribe;
  /** Calls `listener` after a change of this block, or when it gets a child. */
  readonly subscribeBlock: (block_id: string, listener: BlockListener) => Unsubscribe;
}

function callAll(listeners: Iterable<BlockListener>, errors: unknown[]): void {
  // A listener may unsubscribe itself or others while it is called.
  for (const listener of Array.from(listeners)) {
    try {
      listener();
    } catch (error) {
      errors.push(error);
    }
  }
}

/**
 * A store of blocks. An error of a listener stops no other listener; the first one is thrown when all were called.
 *
 * @example
 * ```ts
 * import { createBlockStore, getBlock, textDelta } from "holdpoint/blocks";
 *
 * const store = createBlockStore();
 * const stop = store.subscribe(() => console.log(getBlock(store.getSnapshot(), "blk_1")?.data));
 * store.dispatch(textDelta({ block_id: "blk_1", index: 0, content: "Hello" })); // { content: 'Hello' }
 * stop();
 * ```
 */
export function createBlockStore(options: BlockStateOptions = {}): BlockStore {
  let state = createBlockState(options);
  const listeners = new Set<BlockListener>();
  const byBlock = new Map<string, Set<BlockListener>>();

  const subscribeBlock = (block_id: string, listener: BlockListener): Unsubscribe => {
    // Wrapped, so that one function may subscribe twice and unsubscribe once.
    const own = (): void => listener();
    const set = byBlock.get(block_id) ?? new Set();
    byBlock.set(block_id, set.add(own));
    return () => {
      set.delete(own);
      if (set.size === 0 && byBlock.get(block_id) === set) byBlock.delete(block_id);
    };
  };

  const dispatch = (event: BlockEvent): void => {
    const before = state;
    state = applyBlockEvent(before, event);
    if (state === before) return;
    const errors: unknown[] = [];
    const old = getBlock(before, event.block_id);
    const block = getBlock(state, event.block_id);
    if (block !== old) callAll(byBlock.get(event.block_id) ?? [], errors);
    const parent_id = block?.parent_id ?? null;
    if (parent_id !== null && old?.parent_id !== parent_id) callAll(byBlock.get(parent_id) ?? [], errors);
    callAll(listeners, errors);
    if (errors.length > 0) throw errors[0];
  };

  return {
    dispatch,
    getSnapshot: () => state,
    getBlock: (block_id) => getBlock(state, block_id),
    subscribe: (listener) => {
      const own = (): void => listener();
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    subscribeBlock,
  };
}
