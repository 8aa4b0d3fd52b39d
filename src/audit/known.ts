/** What this process has seen of records lately. A guess: every write that builds upon it checks it. */
import { storedLength } from "../backends/held.ts";
import type { StoredRecord } from "../backends/record-store.ts";
import { Seen, type StoredHead } from "./seen.ts";

const MAX_RECORDS = 1000;
/** A value that is longer is read again when it is needed. */
const MAX_LENGTH = 64 * 1024;
/**
 * A version is a guard only while the record lives: one that was removed and made anew may come to the same version. What
 * was seen longer ago than any process takes from reading to writing is not built upon.
 */
const MAX_AGE_MS = 10_000;

export class Known {
  readonly #seen = new Map<string, { readonly seen: Seen; readonly since: number }>();

  get(id: string): Seen | undefined {
    const found = this.#seen.get(id);
    if (found && performance.now() - found.since < MAX_AGE_MS) return found.seen;
    if (found) this.#seen.delete(id);
    return undefined;
  }

  /** @param head - where it is known without reading the value */
  learn(raw: StoredRecord, head?: StoredHead): Seen {
    const seen = new Seen(raw, head);
    const before = this.#seen.get(raw.id)?.seen.raw;
    // What comes late from a read that began early is older than what is known.
    if (before && before.created_at === raw.created_at && before.version > raw.version) return seen;
    this.#seen.delete(raw.id);
    if (storedLength(raw) > MAX_LENGTH) return seen;
    if (this.#seen.size >= MAX_RECORDS) this.#seen.delete(this.#seen.keys().next().value as string);
    this.#seen.set(raw.id, { seen, since: performance.now() });
    return seen;
  }

  forget(id: string): void {
    this.#seen.delete(id);
  }
}
