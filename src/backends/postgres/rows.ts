/** From rows to records and events. Columns come as text, see `TEXT_ONLY` in client.ts. */
import type { JsonObject } from "../../core/json.ts";
import type { Actor } from "../../core/record.ts";
import { handOut } from "../held.ts";
import { KEY_NAMES, type KeyName, type RecordEvent, type StoredRecord } from "../record-store.ts";
import { unescapeText } from "./names.ts";

export type Row = readonly unknown[];

/** Columns of the envelope: twelve, and one for each key. */
const FIRST_KEY = 12;
const VALUE = FIRST_KEY + KEY_NAMES.length;

function textAt(row: Row, position: number): string {
  return unescapeText(row[position] as string);
}

function numberOrNull(value: unknown): number | null {
  return value === null ? null : Number(value);
}

/**
 * @param from - where the record's columns begin in the row
 * @param value - its JSON, if the row does not have it
 */
export function recordOf(row: Row, from = 0, value?: string): StoredRecord {
  const keys: { [name in KeyName]?: string } = {};
  for (const [n, name] of KEY_NAMES.entries()) {
    if (row[from + FIRST_KEY + n] !== null) keys[name] = textAt(row, from + FIRST_KEY + n);
  }
  const leaseEnd = row[from + 7];
  const envelope = {
    id: row[from] as string,
    kind: textAt(row, from + 1),
    tenant_id: textAt(row, from + 2),
    status: textAt(row, from + 3),
    version: Number(row[from + 4]),
    keys,
    due_at: numberOrNull(row[from + 5]),
    lease: leaseEnd === null ? null : { owner: textAt(row, from + 6), expires_at: Number(leaseEnd) },
    fence: Number(row[from + 8]),
    touches: Number(row[from + 9]),
    created_at: Number(row[from + 10]),
    updated_at: Number(row[from + 11]),
  };
  return handOut(envelope, (row[from + VALUE] as string | null) ?? value ?? "{}");
}

/** As pg writes a boolean; PGlite has read it. */
export function isTrue(value: unknown): boolean {
  return value === "t" || value === "true" || value === true;
}

export function eventOf(row: Row): RecordEvent {
  const [seq, at, version, , , actor, reason, data] = row;
  return {
    type: textAt(row, 4),
    ...(actor === null ? {} : { actor: JSON.parse(actor as string) as Actor }),
    ...(reason === null ? {} : { reason: textAt(row, 6) }),
    ...(data === null ? {} : { data: JSON.parse(data as string) as JsonObject }),
    seq: Number(seq),
    at: Number(at),
    version: Number(version),
    status: textAt(row, 3),
  };
}
