/**
 * Record ids (P2). `<prefix>_<32 hex>`: three hex digits name the slot (the partition that everything of
 * one session shares), the rest is a hash of where and what was asked, or random. The 32 digits are also a
 * valid LangGraph interrupt id.
 */
import { hash } from "node:crypto";
import { random } from "nanoid";
import { canonicalJson, type JsonValue } from "./json.ts";

export const SLOT_COUNT = 4096;

const OWN_ID = /^[a-z]+_[0-9a-f]{32}$/;
const FOREIGN_ID = /^[^\p{Cc}\p{Cs}]{1,255}$/u;
/** Most ids; a pattern with Unicode's properties takes twenty times as long. */
const PLAIN_ID = /^[ -~]{1,255}$/;

/** Source of random ids, replaceable in tests. Returns 29 hex digits. */
export type RandomId = () => string;
export const defaultRandomId: RandomId = () => Buffer.from(random(15)).toString("hex").slice(1);

function sha256(text: string): string {
  return hash("sha256", text, "hex");
}

/** Names one attempt to take a lease; unique among all processes, but no secret. */
export type LeaseOwner = () => string;

function leaseOwners(): LeaseOwner {
  const process = defaultRandomId();
  let count = 0;
  return () => `${process}-${(count += 1)}`;
}

export const defaultLeaseOwner: LeaseOwner = leaseOwners();

/** SHA-256 of the RFC 8785 form: equal values have equal hashes, whatever the order of their keys. */
export function hashJson(value: JsonValue): string {
  return sha256(canonicalJson(value));
}

/** A round asks several times for the slot of one session. */
const slots = new Map<string, number>();
const MAX_SLOTS = 1000;

/** The partition of a session, 0…4095. Records of one slot can change together in one atomic commit. */
export function slotOf(tenant_id: string, session_id: string): number {
  const name = `${tenant_id.length}:${tenant_id}${session_id}`;
  const known = slots.get(name);
  if (known !== undefined) return known;
  const slot = Number.parseInt(sha256(JSON.stringify([tenant_id, session_id])).slice(0, 3), 16);
  if (slots.size >= MAX_SLOTS) slots.clear();
  slots.set(name, slot);
  return slot;
}

function slotHex(slot: number): string {
  return slot.toString(16).padStart(3, "0");
}

/** The slot that an id of ours carries. */
export function slotOfId(id: string): number {
  const start = id.lastIndexOf("_") + 1;
  return Number.parseInt(id.slice(start, start + 3), 16);
}

/** A round names each of its records several times. */
const hashes = new Map<string, string>();
const MAX_HASHES = 1000;

/** A deterministic id: the same parts in the same slot give the same id. */
export function makeId(prefix: string, slot: number, parts: JsonValue): string {
  const text = JSON.stringify(parts);
  let hash = hashes.get(text);
  if (hash === undefined) {
    hash = hashJson(parts).slice(0, 29);
    if (hashes.size >= MAX_HASHES) hashes.clear();
    hashes.set(text, hash);
  }
  return `${prefix}_${slotHex(slot)}${hash}`;
}

export function makeRandomId(prefix: string, slot: number, randomId: RandomId): string {
  return `${prefix}_${slotHex(slot)}${randomId()}`;
}

/** True for ids in our own format; anything else that a caller brings is an alias. */
export function isOwnId(id: string): boolean {
  return OWN_ID.test(id);
}

/** Ids from outside: 1 to 255 characters, no control characters, no lone surrogates. */
export function isValidForeignId(id: unknown): id is string {
  return typeof id === "string" && (PLAIN_ID.test(id) || FOREIGN_ID.test(id));
}

/** The LangGraph interrupt id of a record: the 32 hex digits of its id. */
export function interruptIdOf(id: string): string {
  return id.slice(id.lastIndexOf("_") + 1);
}
