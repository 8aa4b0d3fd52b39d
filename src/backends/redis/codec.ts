/**
 * Records, events and commits as the texts that the scripts work on (scripts/includes/record.lua).
 *
 * A packed record is a header line, the JSON value, and the last events: one text costs 100 to 200 bytes less than a
 * hash of fields (keys of a record push a small hash over 64 bytes a field, which turns it into a table) and 150 less
 * than a second entry for the events, and a read is one HGET. JSON is made and parsed only on this side, so that
 * what was stored comes back to the byte (S6). A new record is packed here but for its times: the script has little to do.
 */
import { HoldpointError } from "../../core/errors.ts";
import type {
  InsertOp,
  NewEvent,
  Patch,
  RecordEvent,
  StoredRecord,
  StoreOp,
  UpdateOp,
} from "../record-store.ts";
import { handOut } from "../held.ts";
import { newEnvelope } from "../store-rules.ts";
import {
  escapeField,
  headField,
  packKeyChanges,
  packKeys,
  statusField,
  statusOf,
  statusSet,
  tenantOf,
  unescapeField,
  unpackKeys,
} from "./fields.ts";
import { fullJson, shortJson } from "./short-json.ts";

const FORMAT = "1";
const FIRST_KEY = 14;

function invalid(message: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", message);
}

function numberText(value: number, what: string): string {
  return Number.isFinite(value)
    ? String(value)
    : invalid(`${what} is ${value}; it has to be a finite number.`);
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
  /** The operations, and the texts that they bring. */
  readonly args: readonly string[];
  /** The JSON of the values, by operation: what was sent need not come back. */
  readonly values: readonly string[];
}

/** @param request The commit's random id (S4) */
export function encodeOps(ops: readonly StoreOp[], request: string): EncodedCommit {
  const args: string[] = [""];
  const values: string[] = [];
  let packed = "";
  for (const operation of ops) {
    let value = "";
    if (operation.op === "read") {
      packed += `r\n${operation.id}\n`;
    } else if (operation.op === "insert") {
      value = JSON.stringify(operation.record.value);
      packed += packInsert(operation, value, request, args);
    } else {
      const { patch = {} } = operation;
      if (patch.value) {
        value = JSON.stringify(patch.value);
        args.push(shortJson(value));
      }
      packed += packUpdate(operation, patch);
    }
    values.push(value);
  }
  args[0] = packed;
  return { args, values };
}

/**
 * The record itself goes to `args`, from behind the end of its lease: what is before that has the server's time in it.
 * No field holds a line feed: names are escaped, and JSON writes it as \\n.
 */
function packInsert(operation: InsertOp, value: string, request: string, args: string[]): string {
  const { record, lease, event, if_exists, touch } = operation;
  const { id, due_at } = record;
  const due = due_at === undefined || due_at === null ? "" : numberText(due_at, "due_at");
  const flags = `${if_exists === "abort" ? "a" : ""}${touch ? "t" : ""}`;
  const status = statusField(record.status);
  const head = headField(record.kind, record.tenant_id);
  const keys = record.keys ? packKeys(record.keys) : "";
  const owner = lease ? escapeField(lease.owner) : "";
  const leaseMs = lease ? numberText(lease.durationMs, "durationMs") : "";
  // Version 1; no touches; its time of creation is the time of its event.
  const first = event ? `\n|1|${status}||${packEvent(event)}` : "";
  args.push(
    `|${status}|1|${due}|${owner}|${lease ? 1 : 0}|0|${event ? 1 : 0}|i${request},|${head}${keys}\n${shortJson(value)}${first}`,
  );
  return `i\n${id}\n${flags}\n${leaseMs}\n${due}\n${head}\n${status}\n${keys}\n`;
}

