/**
 * What a claim on a record writes (P9), whatever the record is: the engine's calls and the ledger's effects. Taken by
 * compare-and-set, kept by signs of life, written under the fence, given back with the outcome.
 */
import type {
  Guard,
  LeaseRequest,
  NewEvent,
  Patch,
  RecordStore,
  StoredRecord,
  UpdateOp,
} from "./record-store.ts";

/** Takes a record that nobody holds, as it was read. */
export function takeOp(
  { id, status, version }: Pick<StoredRecord, "id" | "status" | "version">,
  lease: LeaseRequest,
  patch: Patch,
  event: NewEvent,
): UpdateOp {
  const guard: Guard = { status: [status], lease: "free", version };
  return { op: "update", id, guard, patch: { ...patch, lease }, event };
}

/** Writes what only the holder may write: with the fence that he got, while his lease lasts. */
export function heldOp(
  { id, fence }: Pick<StoredRecord, "id" | "fence">,
  patch: Patch,
  event?: NewEvent,
  statuses?: readonly string[],
): UpdateOp {
  const guard: Guard = statuses ? { fence, status: statuses } : { fence };
  return { op: "update", id, optional: true, guard, patch, ...(event ? { event } : {}) };
}

export function renewOp(held: Pick<StoredRecord, "id" | "fence">, renewMs: number): UpdateOp {
  return heldOp(held, { lease: { renewMs } });
}

/** The holder's lease has run out in the middle of the work: nobody knows how far it came. The store's clock decides. */
export function doubtOp(
  { id, version }: Pick<StoredRecord, "id" | "version">,
  statuses: readonly string[],
): UpdateOp {
  return {
    op: "update",
    id,
    optional: true,
    guard: { status: statuses, lease: "free", version },
    patch: { status: "in_doubt", lease: "release" },
    event: { type: "in_doubt", reason: "the holder's lease ran out" },
  };
}

/** False while the lease is surely alive by `now`, a clock of ours: that saves asking the store. */
export function mayHaveRunOut({ lease }: Pick<StoredRecord, "lease">, now: number): boolean {
  return lease === null || lease.expires_at <= now;
}

/** Renews a lease for as long as its holder is at work. Its timer does not keep the process alive. */
export class Heartbeat {
  readonly #store: RecordStore;
  readonly #held: Pick<StoredRecord, "id" | "fence">;
  readonly #leaseMs: number;
  readonly #onLost: (() => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  /** Until when the lease surely lasts, by `performance.now()`. */
  #until: number;

  /**
   * @param onLost - called once, if the lease was taken, or cannot have been renewed in time; never for a renewal that only
   * failed: the next one, or the guarded write of the outcome, decides
   */
  constructor(
    store: RecordStore,
    held: Pick<StoredRecord, "id" | "fence">,
    leaseMs: number,
    onLost?: () => void,
  ) {
    this.#store = store;
    this.#held = held;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.#until = performance.now() + leaseMs;
    this.#timer = setInterval(() => void this.#beat(), leaseMs / 3);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #beat(): Promise<void> {
    const sent = performance.now();
    try {
      const { results } = await this.#store.commit([renewOp(this.#held, this.#leaseMs)]);
      if (results[0]?.status === "updated") this.#until = sent + this.#leaseMs;
      else this.#until = sent;
    } catch {
      // The store is away: the lease lasts as long as it was last renewed for.
    }
    if (this.#onLost === undefined || performance.now() < this.#until) return;
    this.stop();
    this.#onLost();
  }
}
