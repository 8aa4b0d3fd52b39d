/**
 * Records as stores keep and hand them out. The value of a record that is handed out is made when it is looked at: the
 * rules of a store need the envelope only, and most callers little more.
 */
import { cloneJson, type JsonObject } from "../core/json.ts";
import type { StoredRecord } from "./record-store.ts";

export type Envelope = Omit<StoredRecord, "value">;

/** The value as the store keeps it: its JSON text, or an object that nobody else has and nobody changes. Or what makes it. */
type Source = string | JsonObject | (() => JsonObject);

interface Value {
  readonly source: Source;
  made: JsonObject | undefined;
}

const VALUE = Symbol("value");

/** One getter for all: an object whose getter is its own becomes a table, many times as large and slow. */
const VALUE_PROPERTY = {
  get(this: { readonly [VALUE]: Value }): JsonObject {
    const value = this[VALUE];
    return (value.made ??= copyOf(value.source));
  },
  enumerable: true,
  configurable: true,
};

function copyOf(source: Source): JsonObject {
  if (typeof source === "function") return source();
  return typeof source === "string" ? (JSON.parse(source) as JsonObject) : cloneJson(source);
}

/** What a caller gets: a plain object with a value of its own. */
export function handOut(envelope: Envelope, source: Source): StoredRecord {
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
  const value: Value = { source, made: undefined };
  Object.defineProperty(record, VALUE, { value });
  return Object.defineProperty(record, "value", VALUE_PROPERTY) as StoredRecord;
}

/** The record as it was handed out, whatever its caller has changed in it since. */
export function handOutAgain(record: StoredRecord): StoredRecord {
  const value = (record as { readonly [VALUE]?: Value })[VALUE];
  // The record of a store that is not of this package has no source: this is the moment to copy it.
  return handOut(record, value ? value.source : cloneJson(record.value));
}

/** Says how the value of a record of a decorator is made anew, so that it need not be copied to be kept. */
export function keepSource(record: object, source: () => JsonObject): void {
  const value: Value = { source, made: undefined };
  Object.defineProperty(record, VALUE, { value });
}

/** Characters that keeping the record takes besides what its store keeps anyway; 0 where that is not known. */
export function storedLength(record: StoredRecord): number {
  const source = (record as { readonly [VALUE]?: Value })[VALUE]?.source;
  return typeof source === "string" ? source.length : 0;
}
