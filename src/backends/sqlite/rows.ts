/** Between records and rows. The order of the parameters is that of the columns in `queries/*.sql`. */
import type { Actor } from "../../core/record.ts";
import type { JsonObject } from "../../core/json.ts";
import { slotOfId } from "../../core/ids.ts";
import {
  KEY_NAMES,
  type KeyName,
  type NewEvent,
  type RecordEvent,
  type StoredRecord,
} from "../record-store.ts";
import { type Envelope, handOut } from "../held.ts";
import { dueTime } from "../store-rules.ts";
import type { SqliteDatabase, SqliteValue } from "./driver.ts";
import { QUERIES } from "./sql.generated.ts";

type Nullable<T extends readonly unknown[]> = { [index in keyof T]: string | null };

/** A record with its value still as text. */
export interface Held {
  readonly envelope: Envelope;
  readonly text: string;
}

/** What each statement that reads whole records selects; see {@link RecordRow}. */
const RECORD_COLUMNS =
  "id, kind, tenant_id, status, version, due_at, lease_owner, lease_expires_at, fence, touches, created_at, " +
  `updated_at, value, ${KEY_NAMES.map((name) => `key_${name}`).join(", ")}`;

export type RecordRow = readonly [
  id: string,
  kind: string,
  tenant_id: string,
  status: string,
  version: number,
  due_at: number | null,
  lease_owner: string | null,
  lease_expires_at: number | null,
  fence: number,
  touches: number,
  created_at: number,
  updated_at: number,
  value: string,
  ...keys: Nullable<typeof KEY_NAMES>,
];

const FIRST_KEY = 13;

/** The statement with `{columns}` filled in. */
export function selecting(sql: string, columns: string = RECORD_COLUMNS): string {
  return sql.replace(/^--.*\n/gm, "").replace("{columns}", columns);
}

const GET_RECORD = selecting(QUERIES.getRecord);

function envelopeOf(row: RecordRow): Envelope {
  const [
    id,
    kind,
    tenant_id,
    status,
    version,
    due_at,
    owner,
    expires_at,
    fence,
    touches,
    created_at,
    updated_at,
  ] = row;
  const keys: { [name in KeyName]?: string } = {};
  for (const [index, name] of KEY_NAMES.entries()) {
    const key = row[FIRST_KEY + index];
    if (typeof key === "string") keys[name] = key;
  }
  return {
    id,
    kind,
    tenant_id,
    status,
    version,
    keys,
    due_at,
    lease: owner === null || expires_at === null ? null : { owner, expires_at },
    fence,
    touches,
    created_at,
    updated_at,
  };
}

export function recordOf(row: RecordRow): StoredRecord {
  return handOut(envelopeOf(row), row[12]);
}

export function heldOf(row: RecordRow): Held {
  return { envelope: envelopeOf(row), text: row[12] };
}

export function readRow(database: SqliteDatabase, id: string): RecordRow | undefined {
  return database.statement(GET_RECORD).get(id) as RecordRow | undefined;
}

/** From `status` to `key_wake`: everything of a row that an update may change, but the value. */
function changingParameters(record: Envelope): SqliteValue[] {
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
export function insertRecord(database: SqliteDatabase, { envelope, text }: Held): boolean {
  const { id, kind, tenant_id, created_at } = envelope;
  const changing = changingParameters(envelope);
  return (
    database
      .statement(QUERIES.insertRecord)
      .run(id, kind, tenant_id, slotOfId(id), created_at, ...changing, text).changes === 1
  );
}

/** Without `text`, the value stays. */
export function updateRecord(database: SqliteDatabase, envelope: Envelope, text?: string): void {
  const changing = changingParameters(envelope);
  if (text === undefined) database.statement(QUERIES.updateEnvelope).run(...changing, envelope.id);
  else database.statement(QUERIES.updateRecord).run(...changing, text, envelope.id);
}

/** With its history; inside a transaction. */
export function deleteRecord(database: SqliteDatabase, id: string): void {
  database.statement(QUERIES.deleteHistory).run(id);
  database.statement(QUERIES.deleteRecord).run(id);
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

export type EventRow = readonly [
  seq: number,
  at: number,
  version: number,
  status: string,
  type: string,
  actor: string | null,
  reason: string | null,
  data: string | null,
];

export function eventOf(row: EventRow): RecordEvent {
  const [seq, at, version, status, type, actor, reason, data] = row;
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
