/**
 * The links of the trail, to the byte (PROTOCOL.md, "Audit"): what is hashed, in what order it is linked. The store's
 * side and the verifier both build it here, so that they cannot differ.
 */
import type { JsonObject, JsonValue } from "../../core/json.ts";

export const AUDIT_SCHEMA_VERSION = 1;
/** Reserved in the data of events and in values of records: links and heads are there. */
export const AUDIT_NAME = "audit";

/** What ties an event to the one before it. Hashes are SHA-256 in 64 hex digits. */
export interface AuditLink {
  readonly schema_version: 1;
  /** Epoch ms by the clock of the process that wrote it; the event's own `at` is the store's, and not hashed. */
  readonly at: number;
  /** The hash of the event before it; null for the first one of the chain. */
  readonly prev: string | null;
  readonly hash: string;
  /** The hash of the record's status, keys and value after it. */
  readonly state: string;
  /** How many events were appended to the record so far; absent for none. */
  readonly notes?: number;
}

/** One event of a trail, and one line of an export. */
export interface AuditEvent {
  readonly schema_version: 1;
  readonly record_id: string;
  readonly kind: string;
  readonly tenant_id: string;
  /** Its place in the record's history, from 1. */
  readonly seq: number;
  /** Epoch ms by the store's clock. */
  readonly at: number;
  /** The record's version and status after it. */
  readonly version: number;
  readonly status: string;
  readonly type: string;
  /** As PROTOCOL.md §2: `{ id, role?, name?, meta? }`. */
  readonly actor?: JsonObject;
  readonly reason?: string;
  /** In its redacted form. */
  readonly data?: JsonObject;
  /** Absent for an event that was written while the store was not audited. */
  readonly audit?: AuditLink;
  /** In an export, on the last event of a record: the record's head when it was read. */
  readonly head?: AuditAnchor;
}

/** The place of an event in a chain, to be kept elsewhere: it proves later that nothing up to it was changed. */
export interface AuditAnchor {
  readonly seq: number;
  readonly hash: string;
}

/** What the record says of its chain. */
export interface AuditHead {
  readonly schema_version: 1;
  /** Of the last linked event; 0 and null while there is none. */
  readonly seq: number;
  readonly hash: string | null;
  /** The hash of the value, in its redacted form. */
  readonly value: string;
  /** As {@link AuditLink.state}, now: it moves without an event where a value changes without one. */
  readonly state: string;
  readonly notes?: number;
  /** The value is hashed in a redacted form. */
  readonly redacted?: true;
}

/** A record as far as the trail proves it; the value itself stays where it is. */
export interface AuditedRecord {
  readonly id: string;
  readonly kind: string;
  readonly tenant_id: string;
  readonly status: string;
  readonly version: number;
  readonly keys: JsonObject;
  /** Null for a record that was last written while the store was not audited. */
  readonly head: AuditHead | null;
  /** The hash of the value as it is now; null where whoever read it could not redact it as it was. */
  readonly value: string | null;
}

/** A record and its whole history. */
export interface AuditTrail {
  readonly record: AuditedRecord;
  readonly events: readonly AuditEvent[];
}

type LinkedEvent = Pick<
  AuditEvent,
  "record_id" | "kind" | "tenant_id" | "seq" | "version" | "status" | "type"
> & {
  readonly actor?: JsonObject | undefined;
  readonly reason?: string | undefined;
  readonly data?: JsonObject | undefined;
};

/** What the hash of an event is made of, as RFC 8785 JSON. */
export function eventContent(
  event: LinkedEvent,
  link: Omit<AuditLink, "hash" | "schema_version">,
): JsonObject {
  return {
    actor: event.actor ?? null,
    at: link.at,
    data: event.data ?? null,
    kind: event.kind,
    notes: link.notes ?? 0,
    prev: link.prev,
    reason: event.reason ?? null,
    record_id: event.record_id,
    schema_version: AUDIT_SCHEMA_VERSION,
    seq: event.seq,
    state: link.state,
    status: event.status,
    tenant_id: event.tenant_id,
    type: event.type,
    version: event.version,
  };
}

/** What the hash of a record's state is made of. `value` is the hash of the value. */
export function stateContent(record: {
  readonly id: string;
  readonly status: string;
  readonly keys: JsonValue;
  readonly value: string;
}): JsonObject {
  return { keys: record.keys, record_id: record.id, status: record.status, value: record.value };
}
