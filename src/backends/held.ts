/** Records whose value is still JSON text: the rules of a store look at the envelope, and most callers at little more. */
import type { JsonObject } from "../core/json.ts";
import type { StoredRecord } from "./record-store.ts";

export type Envelope = Omit<StoredRecord, "value">;

export interface Held {
  readonly envelope: Envelope;
  /** The JSON of the value. */
  readonly text: string;
}

/** Where a record keeps the text of its value, then the value. */
const KEPT = Symbol("value");

/** One getter for all: an object whose getter is its own becomes a table, many times as large and slow. */
const VALUE = {
  get(this: { [KEPT]: string | JsonObject }): JsonObject {
    const kept = this[KEPT];
    return typeof kept === "string" ? (this[KEPT] = JSON.parse(kept) as JsonObject) : kept;
  },
  enumerable: true,
  configurable: true,
};

/** What a caller gets: a plain object with a value of its own, parsed when it is looked at. */
export function handOut(envelope: Envelope, text: string): StoredRecord {
  const record: Envelope = {
    id: envelope.id,
    kind: envelope.kind,
    tenant_id: envelope.tenant_id,
    status: envelope.status,
    version: envelope.version,
    keys: envelope.keys,
    due_at: envelope.due_at,
    lease: envelope.lease,
    fence: envelope.fence,
    touches: envelope.touches,
    created_at: envelope.created_at,
    updated_at: envelope.updated_at,
  };
  Object.defineProperty(record, KEPT, { value: text, writable: true });
  return Object.defineProperty(record, "value", VALUE) as StoredRecord;
}