function packUpdate({ id, guard = {}, event, optional, touch }: UpdateOp, patch: Patch): string {
  const flags = `${optional ? "o" : ""}${touch ? "t" : ""}${patch.value ? "v" : ""}`;
  const { status, version, fence, touches, lease, not_due, due } = guard;
  const tests = `${lease === "free" ? "f" : ""}${not_due ? "n" : ""}${due ? "d" : ""}`;
  const guards = `${status ? statusSet(status) : ""}\n${version ?? ""}\n${fence ?? ""}\n${touches ?? ""}\n${tests}`;
  const changes = `${patch.status === undefined ? "" : `=${statusField(patch.status)}`}\n${patch.keys ? packKeyChanges(patch.keys) : ""}\n${packDue(patch.due_at)}`;
  return `u\n${id}\n${flags}\n${guards}\n${changes}\n${packLease(patch.lease)}\n${packEvent(event)}\n`;
}

/** The lease and its owner. */
function packLease(lease: Patch["lease"]): string {
  if (lease === undefined) return "\n";
  if (lease === "release") return "-\n";
  if ("renewMs" in lease) return `~${numberText(lease.renewMs, "renewMs")}\n`;
  return `=${numberText(lease.durationMs, "durationMs")}\n${escapeField(lease.owner)}`;
}

type Header = [
  format: string,
  created: string,
  updated: string,
  leaseEnd: string,
  status: string,
  version: string,
  due: string,
  owner: string,
  fence: string,
  touches: string,
];
/** How many events a record has had. */
const EVENTS = 10;

/**
 * @param value The JSON of the value if the caller has it; else it is in `packed`.
 * @throws HoldpointError `ERR_HITL_STORE_SCHEMA` for a format that this release does not know
 */
export function decodeRecord(id: string, packed: string, value = ""): StoredRecord {
  const end = packed.indexOf("\n");
  const fields = packed.slice(0, end).split("|");
  if (end < 0 || fields[0] !== FORMAT || fields.length <= FIRST_KEY) throw unknownFormat(id);
  const [, created, updated, leaseEnd, status, version, due, owner, fence, touches] = fields as Header;
  const kind = fields[FIRST_KEY - 2] as string;
  const tenant = fields[FIRST_KEY - 1] as string;
  const envelope = {
    id,
    kind: unescapeField(kind),
    tenant_id: tenantOf(tenant),
    status: statusOf(status),
    version: Number(version),
    keys: unpackKeys(fields, FIRST_KEY),
    due_at: due === "" ? null : Number(due),
    lease: leaseEnd === "" ? null : { owner: unescapeField(owner), expires_at: Number(leaseEnd) },
    fence: Number(fence),
    touches: Number(touches),
    created_at: Number(created),
    updated_at: Number(updated === "" ? created : updated),
  };
  return handOut(envelope, value || fullJson(valueOf(packed, end + 1)));
}

function valueOf(packed: string, start: number): string {
  const end = packed.indexOf("\n", start);
  return end < 0 ? packed.slice(start) : packed.slice(start, end);
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
  return `${id}/${chunk}`;
}

/**
 * Events of a record, oldest first, without gaps.
 *
 * @param packed The record, read before its chunks: what has gone into a chunk meanwhile is there as well
 * @param chunks Full chunks from the number `first`; null where there is none
 */
export function decodeHistory(
  packed: string,
  chunks: readonly (string | null)[],
  first: number,
): RecordEvent[] {
  const [header = "", , ...lines] = packed.split("\n");
  const fields = header.split("|");
  const created = Number(fields[1]);
  const events = chunks.flatMap((chunk, n) =>
    chunk ? decodeEvents(chunk.split("\n"), (first + n) * EVENTS_PER_CHUNK + 1, created) : [],
  );
  const seen = events.at(-1)?.seq ?? 0;
  const own = decodeEvents(lines, Number(fields[EVENTS]) - lines.length + 1, created);
  return [...events, ...own.filter(({ seq }) => seq > seen)];
}

function decodeEvents(lines: readonly string[], seq: number, created: number): RecordEvent[] {
  return lines.map((line, n) => {
    const [at, version, status, request] = line.split("|", 4) as [string, string, string, string];
    const json = line.slice(at.length + version.length + status.length + request.length + 4);
    return {
      ...(JSON.parse(json) as NewEvent),
      seq: seq + n,
      at: at === "" ? created : Number(at),
      version: Number(version),
      status: statusOf(status),
    };
  });
}
