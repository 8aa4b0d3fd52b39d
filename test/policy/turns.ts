/** A store whose operations wait before they begin: for turns of the event loop, or until a test says so. */
import { type HITLBackend, type RecordStore, StoreHITLBackend } from "holdpoint";
import type { Clock } from "../../src/core/clock.ts";

export function waiting(
  backend: HITLBackend,
  clock: Clock,
  before: (operation: string) => Promise<void>,
): HITLBackend {
  const store = new Proxy(backend.store, {
    get(target: RecordStore, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== "function") return own;
      return async (...args: unknown[]): Promise<unknown> => {
        await before(String(name));
        return Reflect.apply(own, target, args);
      };
    },
  });
  return new StoreHITLBackend(store, { clock, retention: { sweepEveryMs: 0 } }).forTenant(backend.tenant_id);
}

/** Waits for as many turns as the list says, from one operation to the next. */
export function turnsOf(counts: readonly number[]): () => Promise<void> {
  let next = 0;
  return async () => {
    const turns = counts[next % counts.length] ?? 0;
    next += 1;
    for (let n = 0; n < turns; n += 1) await new Promise((resolve) => void setImmediate(resolve));
  };
}
