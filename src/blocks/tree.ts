/** Which block holds which. A block that its parent cannot show is a root, so that no question is hidden (P10). */
import type { BlockEvent } from "./events.ts";
import { appended, entriesOf, entryAt, withEntry } from "./persistent-list.ts";
import { type BlockState, type Entry, GONE, NO_ENTRY, ROOT } from "./state.ts";

/** Also the end of the search for a cycle: what cannot be looked through is not linked. */
const MAX_TREE_DEPTH = 64;

function withBlockEntry(state: BlockState, index: number, entry: Entry): BlockState {
  return { ...state, entries: withEntry(state.entries, index, entry) };
}

function asRoot(state: BlockState, index: number): BlockState {
  const entry = entryAt(state.entries, index);
  if (!entry || entry.rootPlace !== GONE) return state;
  const rooted = { ...entry, rootPlace: state.roots.length };
  return { ...withBlockEntry(state, index, rooted), roots: appended(state.roots, index) };
}

function notAsRoot(state: BlockState, index: number): BlockState {
  const entry = entryAt(state.entries, index);
  if (!entry || entry.rootPlace === GONE) return state;
  const roots = withEntry(state.roots, entry.rootPlace, GONE);
  return { ...withBlockEntry(state, index, { ...entry, rootPlace: GONE }), roots };
}

/** Whether `index` may become a child of `parent`: not if it is above it, or too far below the top. */
function mayHold(state: BlockState, parent: number, index: number): boolean {
  let at = parent;
  for (let steps = 0; steps < MAX_TREE_DEPTH; steps += 1) {
    if (at === index) return false;
    const above = entryAt(state.entries, at)?.parent ?? ROOT;
    if (above === ROOT) return true;
    at = above;
  }
  return false;
}

function linked(state: BlockState, index: number, parent_id: string): BlockState {
  const entry = entryAt(state.entries, index);
  if (!entry?.block || entry.block.parent_id !== null) return state;
  const parent = state.ids.get(parent_id) ?? state.ids.size;
  if (!mayHold(state, parent, index)) return state;
  state.ids.set(parent_id, parent);
  const child: Entry = { ...entry, parent, block: { ...entry.block, parent_id } };
  const holder = entryAt(state.entries, parent) ?? NO_ENTRY;
  const next = withBlockEntry(state, index, child);
  return withBlockEntry(next, parent, { ...holder, children: appended(holder.children, index) });
}

/** The state with the block where it belongs. The first parent that is named is its parent; it does not move again (B5). */
export function placed(state: BlockState, event: BlockEvent, isNew: boolean): BlockState {
  const index = state.ids.get(event.block_id) as number;
  let next = state;
  if (event.parent_id !== null) next = linked(next, index, event.parent_id);
  const entry = entryAt(next.entries, index);
  if (!entry) return next;
  const parent = entry.parent === ROOT ? undefined : entryAt(next.entries, entry.parent);
  next = parent?.block ? notAsRoot(next, index) : asRoot(next, index);
  if (!isNew) return next;
  // Those that came before their parent.
  for (const child of entriesOf(entry.children)) next = notAsRoot(next, child);
  return next;
}
