/** Reading an event. Whatever it is, it comes from outside: it is copied as plain JSON and checked before anybody uses it. */
import { HoldpointError } from "../core/errors.ts";
import { type JsonObject, type JsonValue, toJsonObject } from "../core/json.ts";
import type { BlockActor, BlockEvent } from "./events.ts";
import {
  BLOCK_OPS,
  BLOCK_PERSISTENCES,
  BLOCK_PROTOCOL_VERSION,
  MAX_BLOCK_ID,
  MAX_EVENT_ID,
  MAX_TIME,
} from "./names.ts";
import { pathOf } from "./paths.ts";

/** A record of the largest size, and the envelope around it. */
export const MAX_EVENT_BYTES = (256 + 32) * 1024;
const LIMITS = { maxBytes: MAX_EVENT_BYTES, maxDepth: 66 };
const CONTROL = /\p{Cc}/u;
const OUR_PROTOCOL = /^1\.\d+$/;

function refuse(field: string, what: string): never {
  throw new HoldpointError("ERR_HITL_INVALID_INPUT", `${field} of a block event ${what}.`, {
    details: { field },
  });
}

function text(event: JsonObject, field: string, longest: number, fallback?: string): string {
  const value = event[field] ?? fallback;
  if (typeof value !== "string") return refuse(field, value === undefined ? "is missing" : "is not a string");
  if (value.length > longest) return refuse(field, `is longer than ${longest} characters`);
  return value;
}

function optionalText(event: JsonObject, field: string): string | null {
  return event[field] == null ? null : text(event, field, 1024);
}

function id(event: JsonObject, field: string, longest: number, fallback?: string): string {
  const value = text(event, field, longest, fallback);
  if (CONTROL.test(value)) return refuse(field, "holds a control character");
  return value;
}

function required(event: JsonObject, field: string): string {
  const value = id(event, field, MAX_BLOCK_ID);
  return value === "" ? refuse(field, "is empty") : value;
}

function count(event: JsonObject, field: string, most: number): number | null {
  const value = event[field] ?? null;
  if (value === null) return null;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) return value;
  return refuse(field, `is not a whole number from 0 to ${most}`);
}

function oneOf<T extends string>(event: JsonObject, field: string, known: readonly T[]): T {
  const value = event[field];
  const found = known.find((name) => name === value);
  return found ?? refuse(field, value === undefined ? "is missing" : `is none of ${known.join(", ")}`);
}

const ROLES = ["user", "assistant", "system"] as const;

function actorOf(value: JsonValue | undefined): BlockActor | null {
  if (value == null) return null;
  if (typeof value !== "object" || Array.isArray(value)) return refuse("actor", "is not an object");
  const id = text(value, "id", 255);
  const { role, name, meta } = value;
  if (id === "") return refuse("actor", "has an empty id");
  if (meta != null && (typeof meta !== "object" || Array.isArray(meta))) {
    return refuse("actor", "has a meta that is not an object");
  }
  return {
    id,
    role: role == null ? null : oneOf(value, "role", ROLES),
    name: name == null ? null : text(value, "name", 255),
    meta: meta ?? null,
  };
}

function protocolOf(event: JsonObject): string {
  const version = text(event, "protocol_version", 32, BLOCK_PROTOCOL_VERSION);
  if (OUR_PROTOCOL.test(version)) return version;
  throw new HoldpointError(
    "ERR_HITL_SCHEMA_VERSION",
    `A block event has protocol_version ${JSON.stringify(version)}; this release reads 1.x.`,
    { details: { found: version } },
  );
}

function jsonOf(input: unknown): JsonObject {
  if (typeof input !== "string") return toJsonObject(input, "event", LIMITS);
  if (input.length > MAX_EVENT_BYTES) {
    throw new HoldpointError("ERR_HITL_TOO_LARGE", `A block event is longer than ${MAX_EVENT_BYTES} bytes.`, {
      details: { maxBytes: MAX_EVENT_BYTES },
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(input);
  } catch (cause) {
    throw new HoldpointError("ERR_HITL_NOT_JSON", "A block event is not JSON.", { cause });
  }
  return toJsonObject(value, "event", LIMITS);
}

/**
 * Reads an event: an object or its JSON text, from anywhere. `block_id`, `kind`, `persistence` and `op` have to be
 * there (B1); the other keys get their defaults, keys that nobody knows are left out. The result shares nothing with
 * `input`.
 *
 * @throws HoldpointError `ERR_HITL_INVALID_INPUT` (a missing or wrong field, an unknown persistence or op, a path that
 * is none), `ERR_HITL_NOT_JSON`, `ERR_HITL_TOO_DEEP`, `ERR_HITL_TOO_LARGE` (288 KiB), `ERR_HITL_SCHEMA_VERSION`
 *
 * @example
 * ```ts
 * import { parseBlockEvent } from "holdpoint/blocks";
 *
 * const event = parseBlockEvent('{"block_id":"b","kind":"text","persistence":"persistent","op":"delta"}');
 * console.log(event.protocol_version, event.seq); // 1.0 null
 * ```
 */
export function parseBlockEvent(input: unknown): BlockEvent {
  const event = jsonOf(input);
  const block_id = required(event, "block_id");
  const kind = text(event, "kind", 255);
  if (kind === "") refuse("kind", "is empty");
  const persistence = oneOf(event, "persistence", BLOCK_PERSISTENCES);
  const op = oneOf(event, "op", BLOCK_OPS);
  const data = event["data"] ?? null;
  if (typeof data !== "object" || Array.isArray(data)) return refuse("data", "is not an object");
  // A path that is none is refused on arrival, not when its turn comes.
  if (op === "patch" && data !== null) for (const path of Object.keys(data)) pathOf(path);
  return {
    block_id,
    parent_id: event["parent_id"] == null ? null : required(event, "parent_id"),
    kind,
    persistence,
    op,
    data,
    branch: optionalText(event, "branch"),
    schema_version: optionalText(event, "schema_version"),
    protocol_version: protocolOf(event),
    event_id: id(event, "event_id", MAX_EVENT_ID, ""),
    seq: count(event, "seq", Number.MAX_SAFE_INTEGER),
    timestamp: count(event, "timestamp", MAX_TIME) ?? 0,
    invocation_id: text(event, "invocation_id", 1024, ""),
    session_id: text(event, "session_id", 1024, ""),
    actor: actorOf(event["actor"]),
  };
}

/** True for what was meant as a block event, well-formed or not: so that other chunks of a stream are passed over. */
export function looksLikeBlockEvent(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  try {
    return "block_id" in value && "op" in value && "kind" in value;
  } catch {
    return false;
  }
}
