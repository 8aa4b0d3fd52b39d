/** Decides who goes on next: every message to the store, and every answer, waits for its turn. */
import type { RecordStore } from "holdpoint";

interface Waiting {
  readonly actor: Actor;
  readonly goOn: () => void;
}

/** Whoever does something. One that is dead gets no turn any more: what it has sent may or may not have arrived. */
export class Actor {
  readonly name: string;
  #turnsLeft: number;

  /** @param turnsLeft - after how many turns it dies */
  constructor(name: string, turnsLeft: number = Number.POSITIVE_INFINITY) {
    this.name = name;
    this.#turnsLeft = turnsLeft;
  }

  get isDead(): boolean {
    return this.#turnsLeft <= 0;
  }

  use(): void {
    this.#turnsLeft -= 1;
  }

  die(): void {
    this.#turnsLeft = 0;
  }
}

export class Turns {
  readonly #waiting: Waiting[] = [];

  step(actor: Actor): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ actor, goOn: resolve });
    });
  }

  /** Gives turns until nobody waits any more; `pick` says which of so many. */
  async run(pick: (count: number) => number): Promise<void> {
    for (;;) {
      // Everything that needs no turn happens now.
      await new Promise((resolve) => setImmediate(resolve));
      const alive = this.#waiting.filter(({ actor }) => !actor.isDead);
      const next = alive[pick(alive.length) % Math.max(1, alive.length)];
      if (!next) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.actor.use();
      next.goOn();
    }
  }

  /** The store as this actor reaches it: a turn before each message arrives, and one before its answer does. */
  storeOf(actor: Actor, store: RecordStore): RecordStore {
    return new Proxy(store, {
      get: (target, name) => {
        const own: unknown = Reflect.get(target, name, target);
        if (typeof own !== "function") return own;
        return async (...args: unknown[]): Promise<unknown> => {
          await this.step(actor);
          const result: unknown = await Reflect.apply(own, target, args);
          await this.step(actor);
          return result;
        };
      },
    });
  }
}
