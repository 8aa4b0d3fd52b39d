/** From operations to parameters, in the order that the statements in `queries/` name. */
import { HoldpointError } from "../../core/errors.ts";
import { slotOfId } from "../../core/ids.ts";
import {
  type Guard,
  type InsertOp,
  KEY_NAMES,
  type NewEvent,
  type Patch,
  type RecordKeys,
  type StoreOp,
  type UpdateOp,
} from "../record-store.ts";
import { escapeText, guardNumber, wholeMs } from "./names.ts";

/** Of an index entry, which may have 2704: the rest is for the id, the time and the slot. */
const MAX_INDEXED_BYTES = 2560;

function assertIndexable(
  kind: string,
  tenant: string,
  status: string,
  keys: readonly (string | null)[],
): void {
  let longest = "";
  for (const key of keys) if (key !== null && key.length > longest.length) longest = key;
  const units = kind.length + tenant.length + status.length + longest.length;
  // A text has at most three bytes for each of its units.
  if (units * 3 <= MAX_INDEXED_BYTES) return;
  let bytes = 0;
  for (const key of keys) if (key !== null) bytes = Math.max(bytes, Buffer.byteLength(key));
  for (const text of [kind, tenant, status]) bytes += Buffer.byteLength(text);
  if (bytes > MAX_INDEXED_BYTES) {
    throw new HoldpointError(
      "ERR_HITL_TOO_LARGE",
      `Kind, tenant, status and the longest key have ${bytes} bytes together; PostgreSQL can index ${MAX_INDEXED_BYTES}.`,
      { details: { bytes, max: MAX_INDEXED_BYTES } },
    );
  }
}

function keysOf(keys: RecordKeys = {}): (string | null)[] {
  return KEY_NAMES.map((name) => {
    const key = keys[name];
    return key === undefined ? null : escapeText(key);
  });
}

interface KeyChanges {
  /** Bit n says that the key n changes. */
  readonly mask: number;
  readonly keys: readonly (string | null)[];
}
const NO_KEYS: readonly null[] = KEY_NAMES.map(() => null);
const NO_CHANGES: KeyChanges = { mask: 0, keys: NO_KEYS };

function keyChangesOf(patch: Patch["keys"]): KeyChanges {
  if (!patch) return NO_CHANGES;
  let mask = 0;
  const keys = KEY_NAMES.map((name, n) => {
    const key = patch[name];
    if (key === undefined) return null;
    mask |= 1 << n;
    return key === null ? null : escapeText(key);
  });
  return { mask, keys };
}

interface DueChange {
  readonly change: 0 | 1 | 2;
  readonly due: number | null;
}

function dueChangeOf(due: Patch["due_at"]): DueChange {
  if (due === undefined) return { change: 0, due: null };
  if (due === null) return { change: 1, due: null };
  if (typeof due === "number") return { change: 1, due: wholeMs(due, "due_at") };
  return { change: 2, due: wholeMs(due.inMs, "inMs") };
}

interface LeaseChange {
  readonly change: 0 | 1 | 2 | 3;
  readonly owner: string | null;
  readonly ms: number | null;
}

function leaseChangeOf(lease: Patch["lease"]): LeaseChange {
  if (lease === undefined) return { change: 0, owner: null, ms: null };
  if (lease === "release") return { change: 3, owner: null, ms: null };
  if ("renewMs" in lease) return { change: 2, owner: null, ms: wholeMs(lease.renewMs, "renewMs") };
  return { change: 1, owner: escapeText(lease.owner), ms: wholeMs(lease.durationMs, "durationMs") };
}

interface EncodedEvent {
  readonly type: string | null;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly data: string | null;
}
const NO_EVENT: EncodedEvent = { type: null, actor: null, reason: null, data: null };

export function encodeEvent(event: NewEvent | undefined): EncodedEvent {
  if (!event) return NO_EVENT;
  const { type, actor, reason, data } = event;
  return {
    type: escapeText(type),
    actor: actor === undefined ? null : JSON.stringify(actor),
    reason: reason === undefined ? null : escapeText(reason),
    data: data === undefined ? null : JSON.stringify(data),
  };
}

