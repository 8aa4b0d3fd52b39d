/** What tools have really done: a list of its own, beside whatever LangGraph or holdpoint record. */
export class Effects {
  readonly #done: string[] = [];

  /** @returns how often that has now happened */
  happened(what: string): number {
    this.#done.push(what);
    return this.times(what);
  }

  times(what: string): number {
    return this.#done.filter((one) => one === what).length;
  }

  /** In the order in which they happened. */
  get all(): string[] {
    return [...this.#done];
  }
}

/** Lets everything that is ready now run: some turns of the event loop, no time. */
export async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
