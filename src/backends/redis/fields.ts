/**
 * How names, keys and ids are written in headers and in members of the indexes: short, since each record repeats them in
 * every index it is in, and legible (PROTOCOL.md §13). The scripts follow it: includes/indexes.lua.
 */
import { HoldpointError } from "../../core/errors.ts";
import { DEFAULT_TENANT } from "../../core/record.ts";
import { KEY_NAMES, type KeyName, type RecordKeys } from "../record-store.ts";

const LAST_PLACE = 9_999_999_999_999;
const SPECIAL = /[%|\n]/;

/** Escapes what separates fields. Different texts stay different, whatever they hold. */
export function escapeField(text: string): string {
  // A lone surrogate would be sent as U+FFFD, and two different texts would become one.
  if (typeof text !== "string" || !text.isWellFormed())
    throw new HoldpointError(
      "ERR_HITL_INVALID_INPUT",
      "A kind, tenant, status, key or owner is not well-formed text.",
    );
  if (!SPECIAL.test(text)) return text;
  return text.replaceAll("%", "%25").replaceAll("|", "%7C").replaceAll("\n", "%0A");
}

export function unescapeField(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll("%0A", "\n").replaceAll("%7C", "|").replaceAll("%25", "%");
}

const STATUS_LETTERS: ReadonlyMap<string, string> = new Map([
  ["pending", "p"],
  ["completed", "c"],
  ["cancelled", "x"],
  ["expired", "e"],
]);
const STATUS_OF: ReadonlyMap<string, string> = new Map(
  [...STATUS_LETTERS].map(([status, letter]) => [letter, status]),
);

/** The letter of a question's status; others as they are. `%` and a letter, which no escaped text is, for one called so. */
export function statusField(status: string): string {
  return STATUS_LETTERS.get(status) ?? (STATUS_OF.has(status) ? `%${status}` : escapeField(status));
}

export function statusOf(field: string): string {
  if (field.length === 2 && field.startsWith("%")) return field.slice(1);
  return STATUS_OF.get(field) ?? unescapeField(field);
}

/** A list for a plain text search: `|a|b|`. Holds nothing if it is empty. */
export function statusSet(statuses: readonly string[]): string {
  return `|${statuses.map((status) => `${statusField(status)}|`).join("")}`;
}

/** Nothing for the default tenant; a lone `%`, which no escaped text is, for the tenant without a name. */
export function tenantField(tenant_id: string): string {
  if (tenant_id === DEFAULT_TENANT) return "";
  return tenant_id === "" ? "%" : escapeField(tenant_id);
}

export function tenantOf(field: string): string {
  if (field === "") return DEFAULT_TENANT;
  return field === "%" ? "" : unescapeField(field);
}

/** `kind|tenant|`, as it begins every member of the index. */
export function headField(kind: string, tenant_id: string): string {
  return `${escapeField(kind)}|${tenantField(tenant_id)}|`;
}

const LETTERS: Readonly<Record<KeyName, string>> = {
  session: "s",
  invocation: "i",
  thread: "t",
  checkpoint: "c",
  callback: "b",
  assignee: "a",
  alias: "l",
  wake: "w",
};
const NAMES: ReadonlyMap<string, KeyName> = new Map(KEY_NAMES.map((name) => [LETTERS[name], name]));

/** Often the same text: an entry that is the same for several of them is one. */
const SHARING: readonly KeyName[] = ["session", "invocation", "thread"];
/** The letters under which the entries of such a name are: `s`, `si`, `st`, `sit` for a session. */
const ENTRIES: ReadonlyMap<KeyName, readonly string[]> = new Map(
  SHARING.map((name) => [
    name,
    subsetsOf(SHARING)
      .filter((subset) => subset.includes(name))
      .map((subset) => subset.map((one) => LETTERS[one]).join("")),
  ]),
);

function subsetsOf<T>(all: readonly T[]): T[][] {
  return all.reduce<T[][]>(
    (subsets, one) => [...subsets, ...subsets.map((subset) => [...subset, one])],
    [[]],
  );
}

/** What the index may have a key's entries under: `letters=value`. */
export function keyEntries(name: KeyName, value: string): string[] {
  const escaped = escapeField(value);
  return (ENTRIES.get(name) ?? [LETTERS[name]]).map((letters) => `${letters}=${escaped}`);
}

/** The keys of a new record as its header has them: `si=a|t=b`. */
export function packKeys(keys: RecordKeys): string {
  let packed = "";
  for (const name of KEY_NAMES) {
    const value = keys[name];
    const letters = value === undefined ? "" : lettersOf(name, keys);
    if (letters !== "") packed += `${packed === "" ? "" : "|"}${letters}=${escapeField(value as string)}`;
  }
  return packed;
}

/** Empty for a key that is with an earlier one. */
function lettersOf(name: KeyName, keys: RecordKeys): string {
  const at = SHARING.indexOf(name);
  if (at < 0) return LETTERS[name];
  let letters = "";
  for (const [n, other] of SHARING.entries()) {
    if (keys[other] !== keys[name]) continue;
    if (n < at) return "";
    letters += LETTERS[other];
  }
  return letters;
}

/** Of each key that changes `s=value|`, or `-s|`. */
export function packKeyChanges(changes: { readonly [name in KeyName]?: string | null }): string {
  let packed = "";
  for (const name of KEY_NAMES) {
    const value = changes[name];
    if (value === undefined) continue;
    packed += value === null ? `-${LETTERS[name]}|` : `${LETTERS[name]}=${escapeField(value)}|`;
  }
  return packed;
}

/** @param fields from `first` on `letters=value`; others say nothing */
export function unpackKeys(fields: readonly string[], first: number): RecordKeys {
  const keys: { [name in KeyName]?: string } = {};
  for (let n = first; n < fields.length; n += 1) {
    const field = fields[n] as string;
    const equals = field.indexOf("=");
    if (equals < 1) continue;
    const value = unescapeField(field.slice(equals + 1));
    for (let at = 0; at < equals; at += 1) {
      const name = NAMES.get(field.charAt(at));
      if (name !== undefined) keys[name] = value;
    }
  }
  return keys;
}

/**
 * An id as members of the index have it: without its prefix if that is the kind. Another prefix follows a mark that keeps
 * the order of whole ids: `!` if it comes before the kind's, `~` if after it.
 */
export function shortId(kind: string, id: string): string {
  const own = `${kind}_`;
  if (id.startsWith(own)) return id.slice(own.length);
  return `${id < own ? "!" : "~"}${id}`;
}

export function fullId(kind: string, short: string): string {
  const mark = short.charCodeAt(0);
  return mark === 33 || mark === 126 ? short.slice(1) : `${kind}_${short}`;
}

/** The place of a time in an index: 13 digits. */
export function indexPlace(time: number): string {
  return String(Math.max(0, Math.min(Math.floor(time), LAST_PLACE))).padStart(13, "0");
}
