/**
 * Many deadlines on one timer. A timer for each call would be made and thrown away with every call, which costs more
 * than the rest of the way through the client's code; nearly none of them ever fires.
 */
export class Deadlines {
  readonly #waiting = new Set<{ readonly at: number; readonly passed: () => void }>();
  #timer: NodeJS.Timeout | undefined;
  /** When the timer fires, by `performance.now()`. */
  #firesAt = Number.POSITIVE_INFINITY;

  /**
   * @param at - by `performance.now()`
   * @returns ends the wait; to be called once
   */
  add(at: number, passed: () => void): () => void {
    const entry = { at, passed };
    this.#waiting.add(entry);
    if (at < this.#firesAt) this.#arm(at);
    // The process stays alive while somebody waits, and only then.
    else if (this.#waiting.size === 1) this.#timer?.ref();
    return () => {
      this.#waiting.delete(entry);
      if (this.#waiting.size === 0) this.#timer?.unref();
    };
  }

  #arm(at: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(() => this.#fire(), Math.max(1, at - performance.now()));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#firesAt = Number.POSITIVE_INFINITY;
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const entry of this.#waiting) {
      if (entry.at > now) next = Math.min(next, entry.at);
      else {
        this.#waiting.delete(entry);
        entry.passed();
      }
    }
    if (next < Number.POSITIVE_INFINITY) this.#arm(next);
  }
}
