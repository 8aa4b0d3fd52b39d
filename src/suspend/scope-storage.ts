import { AsyncLocalStorage } from "node:async_hooks";

/** How Node 20 and 22 carry a storage's value along, by async hooks; Node 24 has another way, and calls none of this. */
interface Hooked {
  readonly kResourceStore?: symbol;
}
type Resource = Record<symbol, unknown>;
type Propagate = (this: unknown, resource: Resource, trigger: Resource, type: string) => void;

const { _propagate: propagate } = AsyncLocalStorage.prototype as { _propagate?: Propagate };

/**
 * An `AsyncLocalStorage` that costs nothing outside of what it runs. Node's own writes each storage's value to each
 * promise of the process, also `undefined`: beside LangGraph's storage that is one property more than a promise has
 * room for, 60 bytes for each of the 1400 promises of a round. Nothing is written here where nothing would change.
 */
export class ScopeStorage<T> extends AsyncLocalStorage<T> {
  protected _propagate(resource: Resource, trigger: Resource, type: string): void {
    const key = (this as Hooked).kResourceStore;
    if (key !== undefined && trigger[key] === undefined && resource[key] === undefined) return;
    propagate?.call(this, resource, trigger, type);
  }
}
