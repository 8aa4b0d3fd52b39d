/**
 * What is sent for an operation. A link is made for one version of a record, so the write that carries it is guarded by
 * that version, whatever its caller asked for; the caller must not notice.
 */
import type { Guard, InsertOp, OpResult, StoreOp, UpdateOp } from "../backends/record-store.ts";
import { linkInsert, linkUpdate, type LinkContext } from "./linking.ts";
import type { Seen, StoredHead } from "./seen.ts";

/** No record has it: a guard that always fails. */
const NEVER = -1;

export interface Plan {
  readonly op: StoreOp;
  /** The record that it is built upon; null: there was none. Absent if it is sent as it was given. */
  readonly built?: Seen | null;
  /** It is optional, and sent as if it were not: if only the version was wrong, nothing must have happened. */
  readonly forced?: true;
  /** What the record says of its chain once it is done. */
  readonly head?: StoredHead;
}

/** What is known when an update is planned. */
export interface Knowledge {
  /** Null if there is no such record. */
  readonly seen: Seen | null;
  /** The version at which the store has found that the guard does not hold. */
  readonly refuted: number | undefined;
  /** How many events the record has, if it has no head. */
  readonly eventsBefore: number;
}

/** It counts versions, or says what the head has to say as well: it has to be built upon a known record. */
export function needsRecord({ guard, patch, event }: UpdateOp): boolean {
  return (guard?.version ?? 0) > 0 || event !== undefined || changes(patch);
}

function changes(patch: UpdateOp["patch"]): boolean {
  return patch?.status !== undefined || patch?.value !== undefined || patch?.keys !== undefined;
}

/** The guard does not hold for this version of the record, at whatever time and by whomever it is asked. */
export function surelyFails(seen: Seen, guard: Guard = {}): boolean {
  const { status, version, fence } = guard;
  return (
    (status !== undefined && !status.includes(seen.raw.status)) ||
    (version !== undefined && version !== seen.version) ||
    (fence !== undefined && fence !== seen.raw.fence)
  );
}

export function planInsert(op: InsertOp, context: LinkContext): Plan {
  return linkInsert(op, context);
}

export function planUpdate(
  op: UpdateOp,
  { seen, refuted, eventsBefore }: Knowledge,
  context: LinkContext,
): Plan {
  if (seen === null || surelyFails(seen, op.guard))
    return { op: { ...op, guard: { ...op.guard, version: NEVER } }, built: seen };
  const { version } = seen.raw;
  const forced = op.optional === true && refuted !== version;
  const guarded: UpdateOp = {
    ...op,
    guard: { ...op.guard, version },
    optional: op.optional === true && !forced,
  };
  const plan = { built: seen, ...(forced ? { forced: true as const } : {}) };
  // The chain of a record that is older than the trail begins with its next event.
  if (!op.event && (seen.head === null || !changes(op.patch))) return { ...plan, op: guarded };
  const { patch, event, head } = linkUpdate(op, seen, eventsBefore, context);
  return { ...plan, op: { ...guarded, patch, ...(event ? { event } : {}) }, head };
}

/**
 * What a refused operation says of the plan: `stale`: it was built upon another version than there is. `refuted`: an
 * optional one whose own guard did not hold. `final`: its caller would have been told the same.
 */
export function verdictOn(
  { built, forced }: Plan,
  { status, record }: OpResult,
): "stale" | "refuted" | "final" {
  if (built === undefined) return "final";
  if (status === "stale") {
    if (record && record.version !== built?.raw.version) return "stale";
    return forced ? "refuted" : "final";
  }
  if (status === "missing" && forced) return "stale";
  return "final";
}
