/**
 * Records, events and commits as the texts that the scripts work on (scripts/includes/record.lua).
 *
 * A packed record is a header line and the JSON value: one text costs 100 to 200 bytes less than a hash of
 * fields (keys of a record push a small hash over 64 bytes a field, which turns it into a table), and a read is
 * one HGET. JSON is made and parsed only here, so what was stored comes back to the byte (S6).
 */
import { HoldpointError } from "../../core/errors.ts";
import {
  type InsertOp,
  KEY_NAMES,
  type KeyName,
  type NewEvent,
  type Patch,
  type RecordEvent,
  type RecordKeys,
  type StoredRecord,
  type StoreOp,
  type UpdateOp,
} from "../record-store.ts";
import { handOut } from "../held.ts";
import { newEnvelope } from "../store-rules.ts";
import { ALL_RECORDS, EVERY_INDEX, type IndexMask, indexBit, NO_INDEX } from "./keys.ts";

const FORMAT = "1";
const FIRST_KEY = 14;
const SPECIAL = /[%|\n]/;

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

/** Escapes what separates fields. Different texts stay different, whatever they hold. */
export function escapeField(text: string): string {
  // A lone surrogate would be sent as U+FFFD, and two different texts would become one.
  if (typeof text !== "string" || !text.isWellFormed())
    return invalid("A kind, tenant, status, key or owner is not well-formed text.");
  if (!SPECIAL.test(text)) return text;
  return text.replaceAll("%", "%25").replaceAll("|", "%7C").replaceAll("\n", "%0A");
}

export function unescapeField(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll("%0A", "\n").replaceAll("%7C", "|").replaceAll("%25", "%");
}

/** A list for a plain text search: `|a|b|`. Holds nothing if it is empty. */
export function packSet(texts: readonly string[]): string {
  return `|${texts.map((text) => `${escapeField(text)}|`).join("")}`;
}

function numberText(value: number, what: string): string {
  return Number.isFinite(value)
    ? String(value)
    : invalid(`${what} is ${value}; it has to be a finite number.`);
}

/** Absent keys are empty, present ones begin with `=`: an empty key is a key too. */
export function keyField(value: string): string {
  return `=${escapeField(value)}`;
}

function packKeys(keys: RecordKeys): string {
  return KEY_NAMES.map((name) => {
    const value = keys[name];
    return value === undefined ? "" : keyField(value);
  }).join("|");
}

function packKeyChanges(keys: NonNullable<Patch["keys"]>): string {
  return KEY_NAMES.map((name) => {
    const value = keys[name];
    return value === undefined ? "" : value === null ? "-" : keyField(value);
  }).join("|");
}

function packDue(due: NonNullable<Patch>["due_at"]): string {
  if (due === undefined) return "";
  if (due === null) return "-";
  return typeof due === "number" ? `=${numberText(due, "due_at")}` : `+${numberText(due.inMs, "inMs")}`;
}

export function packEvent(event: NewEvent | undefined): string {
  if (!event) return "";
  const { type, actor, reason, data } = event;
  return JSON.stringify({ type, actor, reason, data });
}

export interface EncodedCommit {
  /** The operations, and the values that they bring. */
  readonly args: readonly string[];
  /** The indexes that the commit may change. */
  readonly mask: IndexMask;
  /** The JSON of the values, by operation: what was sent need not come back. */
  readonly values: readonly string[];
}

export function encodeOps(ops: readonly StoreOp[]): EncodedCommit {
  const args: string[] = [""];
  const values: string[] = [];
  let packed = "";
  let mask: IndexMask = NO_INDEX;
  for (const operation of ops) {
    let value = "";
    if (operation.op === "read") {
      packed += `r\n${operation.id}\n`;
    } else if (operation.op === "insert") {
      const { keys = {} } = operation.record;
      value = JSON.stringify(operation.record.value);
      args.push(value);
      mask |= ALL_RECORDS;
      for (const name of KEY_NAMES) if (keys[name] !== undefined) mask |= indexBit(name);
      packed += packInsert(operation, keys);
    } else {
      const { patch = {} } = operation;
      if (patch.value) args.push((value = JSON.stringify(patch.value)));
      if (patch.status !== undefined || patch.keys) mask = EVERY_INDEX;
      packed += packUpdate(operation, patch);
    }
    values.push(value);
  }
  args[0] = packed;
  return { args, mask, values };
}

