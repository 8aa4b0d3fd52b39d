/**
 * The rules of `RecordStore` as pure functions: guard, patch, due time, cursors, and the check of a request.
 * Stores that compute in the process share them; the Redis scripts follow them line by line.
 */
import { HoldpointError } from "../core/errors.ts";
import { isOwnId, SLOT_COUNT, slotOfId } from "../core/ids.ts";
import type { Envelope } from "./held.ts";
import {
  type AsRead,
  DEFAULT_PAGE_LIMIT,
  type Guard,
  type InsertOp,
  KEY_NAMES,
  type KeyName,
  MAX_PAGE_LIMIT,
  type PageQuery,
  type Patch,
  type RecordKeys,
  type StoredRecord,
  type StoreOp,
} from "./record-store.ts";

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/** The slot of a commit. @throws HoldpointError `ERR_HITL_CROSS_SLOT`, `ERR_HITL_INVALID_INPUT` */
export function checkCommit(ops: readonly StoreOp[]): number {
  const first = ops[0];
  if (!first) return invalid("A commit needs at least one operation.");
  const written = new Set<string>();
  let slot = -1;
  for (const operation of ops) {
    const id = operation.op === "insert" ? operation.record.id : operation.id;
    if (!isOwnId(id))
      invalid(`${JSON.stringify(id)} is not a record id: it has to be <prefix>_<32 hex digits>.`);
    const own = slotOfId(id);
    if (slot === -1) slot = own;
    if (own !== slot) {
      throw new HoldpointError(
        "ERR_HITL_CROSS_SLOT",
        `${id} is in slot ${own}, the commit in slot ${slot}. Records change together only within one session.`,
        { details: { id } },
      );
    }
    if (operation.op === "read") continue;
    if (written.has(id)) invalid(`${id} is written twice in one commit.`);
    written.add(id);
  }
  return slot;
}

export function isLeaseFree(record: Envelope, now: number): boolean {
  return record.lease === null || record.lease.expires_at <= now;
}

export function guardHolds(record: Envelope, guard: Guard | undefined, now: number): boolean {
  if (!guard) return true;
  if (guard.status && !guard.status.includes(record.status)) return false;
  if (guard.version !== undefined && guard.version !== record.version) return false;
  if (guard.lease === "free" && !isLeaseFree(record, now)) return false;
  if (guard.fence !== undefined && (guard.fence !== record.fence || isLeaseFree(record, now))) return false;
  if (guard.touches !== undefined && guard.touches !== record.touches) return false;
  const due = record.due_at !== null && record.due_at <= now;
  if (guard.not_due && due) return false;
  if (guard.due && !due) return false;
  return true;
}

const KNOWN_KEYS: ReadonlySet<string> = new Set(KEY_NAMES);
const NO_KEYS: RecordKeys = Object.freeze({});

export function mergeKeys(keys: RecordKeys, patch: Patch["keys"]): RecordKeys {
  const merged: { [name in KeyName]?: string } = { ...keys };
  for (const name of Object.keys(patch ?? {}) as KeyName[]) {
    const value = patch?.[name];
    if (value === null) delete merged[name];
    else if (value !== undefined && KNOWN_KEYS.has(name)) merged[name] = value;
  }
  return merged;
}

export function newEnvelope({ record, lease }: InsertOp, now: number): Envelope {
  return {
    id: record.id,
    kind: record.kind,
    tenant_id: record.tenant_id,
    status: record.status,
    version: 1,
    keys: record.keys ? mergeKeys(NO_KEYS, record.keys) : NO_KEYS,
    due_at: record.due_at ?? null,
    lease: lease ? { owner: lease.owner, expires_at: now + lease.durationMs } : null,
    fence: lease ? 1 : 0,
    touches: 0,
    created_at: now,
    updated_at: now,
  };
}

