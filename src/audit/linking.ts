/** Makes the links: what an operation says, tied to what its record said before. */
import type { InsertOp, NewEvent, Patch, UpdateOp } from "../backends/record-store.ts";
import { mergeKeys } from "../backends/store-rules.ts";
import { HoldpointError, isHoldpointError } from "../core/errors.ts";
import { hashOf } from "./hash.ts";
import { cloneJson, type JsonObject, type JsonValue } from "../core/json.ts";
import type { Redactor } from "./redact.ts";
import type { Seen, StoredHead, StoredLink } from "./seen.ts";
import { AUDIT_NAME, AUDIT_SCHEMA_VERSION, eventContent, stateContent } from "./verify/format.ts";

/** What is linked with what: null where nothing is declared to be redacted. */
export interface LinkContext {
  readonly redactor: Redactor | null;
  /** Epoch ms by the clock of this process. */
  readonly at: number;
}

export interface LinkedInsert {
  readonly op: InsertOp;
  readonly head: StoredHead;
}

export interface LinkedUpdate {
  readonly patch: Patch;
  readonly event: NewEvent | undefined;
  readonly head: StoredHead;
}

/** A record between two events. */
interface After {
  readonly id: string;
  readonly kind: string;
  readonly tenant_id: string;
  readonly status: string;
  readonly version: number;
  readonly notes: number;
  /** Of the event, if there is one. */
  readonly seq: number;
  readonly prev: string | null;
  readonly state: string;
}

/** The names under which links and heads are kept are the trail's own. @throws HoldpointError `ERR_HITL_INVALID_INPUT` */
export function assertUnreserved(object: JsonObject | undefined, what: string, id: string): void {
  if (object === undefined || !Object.hasOwn(object, AUDIT_NAME)) return;
  throw new HoldpointError(
    "ERR_HITL_INVALID_INPUT",
    `${what} of ${id} has the property "${AUDIT_NAME}", which is reserved while the store is audited. Give it another name.`,
    { details: { id } },
  );
}

/** What cannot be hashed cannot be stored to the byte either. */
function checked<T>(id: string, make: () => T): T {
  try {
    return make();
  } catch (cause) {
    if (isHoldpointError(cause)) throw cause;
    throw new HoldpointError("ERR_HITL_NOT_JSON", `${id}: only plain JSON can be stored.`, {
      cause,
      details: { id },
    });
  }
}

function linked(event: NewEvent, after: After, { redactor, at }: LinkContext): [NewEvent, string] {
  const { id, kind, tenant_id, status, version, notes, seq, prev, state } = after;
  const { type, actor, reason, data } = redactor
    ? redactor.event(event, { kind, tenant_id, type: event.type })
    : event;
  const said = {
    record_id: id,
    kind,
    tenant_id,
    seq,
    version,
    status,
    type,
    // What is undefined in it is not stored.
    actor: actor && cloneJson(actor as JsonObject),
    reason,
    data,
  };
  const link = { at, prev, state, ...(notes === 0 ? {} : { notes }) };
  const hash = hashOf(eventContent(said, link));
  const isEmpty = data !== undefined && Object.keys(data).length === 0;
  const stored: StoredLink = {
    schema_version: AUDIT_SCHEMA_VERSION,
    ...link,
    hash,
    ...(isEmpty ? { empty: true } : {}),
  };
  return [{ type, actor, reason, data: { ...data, [AUDIT_NAME]: stored as unknown as JsonValue } }, hash];
}

function headOf(
  after: After,
  value: string,
  hash: string | null,
  redacted: boolean,
  noted?: StoredHead["noted"],
): StoredHead {
  return {
    schema_version: AUDIT_SCHEMA_VERSION,
    seq: after.seq,
    hash,
    value,
    state: after.state,
    ...(after.notes === 0 ? {} : { notes: after.notes }),
    ...(noted ? { noted } : {}),
    ...(redacted ? { redacted: true } : {}),
  };
}

function withHead(value: JsonObject, head: StoredHead): JsonObject {
  return { ...value, [AUDIT_NAME]: head as unknown as JsonValue };
}

export function linkInsert(op: InsertOp, context: LinkContext): LinkedInsert {
  const { record, event } = op;
  const { id, kind, tenant_id, status } = record;
  assertUnreserved(record.value, "The value", id);
  assertUnreserved(event?.data, "The event's data", id);
  return checked(id, () => {
    const value = hashOfValue(record.value, { kind, tenant_id }, context);
    const keys = mergeKeys({}, record.keys) as JsonObject;
    const state = hashOf(stateContent({ id, status, keys, value }));
    const seq = event ? 1 : 0;
    const after: After = { id, kind, tenant_id, status, version: 1, notes: 0, seq, prev: null, state };
    const [own, hash] = event ? linked(event, after, context) : [undefined, null];
    const head = headOf(after, value, hash, context.redactor !== null);
    return {
      op: {
        ...op,
        record: { ...record, value: withHead(record.value, head) },
        ...(own ? { event: own } : {}),
      },
      head,
    };
  });
}

/**
 * @param before - the record that the update is built upon
 * @param eventsBefore - how many events it has, if it has no head yet
 * @param appends - the event is appended: the version that the write makes is not shown
 */
export function linkUpdate(
  { patch = {}, event }: Pick<UpdateOp, "patch" | "event">,
  before: Seen,
  eventsBefore: number,
  context: LinkContext,
  appends = false,
): LinkedUpdate {
  const { raw, head } = before;
  const { id, kind, tenant_id } = raw;
  assertUnreserved(patch.value, "The value", id);
  assertUnreserved(event?.data, "The event's data", id);
  return checked(id, () => {
    const status = patch.status ?? raw.status;
    const keys = mergeKeys(raw.keys, patch.keys) as JsonObject;
    const isHashed = patch.value !== undefined || head === null;
    const given = patch.value ?? before.value;
    const value = isHashed ? hashOfValue(given, { kind, tenant_id }, context) : head.value;
    const redacted = isHashed ? context.redactor !== null : head.redacted === true;
    const notes = before.notes + (appends ? 1 : 0);
    const after: After = {
      id,
      kind,
      tenant_id,
      status,
      version: raw.version + 1 - notes,
      notes,
      seq: (head?.seq ?? eventsBefore) + (event ? 1 : 0),
      prev: head?.hash ?? null,
      state: hashOf(stateContent({ id, status, keys, value })),
    };
    const [own, hash] = event ? linked(event, after, context) : [undefined, after.prev];
    const noted = appends ? { version: raw.version + 1, updated_at: before.updated_at } : head?.noted;
    const next = headOf(after, value, hash, redacted, noted);
    return {
      patch: { ...patch, value: withHead(patch.value ?? before.stored, next) },
      event: own,
      head: next,
    };
  });
}

function hashOfValue(
  value: JsonObject,
  { kind, tenant_id }: { readonly kind: string; readonly tenant_id: string },
  { redactor }: LinkContext,
): string {
  return hashOf(redactor ? redactor.value(value, { kind, tenant_id, type: null }) : value);
}
