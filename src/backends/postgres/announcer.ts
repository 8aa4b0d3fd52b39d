/**
 * Tells other processes of changes, after they are committed: a NOTIFY within a writing transaction makes all of them
 * wait for one lock. Hints that come together leave in one statement, and statements follow each other at a distance,
 * so that they cost next to nothing however many commits there are. A hint that is lost is found by the poll.
 */
import type { ChangeHint } from "../record-store.ts";
import { escapeText } from "./names.ts";

/** The next statement waits so long, while one that comes after a pause leaves at once. */
const DISTANCE_MS = 10;
/** A payload may have 8000 bytes. */
const MAX_PAYLOAD_BYTES = 7900;
/** More than that in one statement: everybody looks at everything. */
const MAX_HINTS = 5000;
export const LOOK_AT_ALL = "*";

function payloadsOf(hints: Iterable<ChangeHint>): string[] {
  const payloads: string[] = [];
  let lines: string[] = [];
  let bytes = 0;
  for (const { id, version, status } of hints) {
    // JSON has no line feed of its own, and the status is last, so that it may hold anything.
    const line = `${id} ${version} ${JSON.stringify(escapeText(status))}`;
    const size = Buffer.byteLength(line) + 1;
    if (size > MAX_PAYLOAD_BYTES) return [LOOK_AT_ALL];
    if (bytes + size > MAX_PAYLOAD_BYTES) {
      payloads.push(lines.join("\n"));
      lines = [];
      bytes = 0;
    }
    lines.push(line);
    bytes += size;
  }
  if (lines.length > 0) payloads.push(lines.join("\n"));
  return payloads;
}

export class Announcer {
  readonly #send: (payloads: readonly string[]) => Promise<unknown>;
  #waiting: Map<string, ChangeHint> = new Map();
  #all = false;
  #busy: Promise<void> | undefined;
  #stopped = false;

  /** @param send - the statement; what it fails with is not looked at */
  constructor(send: (payloads: readonly string[]) => Promise<unknown>) {
    this.#send = send;
  }

  add(hints: readonly ChangeHint[]): void {
    if (hints.length === 0 || this.#stopped) return;
    for (const hint of hints) {
      if (this.#all) break;
      this.#waiting.set(hint.id, hint);
      if (this.#waiting.size > MAX_HINTS) {
        this.#waiting.clear();
        this.#all = true;
      }
    }
    this.#busy ??= this.#drain();
  }

  /** Resolves when everything that was added has left. Nothing can be added afterwards. */
  async close(): Promise<void> {
    this.#stopped = true;
    await this.#busy;
  }

  async #drain(): Promise<void> {
    // Commits of one turn of the event loop leave together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.size > 0 || this.#all) {
      const payloads = this.#all ? [LOOK_AT_ALL] : payloadsOf(this.#waiting.values());
      this.#waiting = new Map();
      this.#all = false;
      try {
        await this.#send(payloads);
      } catch {
        // The poll of whoever watches finds what changed.
      }
      if (!this.#stopped) await new Promise<void>((resolve) => setTimeout(resolve, DISTANCE_MS).unref());
    }
    this.#busy = undefined;
  }
}
