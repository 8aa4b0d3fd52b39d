import { HITL_KIND } from "../backends/hitl-codec.ts";
import type { HITLBackend } from "../backends/hitl-backend.ts";
import type { Page, RecordEvent, RecordStore, StoredRecord } from "../backends/record-store.ts";
import { findRecord } from "../backends/aliases.ts";
import { isOwnId } from "../core/ids.ts";
import { hashOf } from "./hash.ts";
import { auditedStoreOf } from "./audited.ts";
import type { Redactor } from "./redact.ts";
import { openEvent, Seen } from "./seen.ts";
import {
  AUDIT_SCHEMA_VERSION,
  type AuditedRecord,
  type AuditEvent,
  type AuditHead,
  type AuditTrail,
} from "./verify/format.ts";

const PAGE = 200;
/** What comes while a record is read is read, too; what is still missing then was removed. */
const MAX_READS = 5;

/**
 * A record and its whole history, with the links: what `verifyAudit` checks, here or wherever it is sent. The record's
 * value is not in it, only its hash.
 *
 * @param id - the `hitl_id` of a question, or the id in the store of a record of any kind
 * @returns null if the backend's tenant has no such record
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` if the backend is not audited
 *
 * @example
 * ```ts
 * import type { HITLBackend } from "holdpoint";
 * import { readAudit } from "holdpoint/audit";
 *
 * export async function show(backend: HITLBackend, hitl_id: string): Promise<void> {
 *   const trail = await readAudit(backend, hitl_id);
 *   for (const { at, type, actor, audit } of trail?.events ?? []) console.log(at, type, actor?.["id"], audit?.hash);
 * }
 * ```
 */
export async function readAudit(backend: HITLBackend, id: string): Promise<AuditTrail | null> {
  const store = auditedStoreOf(backend);
  const redactor = await store.redactor();
  const found = await find(store.inner, backend.tenant_id, id);
  if (!found) return null;
  for (let reads = 1; ; reads += 1) {
    const events = await allEvents(store.inner, found, redactor);
    const [raw] = await store.inner.get([found.id]);
    if (!raw) return null;
    const record = auditedRecord(raw, redactor);
    // An event that came in between is in the head, and not in the list.
    if ((record.head?.seq ?? 0) <= (events.at(-1)?.seq ?? 0) || reads === MAX_READS)
      return { record, events };
  }
}

async function find(store: RecordStore, tenant_id: string, id: string): Promise<StoredRecord | null> {
  if (isOwnId(id)) {
    const [raw] = await store.get([id]);
    if (raw && raw.kind !== HITL_KIND) return raw.tenant_id === tenant_id ? raw : null;
  }
  return findRecord(store, tenant_id, id);
}

async function allEvents(
  store: RecordStore,
  raw: StoredRecord,
  redactor: Redactor | null,
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const event of eventsOf(store, raw, redactor)) events.push(event);
  return events;
}

/** The events of a record, oldest first, a page at a time. */
export async function* eventsOf(
  store: RecordStore,
  raw: Pick<StoredRecord, "id" | "kind" | "tenant_id">,
  redactor: Redactor | null,
): AsyncGenerator<AuditEvent> {
  let cursor: string | undefined;
  do {
    const page: Page<RecordEvent> = await store.history(raw.id, { limit: PAGE, cursor });
    for (const event of page.items) yield auditEvent(event, raw, redactor);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
}

function auditEvent(
  stored: RecordEvent,
  { id, kind, tenant_id }: Pick<StoredRecord, "id" | "kind" | "tenant_id">,
  redactor: Redactor | null,
): AuditEvent {
  const opened = openEvent(stored, id);
  const { link } = opened;
  // What was written while the store was not audited was not redacted.
  const event =
    link || !redactor
      ? opened.event
      : { ...opened.event, ...redactor.event(opened.event, { kind, tenant_id, type: opened.event.type }) };
  const { seq, at, version, status, type, actor, reason, data } = event;
  return {
    schema_version: AUDIT_SCHEMA_VERSION,
    record_id: id,
    kind,
    tenant_id,
    seq,
    at,
    version,
    status,
    type,
    ...(actor ? { actor } : {}),
    ...(reason === undefined ? {} : { reason }),
    ...(data ? { data } : {}),
    ...(link
      ? {
          audit: {
            schema_version: link.schema_version,
            at: link.at,
            prev: link.prev,
            hash: link.hash,
            state: link.state,
            ...(link.notes === undefined ? {} : { notes: link.notes }),
          },
        }
      : {}),
  };
}

function auditedRecord(raw: StoredRecord, redactor: Redactor | null): AuditedRecord {
  const seen = new Seen(raw);
  const { id, kind, tenant_id, status, keys } = raw;
  const head = seen.head && shown(seen.head);
  // Redacted then and not now, or the other way round: its hash cannot be the same.
  const isComparable = head !== null && (head.redacted === true) === (redactor !== null);
  const value = isComparable ? valueHash(seen, redactor) : null;
  return { id, kind, tenant_id, status, version: seen.version, keys, head, value };
}

function valueHash({ raw, value }: Seen, redactor: Redactor | null): string {
  const { kind, tenant_id } = raw;
  return hashOf(redactor ? redactor.value(value, { kind, tenant_id, type: null }) : value);
}

function shown({ schema_version, seq, hash, value, state, notes, redacted }: AuditHead): AuditHead {
  return {
    schema_version,
    seq,
    hash,
    value,
    state,
    ...(notes === undefined ? {} : { notes }),
    ...(redacted === undefined ? {} : { redacted }),
  };
}
