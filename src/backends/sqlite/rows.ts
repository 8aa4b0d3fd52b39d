/** Between records and rows. The order of the parameters is that of the columns in `queries/*.sql`. */
import type { Actor } from "../../core/record.ts";
import type { JsonObject } from "../../core/json.ts";
import { slotOfId } from "../../core/ids.ts";
import {
  KEY_NAMES,
  type KeyName,
  type NewEvent,
  type RecordEvent,
  type RecordKeys,
  type StoredRecord,
} from "../record-store.ts";
import { dueTime } from "../store-rules.ts";
import type { SqliteDatabase, SqliteValue } from "./driver.ts";
import { QUERIES } from "./sql.generated.ts";

type KeyColumns = { readonly [name in KeyName as `key_${name}`]: string | null };

export interface RecordRow extends KeyColumns {
  readonly id: string;
  readonly kind: string;
  readonly tenant_id: string;
  readonly status: string;
  readonly version: number;
  readonly due_at: number | null;
  readonly lease_owner: string | null;
  readonly lease_expires_at: number | null;
  readonly fence: number;
  readonly touches: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly value: string;
}

/** A record with its value still as text: most rules do not look at the value. */
export interface Held {
  readonly record: StoredRecord;
  readonly text: string;
}

const NO_VALUE: JsonObject = Object.freeze({});

function keysOf(row: RecordRow): RecordKeys {
  const keys: { [name in KeyName]?: string } = {};
  for (const name of KEY_NAMES) {
    const value = row[`key_${name}`];
    if (value !== null) keys[name] = value;
  }
  return keys;
}

function record(row: RecordRow, value: JsonObject): StoredRecord {
  const { lease_owner, lease_expires_at } = row;
  return {
    id: row.id,
    kind: row.kind,
    tenant_id: row.tenant_id,
    status: row.status,
    version: row.version,
    keys: keysOf(row),
    due_at: row.due_at,
    lease:
      lease_owner === null || lease_expires_at === null ? null : { owner: lease_owner, expires_at: lease_expires_at },
    fence: row.fence,
    touches: row.touches,
    created_at: row.created_at,
    updated_at: row.updated_at,
    value,
  };
}

export function recordOf(row: RecordRow): StoredRecord {
  return record(row, JSON.parse(row.value) as JsonObject);
}

export function heldOf(row: RecordRow): Held {
  return { record: record(row, NO_VALUE), text: row.value };
}

/** What a caller gets: always a value of its own, which is what the text says. */
export function handOut(held: Held): StoredRecord {
  return { ...held.record, value: JSON.parse(held.text) as JsonObject };
}

export function readRow(database: SqliteDatabase, id: string): RecordRow | undefined {
  return database.statement(QUERIES.getRecord).get(id) as RecordRow | undefined;
}

/** From `status` to `key_wake`: everything of a row that an update may change, but the value. */
function changingParameters(record: StoredRecord): SqliteValue[] {
  const { lease, keys } = record;
  return [
    record.status,
    record.version,
    record.due_at,
    lease ? lease.owner : null,
    lease ? lease.expires_at : null,
    record.fence,
    record.touches,
    dueTime(record),
    record.updated_at,
    keys.session ?? null,
    keys.invocation ?? null,
    keys.thread ?? null,
    keys.checkpoint ?? null,
    keys.callback ?? null,
    keys.assignee ?? null,
    keys.alias ?? null,
    keys.wake ?? null,
  ];
}

/** False if there is a record with this id already. */
export function insertRecord(database: SqliteDatabase, { record, text }: Held): boolean {
  const { id, kind, tenant_id, created_at } = record;
  const changing = changingParameters(record);
  return (
    database.statement(QUERIES.insertRecord).run(id, kind, tenant_id, slotOfId(id), created_at, ...changing, text)
      .changes === 1
  );
}

/** Without `text`, the value stays. */
export function updateRecord(database: SqliteDatabase, record: StoredRecord, text?: string): void {
  const changing = changingParameters(record);
  if (text === undefined) database.statement(QUERIES.updateEnvelope).run(...changing, record.id);
  else database.statement(QUERIES.updateRecord).run(...changing, text, record.id);
}

/** `record` is as it is after what the event tells of. */
export function insertEvent(
  database: SqliteDatabase,
  record: Pick<StoredRecord, "id" | "version" | "status">,
  event: NewEvent,
  now: number,
): void {
  const { id, version, status } = record;
  const actor = event.actor === undefined ? null : JSON.stringify(event.actor);
  const data = event.data === undefined ? null : JSON.stringify(event.data);
  database
    .statement(QUERIES.insertEvent)
    .run(id, now, version, status, event.type, actor, event.reason ?? null, data, id);
}

export interface EventRow {
  readonly seq: number;
  readonly at: number;
  readonly version: number;
  readonly status: string;
  readonly type: string;
  readonly actor: string | null;
  readonly reason: string | null;
  readonly data: string | null;
}

export function eventOf(row: EventRow): RecordEvent {
  const { type, actor, reason, data, seq, at, version, status } = row;
  return {
    type,
    ...(actor === null ? {} : { actor: JSON.parse(actor) as Actor }),
    ...(reason === null ? {} : { reason }),
    ...(data === null ? {} : { data: JSON.parse(data) as JsonObject }),
    seq,
    at,
    version,
    status,
  };
}
