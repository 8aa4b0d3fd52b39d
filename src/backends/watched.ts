import type { ChangeHint } from "./record-store.ts";

type Listener = (hint: ChangeHint) => void;

/** The version is not read yet; 0 is that of no record. */
const UNREAD = -1;

interface WatchedRecord {
  readonly listeners: Set<Listener>;
  /** The version that the listeners know of. */
  seen: number;
}

/**
 * The records that somebody watches: whom to tell, and which version they know of. How a change is noticed is the store's
 * business.
 */
export class Watched {
  readonly #records: Map<string, WatchedRecord> = new Map();

  get size(): number {
    return this.#records.size;
  }

  /** The version that is known of each record that was read. */
  get versions(): Map<string, number> {
    const read = [...this.#records].filter(([, { seen }]) => seen !== UNREAD);
    return new Map(read.map(([id, { seen }]) => [id, seen]));
  }

  /** The version that is known: undefined if nobody watches the record, less than any while it is not read. */
  seen(id: string): number | undefined {
    return this.#records.get(id)?.seen;
  }

  /**
   * To be followed by `read` of the records in `unread`, and only then is the watch in force. Those that another watch is
   * about to read are among them: whoever joins it does not know when it is done, nor whether it fails.
   *
   * @returns `end` may be called twice
   */
  add(
    ids: readonly string[],
    listener: Listener,
  ): { readonly unread: readonly string[]; readonly end: () => void } {
    let open = true;
    // A listener of its own for each watch, so that two watches with one function stay two.
    const own: Listener = (hint) => {
      if (open) listener(hint);
    };
    const wanted = [...new Set(ids)];
    for (const id of wanted) {
      const record = this.#records.get(id) ?? { listeners: new Set(), seen: UNREAD };
      this.#records.set(id, record);
      record.listeners.add(own);
    }
    const end = (): void => {
      if (!open) return;
      open = false;
      for (const id of wanted) {
        const record = this.#records.get(id);
        record?.listeners.delete(own);
        if (record?.listeners.size === 0) this.#records.delete(id);
      }
    };
    return { unread: wanted.filter((id) => this.seen(id) === UNREAD), end };
  }

  /** What was read of unread records. One of which something was told meanwhile keeps that. */
  read(ids: readonly string[], heads: readonly ChangeHint[]): void {
    const versions = new Map(heads.map(({ id, version }) => [id, version]));
    for (const id of ids) {
      const record = this.#records.get(id);
      if (record?.seen === UNREAD) record.seen = versions.get(id) ?? 0;
    }
  }

  /** The record is gone, which nobody is told of; one that comes in its place is news, whatever its version. */
  forget(id: string): void {
    const record = this.#records.get(id);
    if (record) record.seen = 0;
  }

  tell(hint: ChangeHint): void {
    const record = this.#records.get(hint.id);
    if (!record) return;
    record.seen = hint.version;
    // In a turn of its own: one that throws must not keep the hint from the others, nor make a commit look failed.
    for (const listener of record.listeners) queueMicrotask(() => listener(hint));
  }

  clear(): void {
    this.#records.clear();
  }
}