/** The envelope after an update; the value of a patch is the store's business. */
export function patched(envelope: Envelope, patch: Patch | undefined, now: number): Envelope {
  const { status, keys, due_at, lease: change } = patch ?? {};
  let { lease, fence } = envelope;
  if (change === "release") lease = null;
  else if (change && "renewMs" in change) lease = lease && { ...lease, expires_at: now + change.renewMs };
  else if (change) {
    lease = { owner: change.owner, expires_at: now + change.durationMs };
    fence += 1;
  }
  return {
    id: envelope.id,
    kind: envelope.kind,
    tenant_id: envelope.tenant_id,
    status: status ?? envelope.status,
    version: envelope.version + 1,
    keys: keys ? mergeKeys(envelope.keys, keys) : envelope.keys,
    due_at:
      due_at === undefined
        ? envelope.due_at
        : typeof due_at === "object" && due_at
          ? now + due_at.inMs
          : due_at,
    lease,
    fence,
    touches: envelope.touches,
    created_at: envelope.created_at,
    updated_at: now,
  };
}

/** When `acquireDue` may hand the record out: as long as a lease lasts, its end; else `due_at`. */
export function dueTime(record: Pick<StoredRecord, "lease" | "due_at">): number | null {
  return record.lease ? record.lease.expires_at : record.due_at;
}

export interface CheckedPage extends PageQuery {
  readonly order: "oldest" | "newest";
  readonly limit: number;
  readonly after: { readonly created_at: number; readonly id: string } | null;
}

export function checkLimit(limit: number | undefined): number {
  const value = limit ?? DEFAULT_PAGE_LIMIT;
  if (!Number.isInteger(value) || value < 1 || value > MAX_PAGE_LIMIT) {
    return invalid(`limit is ${value}; it has to be a whole number from 1 to ${MAX_PAGE_LIMIT}.`);
  }
  return value;
}

export function checkPage(query: PageQuery): CheckedPage {
  if (query.statuses.length === 0) invalid("A page needs at least one status.");
  const { slot } = query;
  if (slot !== undefined && !(Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT))
    invalid(`There is no slot ${slot}.`);
  if (query.key && !KEY_NAMES.includes(query.key.name)) invalid(`There is no index by ${query.key.name}.`);
  return {
    ...query,
    order: query.order ?? "oldest",
    limit: checkLimit(query.limit),
    after: query.cursor === undefined ? null : decodeCursor(query.cursor),
  };
}

/** What `remove` was given, each id once. @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkRemoval(records: readonly AsRead[]): readonly AsRead[] {
  if (records.length > MAX_PAGE_LIMIT)
    invalid(`${records.length} records cannot be removed at once; the most is ${MAX_PAGE_LIMIT}.`);
  for (const { id, version, created_at } of records) {
    if (!isOwnId(id))
      invalid(`${JSON.stringify(id)} is not a record id: it has to be <prefix>_<32 hex digits>.`);
    if (!Number.isSafeInteger(version) || !Number.isFinite(created_at))
      invalid(`version and created_at of ${id} have to be numbers, as they were read.`);
  }
  return [...new Map(records.map((record) => [record.id, record])).values()];
}

/** Nothing has changed in the record since it was read. */
export function isAsRead(record: Envelope | undefined, { version, created_at }: AsRead): boolean {
  return record?.version === version && record.created_at === created_at;
}

const CURSOR = /^([0-9]{1,16})\.([a-z]+_[0-9a-f]{32})$/;

export function encodeCursor(record: Pick<StoredRecord, "created_at" | "id">): string {
  return Buffer.from(`${record.created_at}.${record.id}`).toString("base64url");
}

function badCursor(): never {
  throw new HoldpointError(
    "ERR_HITL_CURSOR",
    "The cursor is not one that a page has returned. Pass next_cursor back unchanged, or leave it out.",
  );
}

export function decodeCursor(cursor: string): { created_at: number; id: string } {
  const match = cursor.length > 128 ? null : CURSOR.exec(Buffer.from(cursor, "base64url").toString("utf8"));
  if (!match?.[1] || !match[2]) return badCursor();
  return { created_at: Number(match[1]), id: match[2] };
}

export function decodeSeqCursor(cursor: string | undefined): number {
  if (cursor === undefined) return 0;
  return /^[0-9]{1,15}$/.test(cursor) ? Number(cursor) : badCursor();
}

/** Ascending by time of creation, then by id. */
export function compareCreated(
  a: Pick<StoredRecord, "created_at" | "id">,
  b: Pick<StoredRecord, "created_at" | "id">,
): number {
  return a.created_at - b.created_at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
