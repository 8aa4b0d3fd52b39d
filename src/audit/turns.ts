/** One after the other on each record: who follows knows what his predecessor wrote, instead of losing to it. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier work on any of these ids has ended. What nobody waits for begins at once. */
  run<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = [...new Set(ids.map((id) => this.#last.get(id)))].filter((one) => one !== undefined);
    const done = before.length === 0 ? work() : Promise.all(before).then(work);
    const settled = done.then(
      () => undefined,
      () => undefined,
    );
    for (const id of ids) this.#last.set(id, settled);
    void settled.then(() => {
      for (const id of ids) if (this.#last.get(id) === settled) this.#last.delete(id);
    });
    return done;
  }
}
