import type { TransactionBackend } from "./hitl-backend.ts";
import type { RecordStore } from "./record-store.ts";
import { type StoreBackendOptions, StoreHITLBackend } from "./store-backend.ts";

/** What a view of a transaction is besides a store. */
interface Announcing {
  announce(): void;
}

/** A backend over a view of somebody's transaction. */
export class TransactionHITLBackend extends StoreHITLBackend implements TransactionBackend {
  readonly #view: Announcing;

  /** @internal */
  constructor(view: RecordStore & Announcing, options: StoreBackendOptions) {
    // A sweep would come when the transaction is over, on a connection that is somebody else's by then.
    super(view, { ...options, retention: { ...options.retention, sweepEveryMs: 0 } });
    this.#view = view;
  }

  /** To be called after the transaction was committed: those who wait for its records hear of it at once. */
  announce(): void {
    this.#view.announce();
  }
}
