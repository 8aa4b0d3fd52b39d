/** What was written within somebody's transaction, until those who wait for it can be told. */
import type { ChangeHint } from "./record-store.ts";

export class TransactionHints {
  readonly #announce: (hints: readonly ChangeHint[]) => void;
  /** The last of each record. */
  #hints = new Map<string, ChangeHint>();

  constructor(announce: (hints: readonly ChangeHint[]) => void) {
    this.#announce = announce;
  }

  add(hints: readonly ChangeHint[]): void {
    for (const hint of hints) this.#hints.set(hint.id, hint);
  }

  /** Once: what comes later is told the next time. */
  announce(): void {
    const hints = [...this.#hints.values()];
    this.#hints = new Map();
    this.#announce(hints);
  }
}
