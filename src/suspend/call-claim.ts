/**
 * The right to run a tool call (P9): taken by compare-and-set, kept by signs of life, given back with the
 * outcome. Whoever holds it has the newest fencing token.
 */
import { doubtOp, Heartbeat, heldOp, mayHaveRunOut, takeOp } from "../backends/lease-claim.ts";
import type { LeaseRequest, OpResult, Patch, StoredRecord, StoreOp } from "../backends/record-store.ts";
import { CALL_TRANSITIONS, statusesBefore } from "../core/states.ts";
import { type CallIdentity, type CallValue, callJson, insertCall } from "./call-record.ts";
import { leaseLost } from "./errors.ts";
import { pauseInserts, takenUpOp } from "./supersede.ts";
import type { ToolStep } from "./tool-step.ts";

export class CallClaim {
  readonly #step: ToolStep;
  readonly #call: CallIdentity;
  /** As it was when the claim was taken; null without a claim. */
  record: StoredRecord | null = null;
  #heartbeat: Heartbeat | undefined;
  #starting: Promise<boolean> | null = null;

  constructor(step: ToolStep, call: CallIdentity) {
    this.#step = step;
    this.#call = call;
  }

  get fence(): number {
    return this.record?.fence ?? 0;
  }

  /** The insert that starts an unrecorded call for this execution alone. */
  insert(value: CallValue): StoreOp & { op: "insert" } {
    return insertCall(this.#step.place, this.#call.id, "running", value, this.#lease());
  }

  /** Starts a call that nobody has recorded; false if somebody has. */
  async start(value: CallValue): Promise<boolean> {
    const { place } = this.#step;
    // The pause too: if this process dies before anybody asks, the thread is found to be stranded.
    const result = await this.#commit(
      { ...this.insert(value), if_exists: "keep" },
      pauseInserts(place.backend, place, place.root_checkpoint_id),
    );
    if (result.status === "inserted") this.record = result.record;
    return result.status === "inserted";
  }

  /** As {@link start}, for steps that begin side by side: one of them starts the call for all. */
  async startOnce(value: CallValue): Promise<boolean> {
    if (this.record) return true;
    this.#starting ??= this.start(value).finally(() => {
      this.#starting = null;
    });
    return (await this.#starting) || this.record !== null;
  }

  /** The start that is under way. */
  get starting(): Promise<unknown> | null {
    return this.#starting;
  }

  /** Takes a recorded call that waits; false if somebody else was quicker. */
  async take(stored: StoredRecord): Promise<boolean> {
    return this.#taken(stored, { status: "running" }, "claimed", []);
  }

  /**
   * Takes a call that was in doubt and is to run again. The decision is used up with it: the next doubt is a
   * new question.
   */
  async takeAgain(stored: StoredRecord, value: CallValue): Promise<boolean> {
    const { doubt } = value;
    const decided = doubt === null ? undefined : this.#step.questions.get(doubt);
    const patch: Patch = { status: "running", value: callJson({ ...value, doubt: null }) };
    return this.#taken(
      stored,
      patch,
      "run_again",
      decided ? [takenUpOp(this.#step.place.backend, decided)] : [],
    );
  }

  async #taken(
    stored: StoredRecord,
    patch: Patch,
    type: string,
    beside: readonly StoreOp[],
  ): Promise<boolean> {
    const op = takeOp(stored, this.#lease(), patch, { type });
    const { results } = await this.#step.place.backend.store.commit([op, ...beside]);
    for (const { record } of results) this.#step.note(record);
    const result = results[0] as OpResult;
    if (result.status === "updated") this.record = result.record;
    return result.status === "updated";
  }

  /** Gives the call back untouched, or with what it has to remember. */
  async release(value?: CallValue): Promise<void> {
    if (!this.record) return;
    const patch: Patch = {
      status: "suspended",
      lease: "release",
      ...(value ? { value: callJson(value) } : {}),
    };
    await this.#commit(heldOp(this.record, patch, { type: "released" }));
    this.drop();
  }

  /** Writes what the call has to remember while it runs. @throws HoldpointError `ERR_HITL_LEASE_LOST` */
  async save(value: CallValue): Promise<void> {
    const result = this.record ? await this.#commit(heldOp(this.record, { value: callJson(value) })) : null;
    if (result?.status !== "updated") throw leaseLost(this.#call);
  }

  /**
   * True if the holder's lease has run out: the call is in doubt now. False while it is at work. The store's
   * clock decides; ours only saves the question while the lease is surely alive.
   */
  async markInDoubt(stored: StoredRecord): Promise<boolean> {
    if (!mayHaveRunOut(stored, this.#step.now())) return false;
    const result = await this.#commit(doubtOp(stored, statusesBefore(CALL_TRANSITIONS, "in_doubt")));
    return result.status === "updated" || result.record?.status !== "running";
  }

  /** Renews the lease for as long as the body runs. Timers do not keep the process alive. */
  beat(): void {
    if (this.#heartbeat || !this.record) return;
    this.#heartbeat = new Heartbeat(this.#step.place.backend.store, this.record, this.#step.leaseMs);
  }

  stopBeat(): void {
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
  }

  /** The claim ended with a write of the call's own. */
  drop(): void {
    this.record = null;
    this.stopBeat();
  }

  #lease(): LeaseRequest {
    return { owner: this.#step.leaseOwner(), durationMs: this.#step.leaseMs };
  }

  async #commit(op: StoreOp, beside: readonly StoreOp[] = []): Promise<OpResult> {
    const { results } = await this.#step.place.backend.store.commit([op, ...beside]);
    const result = results[0] as OpResult;
    this.#step.note(result.record);
    return result;
  }
}
