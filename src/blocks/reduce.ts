/** The reducer. What order and duplicates mean is in docs/blocks.md, B6 to B10. */
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import type { BlockEvent } from "./events.ts";
import { DEFAULT_MERGES, weigh } from "./merge.ts";
import { parseBlockEvent } from "./parse.ts";
import { appended, entryAt, withEntry } from "./persistent-list.ts";
import { type Block, type BlockState, type Entry, NO_ENTRY } from "./state.ts";
import { placed } from "./tree.ts";

/** How many events of a block may come before one that is missing, until it is given up (B9). */
export const REORDER_WINDOW = 64;

function tooLarge(what: string, limit: number): HoldpointError {
  return new HoldpointError("ERR_HITL_TOO_LARGE", `${what}; the limit is ${limit}.`, { details: { limit } });
}

function blank(event: BlockEvent): Block {
  const { block_id, kind, persistence, branch, schema_version, session_id, invocation_id, actor } = event;
  return {
    block_id,
    parent_id: null,
    kind,
    persistence,
    data: {},
    branch,
    schema_version,
    session_id,
    invocation_id,
    actor,
    created_at: 0,
    updated_at: 0,
    seq: null,
    gaps: 0,
  };
}

function dataAfter(state: BlockState, entry: Entry, event: BlockEvent): { data: JsonObject; weight: number } {
  const change = event.data ?? {};
  const kind = (event.op === "apply" || entry.fresh ? event : entry.block)?.kind ?? event.kind;
  const merge = state.mergers.get(kind)?.[event.op] ?? DEFAULT_MERGES[event.op];
  const data = merge(entry.block?.data ?? {}, change);
  const added = (event.op === "apply" ? 0 : entry.weight) + weigh(change);
  const limit = state.limits.maxBlockBytes;
  // What was replaced is counted too, until it matters.
  const weight = added > limit ? weigh(data) : added;
  if (weight > limit) throw tooLarge(`Block ${event.block_id} takes about ${weight} bytes`, limit);
  return { data, weight };
}

/** The entry after an event whose turn it is. */
function merged(state: BlockState, entry: Entry, event: BlockEvent): Entry {
  const { data, weight } = dataAfter(state, entry, event);
  const known = event.op === "apply" || entry.fresh || !entry.block ? blank(event) : entry.block;
  const seq = event.seq ?? entry.seq;
  const block: Block = {
    ...known,
    data,
    parent_id: entry.block?.parent_id ?? null,
    created_at: entry.block?.created_at ?? 0,
    gaps: entry.block?.gaps ?? 0,
    updated_at: event.timestamp || (entry.block?.updated_at ?? 0),
    seq: seq < 0 ? null : seq,
  };
  return { ...entry, block, seq, weight, fresh: false };
}

function withGap(entry: Entry): Entry {
  return entry.block ? { ...entry, block: { ...entry.block, gaps: entry.block.gaps + 1 } } : entry;
}

/** Merges those that were held and whose turn has come. */
function drained(state: BlockState, start: Entry): Entry {
  let entry = start;
  let at = 0;
  for (; at < start.held.length; at += 1) {
    const event = start.held[at] as BlockEvent;
    const seq = event.seq as number;
    if (seq <= entry.seq) continue;
    if (seq > entry.seq + 1) break;
    try {
      entry = merged(state, entry, event);
    } catch (error) {
      // Whoever sent it is not here to be told: it is passed over, and the block says so.
      if (!isHoldpointError(error)) throw error;
      entry = withGap({ ...entry, seq });
    }
  }
  if (at === 0) return entry;
  const held = start.held.slice(at);
  return { ...entry, held, heldWeight: held.reduce((sum, event) => sum + weigh(event.data), 0) };
}

function holding(state: BlockState, entry: Entry, event: BlockEvent): Entry {
  const seq = event.seq as number;
  const place = entry.held.findIndex((other) => (other.seq as number) >= seq);
  if (place >= 0 && entry.held[place]?.seq === seq) return entry;
  const held = entry.held.toSpliced(place < 0 ? entry.held.length : place, 0, event);
  const heldWeight = entry.heldWeight + weigh(event.data);
  const waiting = { ...entry, block: entry.block ?? blank(event), held, heldWeight };
  if (held.length <= REORDER_WINDOW && heldWeight <= state.limits.maxBlockBytes) return waiting;
  const next = held[0]?.seq as number;
  return drained(state, withGap({ ...waiting, seq: next - 1 }));
}

function inOrderOfArrival(state: BlockState, entry: Entry, event: BlockEvent): Entry {
  if (event.event_id !== "" && entry.recent.includes(event.event_id)) return entry;
  const next = merged(state, entry, event);
  if (event.event_id === "") return next;
  return { ...next, recent: [...entry.recent.slice(1 - REORDER_WINDOW), event.event_id] };
}

function received(state: BlockState, entry: Entry, event: BlockEvent): Entry {
  if (event.seq === null) return inOrderOfArrival(state, entry, event);
  if (event.seq <= entry.seq) return entry;
  if (event.op === "apply" || event.seq === entry.seq + 1) {
    return drained(state, merged(state, entry, event));
  }
  return holding(state, entry, event);
}

/** What also an event that comes too late says. */
function dated(entry: Entry, { timestamp }: BlockEvent): Entry {
  const { block } = entry;
  if (!block || timestamp === 0 || (block.created_at !== 0 && block.created_at <= timestamp)) return entry;
  return { ...entry, block: { ...block, created_at: timestamp } };
}

/**
 * The state after one event. Pure: `state` stays as it was, blocks that the event does not concern are the same
 * objects, and a state in which nothing changes is the same object. What an event costs depends on its own size and
 * that of its block, not on how many blocks there are.
 *
 * Duplicates, and events of one block in another order, lead to the same blocks (B6 to B10).
 *
 * @throws HoldpointError as {@link parseBlockEvent}; `ERR_HITL_TOO_LARGE` if the block, the number of blocks or the
 * padding of a list goes over its limit. Nothing has changed then.
 *
 * @example
 * ```ts
 * import { applyBlockEvent, createBlockState, getBlock, textDelta } from "holdpoint/blocks";
 *
 * const said = ["Hold", "point"].map((content, index) => textDelta({ block_id: "blk_1", index, content }));
 * const state = [...said, ...said].reduce(applyBlockEvent, createBlockState());
 * console.log(getBlock(state, "blk_1")?.data); // { content: 'Holdpoint' }
 * ```
 */
export function applyBlockEvent(state: BlockState, event: BlockEvent): BlockState {
  const checked = parseBlockEvent(event);
  const index = state.ids.get(checked.block_id);
  const before = (index === undefined ? undefined : entryAt(state.entries, index)) ?? NO_ENTRY;
  const isNew = before.block === null;
  if (isNew && state.size >= state.limits.maxBlocks) {
    throw tooLarge(`There are ${state.size} blocks`, state.limits.maxBlocks);
  }
  const changed = dated(received(state, before, checked), checked);
  const asks = !changed.asks && changed.block?.kind === "hitl";
  const after = asks ? { ...changed, asks } : changed;
  let next = state;
  if (after !== before) {
    const at = index ?? state.ids.size;
    state.ids.set(checked.block_id, at);
    next = { ...state, entries: withEntry(state.entries, at, after) };
    if (asks) next = { ...next, questions: appended(state.questions, at) };
    if (isNew) next = { ...next, size: state.size + 1, order: appended(state.order, at) };
  }
  return placed(next, checked, isNew);
}