/** No field holds a line feed: names are escaped, and JSON writes it as \\n. */
function packInsert({ record, lease, event, if_exists, touch }: InsertOp, keys: RecordKeys): string {
  const { id, kind, tenant_id, status, due_at } = record;
  const due = due_at === undefined || due_at === null ? "" : numberText(due_at, "due_at");
  const leased = lease ? `${escapeField(lease.owner)}\n${numberText(lease.durationMs, "durationMs")}` : "\n";
  const flags = `${if_exists === "abort" ? "a" : ""}${touch ? "t" : ""}`;
  const names = `${escapeField(kind)}\n${escapeField(tenant_id)}\n${escapeField(status)}`;
  return `i\n${id}\n${flags}\n${names}\n${due}\n${leased}\n${packEvent(event)}\n${packKeys(keys)}\n`;
}

function packUpdate({ id, guard = {}, event, optional, touch }: UpdateOp, patch: Patch): string {
  const flags = `${optional ? "o" : ""}${touch ? "t" : ""}${patch.value ? "v" : ""}`;
  const { status, version, fence, touches, lease, not_due, due } = guard;
  const tests = `${lease === "free" ? "f" : ""}${not_due ? "n" : ""}${due ? "d" : ""}`;
  const guards = `${status ? packSet(status) : ""}\n${version ?? ""}\n${fence ?? ""}\n${touches ?? ""}\n${tests}`;
  const changes = `${patch.status === undefined ? "" : keyField(patch.status)}\n${patch.keys ? packKeyChanges(patch.keys) : ""}\n${packDue(patch.due_at)}`;
  return `u\n${id}\n${flags}\n${guards}\n${changes}\n${packLease(patch.lease)}\n${packEvent(event)}\n`;
}

/** The lease and its owner. */
function packLease(lease: Patch["lease"]): string {
  if (lease === undefined) return "\n";
  if (lease === "release") return "-\n";
  if ("renewMs" in lease) return `~${numberText(lease.renewMs, "renewMs")}\n`;
  return `=${numberText(lease.durationMs, "durationMs")}\n${escapeField(lease.owner)}`;
}

/**
 * @param value The JSON of the value if the caller has it; else it is in `packed`.
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` for a format that this release does not know
 */
export function decodeRecord(id: string, packed: string, value = ""): StoredRecord {
  const end = packed.indexOf("\n");
  const fields = packed.slice(0, end).split("|");
  if (end < 0 || fields[0] !== FORMAT || fields.length !== FIRST_KEY + KEY_NAMES.length)
    throw unknownFormat(id);
  const [, kind, tenant, status, version, created, updated, due, owner, leaseEnd, fence, touches] =
    fields as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
    ];
  const keys: { [name in KeyName]?: string } = {};
  for (const [n, name] of KEY_NAMES.entries()) {
    const field = fields[FIRST_KEY + n];
    if (field) keys[name] = unescapeField(field.slice(1));
  }
  const envelope = {
    id,
    kind: unescapeField(kind),
    tenant_id: unescapeField(tenant),
    status: unescapeField(status),
    version: Number(version),
    keys,
    due_at: due === "" ? null : Number(due),
    lease: leaseEnd === "" ? null : { owner: unescapeField(owner), expires_at: Number(leaseEnd) },
    fence: Number(fence),
    touches: Number(touches),
    created_at: Number(created),
    updated_at: Number(updated),
  };
  return handOut(envelope, value || packed.slice(end + 1));
}

/** What an insert has made, from what the client sent: the server sends back only its time. */
export function insertedRecord(operation: InsertOp, value: string, now: number): StoredRecord {
  return handOut(newEnvelope(operation, now), value);
}

function unknownFormat(id: string): HoldpointError {
  return new HoldpointError(
    "ERR_HITL_STORE_SCHEMA",
    `The record ${id} is stored in a format that this release does not know. Upgrade holdpoint on this machine.`,
    { details: { id } },
  );
}

/** Events in a chunk of the history, see scripts/includes/history.lua. */
export const EVENTS_PER_CHUNK = 8;

export function historyField(id: string, chunk: number): string {
  return chunk === 0 ? id : `${id}/${chunk}`;
}

export function decodeEvents(chunk: number, lines: string): RecordEvent[] {
  return lines.split("\n").flatMap((line, n) => {
    // The server has lost the event.
    if (line === "") return [];
    const [at, version, status, request] = line.split("|", 4) as [string, string, string, string];
    const json = line.slice(at.length + version.length + status.length + request.length + 4);
    return {
      ...(JSON.parse(json) as NewEvent),
      seq: chunk * EVENTS_PER_CHUNK + n + 1,
      at: Number(at),
      version: Number(version),
      status: unescapeField(status),
    };
  });
}
