/**
 * The claim of an answered call, taken by whoever answered in the commit that accepts the answer (P5), for the run
 * that he starts then. The run finds it in its config and goes on without another write; the fence in the store
 * decides, as with any claim (P9).
 */
import type { LeaseRequest, StoredRecord, StoreOp } from "../backends/record-store.ts";

export class HandedClaim {
  /** The call record as it was claimed. */
  readonly record: StoredRecord;
  /** The question with its answer. */
  readonly question: StoredRecord;
  readonly leaseMs: number;
  readonly #claimedAt: number;
  #taken = false;

  /** @param claimedAt - epoch ms by the caller's clock, not later than the commit */
  constructor(record: StoredRecord, question: StoredRecord, leaseMs: number, claimedAt: number) {
    this.record = record;
    this.question = question;
    this.leaseMs = leaseMs;
    this.#claimedAt = claimedAt;
  }

  /** Taken by the run of its call, which keeps it alive and gives it back from then on. */
  get taken(): boolean {
    return this.#taken;
  }

  /** Once. */
  take(): boolean {
    const first = !this.#taken;
    this.#taken = true;
    return first;
  }

  /** The lease is surely alive, and lasts until a holder with leases of `leaseMs` renews it for the first time. */
  lasts(leaseMs: number, now: number): boolean {
    return now - this.#claimedAt + leaseMs / 3 < this.leaseMs;
  }

  renewOp(renewMs: number): StoreOp {
    const { id, fence } = this.record;
    return { op: "update", id, optional: true, guard: { fence }, patch: { lease: { renewMs } } };
  }

  releaseOp(): StoreOp {
    const { id, fence } = this.record;
    const patch = { status: "suspended", lease: "release" } as const;
    return { op: "update", id, optional: true, guard: { fence }, patch, event: { type: "released" } };
  }
}

/** Takes a call that waits. */
export function claimOp(id: string, lease: LeaseRequest): StoreOp {
  return {
    op: "update",
    id,
    optional: true,
    guard: { status: ["suspended"], lease: "free" },
    patch: { status: "running", lease },
    event: { type: "claimed" },
  };
}
