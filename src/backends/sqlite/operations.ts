/** What a store does on one connection: each function is one operation, in one transaction or savepoint of it. */
import type {
  AsRead,
  ChangeHint,
  DueQuery,
  HistoryQuery,
  NewEvent,
  Page,
  PurgeQuery,
  RecordEvent,
  StoredRecord,
} from "../record-store.ts";
import { handOut } from "../held.ts";
import { checkLimit, decodeSeqCursor, patched } from "../store-rules.ts";
import type { SqliteDatabase } from "./driver.ts";
import {
  deleteRecord,
  type EventRow,
  eventOf,
  heldOf,
  insertEvent,
  readRow,
  recordOf,
  type RecordRow,
  selecting,
  updateRecord,
} from "./rows.ts";
import { QUERIES } from "./sql.generated.ts";

const GET_DUE = selecting(QUERIES.getDue);

export function readRecords(database: SqliteDatabase, ids: readonly string[]): (StoredRecord | null)[] {
  return ids.map((id) => {
    const row = readRow(database, id);
    return row ? recordOf(row) : null;
  });
}

export function isAnyDue(database: SqliteDatabase, kind: string, now: number): boolean {
  return database.statement(GET_DUE).get(kind, now, 1) !== undefined;
}

export function acquireDue(
  database: SqliteDatabase,
  { kind, limit, lease }: DueQuery,
  clock: () => number,
): { readonly acquired: readonly StoredRecord[]; readonly changes: readonly ChangeHint[] } {
  const changes: ChangeHint[] = [];
  const acquired = database.transaction("write", () => {
    const now = clock();
    const rows = database.statement(GET_DUE).all(kind, now, limit) as unknown as RecordRow[];
    return rows.map((row) => {
      const held = heldOf(row);
      const envelope = patched(held.envelope, { lease }, now);
      updateRecord(database, envelope);
      changes.push({ id: envelope.id, version: envelope.version, status: envelope.status });
      return handOut(envelope, held.text);
    });
  });
  return { acquired, changes };
}

export function appendEvent(
  database: SqliteDatabase,
  id: string,
  event: NewEvent,
  clock: () => number,
): boolean {
  return database.transaction("write", () => {
    const row = readRow(database, id);
    if (row) insertEvent(database, heldOf(row).envelope, event, clock());
    return row !== undefined;
  });
}

export function readHistory(
  database: SqliteDatabase,
  id: string,
  query: HistoryQuery = {},
): Page<RecordEvent> {
  const limit = checkLimit(query.limit);
  const after = decodeSeqCursor(query.cursor);
  const rows = database.statement(QUERIES.getHistory).all(id, after, limit + 1) as unknown as EventRow[];
  const items = rows.slice(0, limit).map(eventOf);
  const last = items.at(-1);
  return rows.length > limit && last ? { items, next_cursor: String(last.seq) } : { items };
}

function findOld(
  database: SqliteDatabase,
  { kind, statuses, updatedBefore }: PurgeQuery,
  most: number,
): string[] {
  const ids: string[] = [];
  for (const status of new Set(statuses)) {
    if (ids.length === most) break;
    const rows = database.statement(QUERIES.getOld).all(kind, status, updatedBefore, most - ids.length);
    for (const [id] of rows) ids.push(String(id));
  }
  return ids;
}

export function isAnyOld(database: SqliteDatabase, query: PurgeQuery): boolean {
  return findOld(database, query, 1).length > 0;
}

export function purge(database: SqliteDatabase, query: PurgeQuery): { purged: number; more: boolean } {
  return database.transaction("write", () => {
    const ids = findOld(database, query, query.limit + 1);
    const purged = ids.slice(0, query.limit);
    for (const id of purged) deleteRecord(database, id);
    return { purged: purged.length, more: ids.length > query.limit };
  });
}

export function removeAsRead(database: SqliteDatabase, wanted: readonly AsRead[]): number {
  return database.transaction("write", () => {
    const asRead = wanted.filter(({ id, version, created_at }) =>
      database.statement(QUERIES.isAsRead).get(id, version, created_at),
    );
    for (const { id } of asRead) deleteRecord(database, id);
    return asRead.length;
  });
}
