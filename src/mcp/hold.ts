/**
 * Whose a waiting call is. A request that waits, or a client that has a reference, holds the call: an equal call without
 * the reference is another one. A call that nobody holds is found by its caller, tool and arguments, and goes on.
 *
 * The hold is a lease on the waiting call's record. A call that was left says so by an index key, since it is to be found at
 * once; one without a lease that was not left was recorded a moment ago, or its process died.
 */
import { Heartbeat, mayHaveRunOut } from "../backends/lease-claim.ts";
import type { Guard, Patch, StoredRecord, UpdateOp } from "../backends/record-store.ts";
import type { StoreHITLBackend } from "../backends/store-backend.ts";
import { defaultLeaseOwner } from "../core/ids.ts";
import { CALL_KIND } from "../suspend/call-record.ts";
import type { CallStatus } from "../core/states.ts";
import type { Intent } from "./caller.ts";

const WAITING: readonly CallStatus[] = ["suspended", "in_doubt"];
const OPEN: readonly CallStatus[] = [...WAITING, "running"];
/** Set while nobody holds a waiting call. */
const LEFT = "checkpoint";
/** More equal calls of one caller that wait at once are not looked at. */
const MAX_OPEN = 50;

export class Hold {
  readonly #backend: StoreHITLBackend;
  readonly #call_id: string;
  #held: StoredRecord | null;
  #heartbeat: Heartbeat | undefined;

  constructor(backend: StoreHITLBackend, call_id: string, held: StoredRecord | null = null) {
    this.#backend = backend;
    this.#call_id = call_id;
    this.#held = held;
  }

  /** While the request waits, which renews it; or for as long as a reference is good. */
  async take(durationMs: number, isRenewed: boolean): Promise<void> {
    this.#held ??= await this.#update({ status: WAITING, lease: "free" }, takePatch(durationMs));
    if (isRenewed && this.#held)
      this.#heartbeat ??= new Heartbeat(this.#backend.store, this.#held, durationMs);
  }

  /**
   * Before the call goes on: whoever runs it needs the lease.
   *
   * @param found - the call as it was read, whoever holds it: who has its reference may take it from him
   */
  async giveBack(found?: StoredRecord | null): Promise<void> {
    this.#stop();
    const held = this.#held ?? found;
    this.#held = null;
    if (!held || !WAITING.includes(held.status as CallStatus)) return;
    const { lease, fence, keys } = held;
    const patch: Patch = { ...(lease ? { lease: "release" } : {}), keys: { [LEFT]: null } };
    if (lease || keys[LEFT] !== undefined)
      await this.#update({ status: WAITING, ...(lease ? { fence } : { lease: "free" }) }, patch);
  }

  /** An equal call may go on with this one from now. */
  async leave(): Promise<void> {
    this.#stop();
    const held = this.#held;
    this.#held = null;
    const guard: Guard = held ? { fence: held.fence } : { lease: "free" };
    await this.#update(
      { status: WAITING, ...guard },
      { ...(held ? { lease: "release" } : {}), keys: { [LEFT]: this.#call_id } },
    );
  }

  /** The request ends: a lease that it has renewed runs out, one for a reference lasts. */
  end(): void {
    this.#stop();
  }

  #stop(): void {
    this.#heartbeat?.stop();
    this.#heartbeat = undefined;
  }

  async #update(guard: Guard, patch: Patch): Promise<StoredRecord | null> {
    const op: UpdateOp = { op: "update", id: this.#call_id, optional: true, guard, patch };
    const [result] = (await this.#backend.store.commit([op])).results;
    return result?.status === "updated" ? result.record : null;
  }
}

function takePatch(durationMs: number): Patch {
  return { lease: { owner: defaultLeaseOwner(), durationMs }, keys: { [LEFT]: null } };
}

/** The oldest open call with this intent that nobody holds; it is held then, unless its process died in its middle. */
export async function takeOpenCall(
  backend: StoreHITLBackend,
  { hash }: Intent,
  slot: number,
  leaseMs: number,
): Promise<{ readonly record: StoredRecord; readonly hold: Hold } | null> {
  const { store, tenant_id } = backend;
  const key = { name: "invocation", value: hash } as const;
  const query = { kind: CALL_KIND, tenant_id, statuses: OPEN, key, slot, limit: MAX_OPEN } as const;
  for (const found of (await store.page(query)).items) {
    if (!isFree(found, backend.now(), leaseMs)) continue;
    if (found.status === "running") return { record: found, hold: new Hold(backend, found.id) };
    const guard: Guard = { version: found.version, lease: "free" };
    const op: UpdateOp = { op: "update", id: found.id, optional: true, guard, patch: takePatch(leaseMs) };
    const [taken] = (await store.commit([op])).results;
    if (taken?.status === "updated" && taken.record)
      return { record: taken.record, hold: new Hold(backend, found.id, taken.record) };
  }
  return null;
}

function isFree(record: StoredRecord, now: number, leaseMs: number): boolean {
  if (record.lease !== null) return mayHaveRunOut(record, now);
  return record.keys[LEFT] !== undefined || record.updated_at + leaseMs <= now;
}
