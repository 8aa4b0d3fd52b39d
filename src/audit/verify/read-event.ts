/** Events, records and anchors from outside: nothing in them is believed before it has the right shape. */
import { HoldpointError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { AuditAnchor, AuditedRecord, AuditEvent } from "./format.ts";
import { PART_LIMITS } from "./redacted.ts";

/** What is not hashed must not be there: a reader would take it for a part of the trail. */
const EVENT_KEYS: ReadonlySet<string> = new Set([
  "schema_version",
  "record_id",
  "kind",
  "tenant_id",
  "seq",
  "at",
  "version",
  "status",
  "type",
  "actor",
  "reason",
  "data",
  "audit",
  "head",
]);
const LINK_KEYS: ReadonlySet<string> = new Set(["schema_version", "at", "prev", "hash", "state", "notes"]);
const HASH = /^[0-9a-f]{64}$/;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isHash = (value: unknown): value is string => typeof value === "string" && HASH.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isText = (value: unknown): value is string => typeof value === "string";
const optional = (value: unknown, fits: (value: unknown) => boolean): boolean =>
  value === undefined || fits(value);

/** What is hashed is walked recursively. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((item) => isShallow(item, levels - 1));
}

const hasOnly = (value: JsonObject, keys: ReadonlySet<string>): boolean =>
  Object.keys(value).every((key) => keys.has(key));

export function isAnchor(value: unknown): value is AuditAnchor {
  return isObject(value) && isCount(value["seq"]) && value["seq"] > 0 && isHash(value["hash"]);
}

/** @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function checkAnchor(value: unknown, name: string): AuditAnchor {
  if (isAnchor(value)) return value;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `${name} has to be { seq, hash } as a report or an export gave it.`,
    { details: { name } },
  );
}

function isLink(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { schema_version, at, prev, hash, state, notes } = value;
  return (
    schema_version === 1 &&
    hasOnly(value, LINK_KEYS) &&
    isCount(at) &&
    (prev === null || isHash(prev)) &&
    isHash(hash) &&
    isHash(state) &&
    optional(notes, isCount)
  );
}

function isHead(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { schema_version, seq, hash, value: valueHash, state, notes, redacted } = value;
  return (
    schema_version === 1 &&
    isCount(seq) &&
    (seq === 0 ? hash === null : isHash(hash)) &&
    isHash(valueHash) &&
    isHash(state) &&
    optional(notes, isCount) &&
    optional(redacted, (flag) => flag === true)
  );
}

/** The event, or null if it cannot be one. */
export function readEvent(value: unknown): AuditEvent | null {
  if (!isObject(value) || !isShallow(value, PART_LIMITS.maxDepth)) return null;
  const { schema_version, seq, at, version, actor, reason, data, audit, head } = value;
  const { record_id, kind, tenant_id, status, type } = value;
  const fits =
    schema_version === 1 &&
    hasOnly(value, EVENT_KEYS) &&
    [record_id, kind, tenant_id, status, type].every(isText) &&
    isCount(seq) &&
    seq > 0 &&
    Number.isFinite(at) &&
    isCount(version) &&
    optional(actor, isObject) &&
    optional(reason, isText) &&
    optional(data, isObject) &&
    optional(audit, isLink) &&
    optional(head, isAnchor);
  return fits ? (value as unknown as AuditEvent) : null;
}

/** The record, or null if it cannot be one. */
export function readRecord(value: unknown): AuditedRecord | null {
  if (!isObject(value)) return null;
  const { id, kind, tenant_id, status, version, keys, head, value: valueHash } = value;
  const fits =
    [id, kind, tenant_id, status].every(isText) &&
    isCount(version) &&
    isObject(keys) &&
    Object.values(keys).every(isText) &&
    (head === null || isHead(head)) &&
    (valueHash === null || isHash(valueHash));
  return fits ? (value as unknown as AuditedRecord) : null;
}