export function insertFields({ record, lease }: InsertOp) {
  const kind = escapeText(record.kind);
  const tenant = escapeText(record.tenant_id);
  const status = escapeText(record.status);
  const keys = keysOf(record.keys);
  assertIndexable(kind, tenant, status, keys);
  const due = record.due_at;
  return {
    kind,
    tenant,
    slot: slotOfId(record.id),
    status,
    due: due === undefined || due === null ? null : wholeMs(due, "due_at"),
    owner: lease ? escapeText(lease.owner) : null,
    ms: lease ? wholeMs(lease.durationMs, "durationMs") : null,
    keys,
    value: JSON.stringify(record.value),
  };
}

export function updateFields({ guard = {}, patch = {} }: UpdateOp) {
  const { mask, keys } = keyChangesOf(patch.keys);
  const status = patch.status === undefined ? null : escapeText(patch.status);
  // The kind and the tenant are not known here: PostgreSQL itself refuses what is too long together with them.
  assertIndexable("", "", status ?? "", keys);
  const { change: dueChange, due } = dueChangeOf(patch.due_at);
  const { change: leaseChange, owner, ms } = leaseChangeOf(patch.lease);
  return {
    guard: guardFields(guard),
    status,
    dueChange,
    due,
    leaseChange,
    owner,
    ms,
    mask,
    keys,
    value: patch.value === undefined ? null : JSON.stringify(patch.value),
  };
}

function guardFields({ status, version, lease, fence, touches, not_due, due }: Guard) {
  return {
    statuses: status ? status.map(escapeText) : null,
    version: guardNumber(version),
    fence: guardNumber(fence),
    touches: guardNumber(touches),
    free: lease === "free",
    not_due: not_due === true,
    is_due: due === true,
  };
}

export interface EncodedOps {
  readonly json: string;
  /** Values, actors and data of events; the operations name them by their position, from 1. */
  readonly texts: readonly string[];
  /** The JSON of the values, by operation: what was sent need not come back. */
  readonly values: readonly (string | null)[];
}

/** For commit-ops: the items are of the type `op` of the schema. */
export function encodeOps(ops: readonly StoreOp[]): EncodedOps {
  const texts: string[] = [];
  const values: (string | null)[] = [];
  const place = (text: string | null): number | undefined => (text === null ? undefined : texts.push(text));
  const items = ops.map((operation, index) => {
    const n = index + 1;
    if (operation.op === "read") {
      values.push(null);
      return { n, op: "r", id: operation.id };
    }
    const event = encodeEvent(operation.event);
    const eventItem =
      event.type === null
        ? {}
        : { type: event.type, actor: place(event.actor), reason: event.reason, data: place(event.data) };
    if (operation.op === "insert") {
      const { keys, value, due, owner, ms, ...fields } = insertFields(operation);
      values.push(value);
      return {
        n,
        op: "i",
        id: operation.record.id,
        kind: fields.kind,
        tenant_id: fields.tenant,
        slot: fields.slot,
        status: fields.status,
        must: operation.if_exists === "abort",
        touch: operation.touch === true,
        ...(due === null ? {} : { due }),
        ...(ms === null ? {} : { owner, ms }),
        ...keyItems(keys),
        v: place(value),
        ...eventItem,
      };
    }
    const { guard, keys, value, dueChange, leaseChange, ...fields } = updateFields(operation);
    values.push(value);
    const { statuses, version, fence, touches, free, not_due, is_due } = guard;
    return {
      n,
      op: "u",
      id: operation.id,
      must: operation.optional !== true,
      touch: operation.touch === true,
      ...(statuses && { statuses }),
      ...(version !== null && { version }),
      ...(fence !== null && { fence }),
      ...(touches !== null && { touches }),
      ...(free && { free }),
      ...(not_due && { not_due }),
      ...(is_due && { is_due }),
      status: fields.status,
      due_change: dueChange,
      due: fields.due,
      lease_change: leaseChange,
      owner: fields.owner,
      ms: fields.ms,
      mask: fields.mask,
      ...keyItems(keys),
      v: place(value),
      ...eventItem,
    };
  });
  return { json: JSON.stringify(items), texts, values };
}

function keyItems(keys: readonly (string | null)[]): Record<string, string> {
  const items: Record<string, string> = {};
  for (const [n, key] of keys.entries()) if (key !== null) items[`k${n}`] = key;
  return items;
}
