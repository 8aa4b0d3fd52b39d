import type { KeyName, Page, PageQuery, StoredRecord } from "../record-store.ts";
import { checkPage, type CheckedPage, compareCreated, encodeCursor } from "../store-rules.ts";
import { SLOT_COUNT } from "../../core/ids.ts";
import type { SqliteDatabase, SqliteRow, SqliteValue } from "./driver.ts";
import { readRow, recordOf, type RecordRow, selecting } from "./rows.ts";
import { QUERIES } from "./sql.generated.ts";

type Position = Pick<StoredRecord, "created_at" | "id">;

const BEFORE_ALL: Position = { created_at: -1, id: "" };
const AFTER_ALL: Position = { created_at: Number.MAX_SAFE_INTEGER, id: "" };

const statements: Map<string, string> = new Map();

/**
 * The statement of one ordered range: whole records, or only their positions, which are in the index. Only names
 * that `checkPage` has found in a closed set go into its text.
 */
export function pageStatement(
  by: KeyName | "tenant",
  order: "oldest" | "newest",
  columns: "records" | "positions",
): string {
  const name = `${by} ${order} ${columns}`;
  let sql = statements.get(name);
  if (sql === undefined) {
    sql = selecting(
      order === "oldest" ? QUERIES.pageOldest : QUERIES.pageNewest,
      columns === "positions" ? "created_at, id" : undefined,
    )
      .replace("{index}", `holdpoint_records_by_${by}`)
      .replace("{key}", by === "tenant" ? "" : `key_${by} = ? AND`);
    statements.set(name, sql);
  }
  return sql;
}

/** Rows of one status: one ordered range of one index. */
function range(
  database: SqliteDatabase,
  page: CheckedPage,
  status: string,
  columns: "records" | "positions",
): SqliteRow[] {
  const { kind, tenant_id, key, slot, order, limit } = page;
  const condition: SqliteValue[] = key ? [key.value] : [];
  const { created_at, id } = page.after ?? (order === "oldest" ? BEFORE_ALL : AFTER_ALL);
  const [lowest, highest] = slot === undefined ? [0, SLOT_COUNT - 1] : [slot, slot];
  return database
    .statement(pageStatement(key?.name ?? "tenant", order, columns))
    .all(kind, tenant_id, ...condition, status, created_at, id, lowest, highest, limit + 1);
}

function readRows(database: SqliteDatabase, page: CheckedPage): RecordRow[] {
  const [first, ...others] = new Set(page.statuses);
  if (first !== undefined && others.length === 0)
    return range(database, page, first, "records") as unknown as RecordRow[];
  // Several ranges are merged by their positions, which the index holds; only the page's own rows are read.
  return database.transaction("read", () => {
    const positions: Position[] = [];
    for (const status of new Set(page.statuses)) {
      for (const [created_at, id] of range(database, page, status, "positions")) {
        positions.push({ created_at: Number(created_at), id: String(id) });
      }
    }
    positions.sort(page.order === "oldest" ? compareCreated : (a, b) => compareCreated(b, a));
    const rows: RecordRow[] = [];
    for (const { id } of positions.slice(0, page.limit + 1)) {
      const row = readRow(database, id);
      if (row) rows.push(row);
    }
    return rows;
  });
}

export function readPage(database: SqliteDatabase, query: PageQuery): Page<StoredRecord> {
  const page = checkPage(query);
  const rows = readRows(database, page);
  const items = rows.slice(0, page.limit).map(recordOf);
  const last = items.at(-1);
  return rows.length > page.limit && last ? { items, next_cursor: encodeCursor(last) } : { items };
}
