/** A store behind a network: each operation takes a turn of the event loop there, and one back. */
import type { RecordStore } from "holdpoint";

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));

export function slowStore(store: RecordStore): RecordStore {
  return new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        await turn();
        const result: unknown = await Reflect.apply(own, target, args);
        await turn();
        return result;
      };
    },
  });
}
