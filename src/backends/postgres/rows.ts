/** From rows to records and events. Columns come as text, see `TEXT_ONLY` in client.ts. */
import type { JsonObject } from "../../core/json.ts";
import type { Actor } from "../../core/record.ts";
import { handOut } from "../held.ts";
import { KEY_NAMES, type KeyName, type RecordEvent, type StoredRecord } from "../record-store.ts";
import { unescapeText } from "./names.ts";

export type Row = readonly unknown[];

/** Behind twelve other columns, see `ENVELOPE_COLUMNS` in statements.ts. */
const FIRST_KEY = 12;

function text(value: unknown): string {
  return unescapeText(value as string);
}

/**
 * @param envelope - the columns of `ENVELOPE_COLUMNS`, as JSON
 * @param value - its JSON
 */
export function recordOf(envelope: unknown, value: unknown): StoredRecord {
  const columns = JSON.parse(envelope as string) as (string | number | null)[];
  const keys: { [name in KeyName]?: string } = {};
  for (const [n, name] of KEY_NAMES.entries()) {
    const key = columns[FIRST_KEY + n];
    if (typeof key === "string") keys[name] = unescapeText(key);
  }
  const [id, kind, tenant, status, version, due_at, owner, leaseEnd, fence, touches, created_at, updated_at] =
    columns;
  return handOut(
    {
      id: id as string,
      kind: text(kind),
      tenant_id: text(tenant),
      status: text(status),
      version: version as number,
      keys,
      due_at: due_at as number | null,
      lease: leaseEnd === null ? null : { owner: text(owner), expires_at: leaseEnd as number },
      fence: fence as number,
      touches: touches as number,
      created_at: created_at as number,
      updated_at: updated_at as number,
    },
    value as string,
  );
}

/** As pg writes a boolean; PGlite has read it. */
export function isTrue(value: unknown): boolean {
  return value === "t" || value === "true" || value === true;
}

export function eventOf(row: Row): RecordEvent {
  const [seq, at, version, , , actor, reason, data] = row;
  return {
    type: text(row[4]),
    ...(actor === null ? {} : { actor: JSON.parse(actor as string) as Actor }),
    ...(reason === null ? {} : { reason: text(reason) }),
    ...(data === null ? {} : { data: JSON.parse(data as string) as JsonObject }),
    seq: Number(seq),
    at: Number(at),
    version: Number(version),
    status: text(row[3]),
  };
}
