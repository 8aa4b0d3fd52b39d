/** The claims that one ledger has taken by hand, until it commits them: who has not begun a call, does not end it. */

/** More than one process runs by hand at a time; what is forgotten can still be committed with its fence. */
const MAX_HELD = 10_000;

export class HeldEffects {
  readonly #fences = new Map<string, number>();

  add(id: string, fence: number): void {
    this.#fences.delete(id);
    if (this.#fences.size >= MAX_HELD) this.#fences.delete(this.#fences.keys().next().value as string);
    this.#fences.set(id, fence);
  }

  fenceOf(id: string): number | undefined {
    return this.#fences.get(id);
  }

  drop(id: string): void {
    this.#fences.delete(id);
  }
}
