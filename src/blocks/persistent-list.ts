/**
 * A list of which every version stays as it was. A new version copies one path of a tree with 32 branches, so that a
 * change costs about the same with ten entries and with a hundred thousand.
 */
const BITS = 5;
const WIDTH = 2 ** BITS;
const MASK = WIDTH - 1;

type Node = readonly unknown[];

/** Entries that were never set are undefined: the list may have holes. */
export interface PersistentList<T> {
  readonly length: number;
  /** Levels below the root, times five. */
  readonly shift: number;
  readonly root: Node;
  /** Only for the type. */
  readonly entry?: T;
}

export function emptyList<T>(): PersistentList<T> {
  return { length: 0, shift: 0, root: [] };
}

export function entryAt<T>(list: PersistentList<T>, index: number): T | undefined {
  if (index < 0 || index >= list.length) return undefined;
  let node: unknown = list.root;
  for (let shift = list.shift; shift >= 0; shift -= BITS) {
    if (node === undefined) return undefined;
    node = (node as Node)[(index >>> shift) & MASK];
  }
  return node as T | undefined;
}

function replaced(node: Node | undefined, shift: number, index: number, entry: unknown): Node {
  const copy = node ? node.slice() : [];
  const slot = (index >>> shift) & MASK;
  // A list with undefined in it is quicker to read than one with holes.
  while (copy.length < slot) copy.push(undefined);
  copy[slot] = shift === 0 ? entry : replaced(copy[slot] as Node | undefined, shift - BITS, index, entry);
  return copy;
}

/** A list with `entry` at `index`, which may be beyond its end. */
export function withEntry<T>(list: PersistentList<T>, index: number, entry: T): PersistentList<T> {
  let { root, shift } = list;
  while (index >= WIDTH * 2 ** shift) {
    root = root.length === 0 ? [] : [root];
    shift += BITS;
  }
  return { length: Math.max(list.length, index + 1), shift, root: replaced(root, shift, index, entry) };
}

/** A list with `entry` at its end. */
export function appended<T>(list: PersistentList<T>, entry: T): PersistentList<T> {
  return withEntry(list, list.length, entry);
}

/** What was set, in order. */
export function* entriesOf<T>(list: PersistentList<T>): Generator<T, void, undefined> {
  for (let index = 0; index < list.length; index += 1) {
    const entry = entryAt(list, index);
    if (entry !== undefined) yield entry;
  }
}
