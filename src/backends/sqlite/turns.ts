/**
 * Whose turn it is to write, among the connections of this process: SQLite has one write lock, and whoever waits for it in
 * a driver blocks the event loop, which its holder may need in order to end. First come, first served.
 */
export interface Turn {
  end(): void;
}

interface Waiting {
  readonly begin: (turn: Turn) => void;
  readonly refuse: (error: unknown) => void;
}

export class Turns {
  #taken = false;
  #closed: { readonly error: unknown } | null = null;
  readonly #waiting: Set<Waiting> = new Set();

  /** Nobody has the turn, and nobody waits for it. */
  get free(): boolean {
    return !this.#taken;
  }

  /**
   * @param untilMs - by `performance.now()`
   * @throws what `late` makes, when the time is over; what {@link close} was given
   */
  take(untilMs: number, late: () => unknown): Promise<Turn> {
    if (this.#closed) return Promise.reject(this.#closed.error);
    if (!this.#taken) return Promise.resolve(this.#begin());
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: (turn) => {
          clearTimeout(timer);
          resolve(turn);
        },
        refuse: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      const timer = setTimeout(
        () => {
          this.#waiting.delete(waiting);
          reject(late());
        },
        Math.max(0, untilMs - performance.now()),
      );
      this.#waiting.add(waiting);
    });
  }

  /** Ends the waiting of all, now and later; who has the turn keeps it. */
  close(error: unknown): void {
    this.#closed = { error };
    for (const { refuse } of this.#waiting) refuse(error);
    this.#waiting.clear();
  }

  #begin(): Turn {
    this.#taken = true;
    let ended = false;
    return {
      end: () => {
        if (ended) return;
        ended = true;
        this.#next();
      },
    };
  }

  #next(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#taken = false;
      return;
    }
    this.#waiting.delete(next);
    next.begin(this.#begin());
  }
}
