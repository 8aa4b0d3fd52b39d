/** The blocks of a session as one immutable value, and how to read it. docs/blocks.md says why it is built so. */
import type { JsonObject } from "../core/json.ts";
import type { BlockActor, BlockEvent, BlockKind, BlockPersistence } from "./events.ts";
import type { BlockMerger, BlockMergers } from "./merge.ts";
import { emptyList, entriesOf, entryAt, type PersistentList } from "./persistent-list.ts";

/** A block as its events have made it. It never changes: a later version is another object. */
export interface Block {
  readonly block_id: string;
  readonly parent_id: string | null;
  readonly kind: BlockKind;
  readonly persistence: BlockPersistence;
  readonly data: JsonObject;
  readonly branch: string | null;
  readonly schema_version: string | null;
  readonly session_id: string;
  readonly invocation_id: string;
  readonly actor: BlockActor | null;
  /** Epoch ms of the oldest event that was met, of the newest that was merged; 0: not known. */
  readonly created_at: number;
  readonly updated_at: number;
  /** Of the newest event that was merged; null: its events have none. */
  readonly seq: number | null;
  /** How often events were missing and were waited for in vain (B9): above 0, load the block again. */
  readonly gaps: number;
}

export interface BlockLimits {
  /** Default 1 000 000. */
  readonly maxBlocks: number;
  /** Roughly bytes of one block's data. Default 8 MiB. */
  readonly maxBlockBytes: number;
}

export interface BlockStateOptions {
  readonly mergers?: BlockMergers | undefined;
  readonly limits?: Partial<BlockLimits> | undefined;
}

export const ROOT = -1;
export const GONE = -1;

/** What is kept for a block id. A parent that was named and has not come yet has an entry without a block. */
export interface Entry {
  readonly block: Block | null;
  /** Of the newest event that was merged; -1: none yet. */
  readonly seq: number;
  /** Nothing was merged yet: what is known is from an event that waits. */
  readonly fresh: boolean;
  /** Events whose turn has not come, by seq. */
  readonly held: readonly BlockEvent[];
  /** Of what is held, roughly in bytes. */
  readonly heldWeight: number;
  /** Ids of the last events without a seq. */
  readonly recent: readonly string[];
  readonly weight: number;
  readonly children: PersistentList<number>;
  /** Index of the entry that lists it as a child; ROOT if it has no parent. */
  readonly parent: number;
  /** Its place among the roots while it is shown there, else GONE. */
  readonly rootPlace: number;
  /** It is, or was, a question, and is listed as such. */
  readonly asks: boolean;
}

export const NO_ENTRY: Entry = {
  block: null,
  seq: -1,
  fresh: true,
  held: [],
  heldWeight: 0,
  recent: [],
  weight: 0,
  children: emptyList(),
  parent: ROOT,
  rootPlace: GONE,
  asks: false,
};

/** Opaque: read it with {@link getBlock}, {@link listBlocks}, {@link rootBlocks} and {@link childBlocks}. */
export interface BlockState {
  /** Number of blocks. */
  readonly size: number;
  /** @internal */
  readonly entries: PersistentList<Entry>;
  /** @internal Indexes of entries, in the order in which their blocks appeared. */
  readonly order: PersistentList<number>;
  /** @internal `hitl` blocks, so that what is open is found without a look at all blocks. */
  readonly questions: PersistentList<number>;
  /** @internal Blocks without a parent, or whose parent has not come. GONE: it has. */
  readonly roots: PersistentList<number>;
  /**
   * @internal Block id to index, shared by all states that come from one another. It only grows, and says nothing
   * about a state: whether a block is there is what its entry says.
   */
  readonly ids: Map<string, number>;
  /** @internal */
  readonly mergers: ReadonlyMap<string, BlockMerger>;
  /** @internal */
  readonly limits: BlockLimits;
}

const DEFAULT_BLOCK_LIMITS: BlockLimits = { maxBlocks: 1_000_000, maxBlockBytes: 8 * 1024 * 1024 };

/**
 * A state without blocks. Mergers belong to it and to all that come from it; there is no registry.
 *
 * @example
 * ```ts
 * import { applyBlockEvent, createBlockState, getBlock, parseBlockEvent } from "holdpoint/blocks";
 *
 * const counter = { delta: (data: object, change: object) => ({ ...data, ...change, merged: true }) };
 * const event = parseBlockEvent({ block_id: "b", kind: "counter", persistence: "persistent", op: "delta", data: { n: 1 } });
 * const state = applyBlockEvent(createBlockState({ mergers: { counter } }), event);
 * console.log(getBlock(state, "b")?.data); // { n: 1, merged: true }
 * ```
 */
export function createBlockState(options: BlockStateOptions = {}): BlockState {
  return {
    size: 0,
    entries: emptyList(),
    order: emptyList(),
    questions: emptyList(),
    roots: emptyList(),
    ids: new Map(),
    mergers: new Map(Object.entries(options.mergers ?? {})),
    limits: { ...DEFAULT_BLOCK_LIMITS, ...options.limits },
  };
}

export function entryOf(state: BlockState, block_id: string): Entry | undefined {
  const index = state.ids.get(block_id);
  return index === undefined ? undefined : entryAt(state.entries, index);
}

export function getBlock(state: BlockState, block_id: string): Block | undefined {
  return entryOf(state, block_id)?.block ?? undefined;
}

function blocksAt(state: BlockState, list: PersistentList<number>): Block[] {
  const blocks: Block[] = [];
  for (const index of entriesOf(list)) {
    const block = entryAt(state.entries, index)?.block;
    if (block) blocks.push(block);
  }
  return blocks;
}

/** All blocks, in the order in which they appeared. */
export function listBlocks(state: BlockState): readonly Block[] {
  return blocksAt(state, state.order);
}

/**
 * Blocks that nothing holds, in the order in which they appeared: those without a parent, and those whose parent has
 * not come, so that nothing is hidden.
 */
export function rootBlocks(state: BlockState): readonly Block[] {
  return blocksAt(state, state.roots);
}

/** The children of a block, in the order in which they came to it. */
export function childBlocks(state: BlockState, block_id: string): readonly Block[] {
  const entry = entryOf(state, block_id);
  return entry ? blocksAt(state, entry.children) : [];
}

/** The `hitl` blocks, open or ended, in the order in which they came (P10). What it costs depends on their number alone. */
export function listQuestions(state: BlockState): readonly Block[] {
  return blocksAt(state, state.questions).filter(({ kind }) => kind === "hitl");
}

/** Those of {@link listQuestions} that wait for an answer. */
export function openQuestions(state: BlockState): readonly Block[] {
  return listQuestions(state).filter(({ data }) => data["status"] === "pending");
}

const idsOfRoots = new WeakMap<object, readonly string[]>();

/** Ids of {@link rootBlocks}: the same array until another block is a root. */
export function rootIds(state: BlockState): readonly string[] {
  let ids = idsOfRoots.get(state.roots);
  if (!ids) {
    ids = rootBlocks(state).map(({ block_id }) => block_id);
    idsOfRoots.set(state.roots, ids);
  }
  return ids;
}
