/**
 * The hot statements: an insert and a guarded update of one record. Each shape (which columns, which guards) is a
 * prepared statement of its own with nothing in it that is not needed. There are as many as the domains have kinds of
 * writes, some twenty.
 */
import { KEY_NAMES, type InsertOp, type UpdateOp } from "../record-store.ts";
import type { PostgresValue } from "./client.ts";
import { encodeEvent, insertFields, updateFields } from "./encode.ts";
import { QUERIES } from "./sql.generated.ts";
import { ENVELOPE_COLUMNS, type Statement, type Statements, withoutComments } from "./statements.ts";

export interface Shaped {
  readonly statement: Statement;
  readonly parameters: readonly PostgresValue[];
  /** The JSON of the value that the operation brings; what was sent need not come back. */
  readonly value: string | null;
}

/** Parameters with their names: the names are the shape, and their places in the text. */
class Parts {
  readonly names: string[] = [];
  readonly values: PostgresValue[] = [];

  add(name: string, value: PostgresValue): void {
    this.names.push(name);
    this.values.push(value);
  }

  addIf(name: string, value: PostgresValue): void {
    if (value !== null) this.add(name, value);
  }
}

/** The SQL of a shape: `of(name)` is the place of a parameter, with its cast where its type would be taken for text. */
type Places = (name: string) => string;

function placesOf(names: readonly string[]): Places {
  return (name) => {
    const place = `$${names.indexOf(name) + 1}`;
    const cast = CASTS[name];
    return cast ? `${place}::${cast}` : place;
  };
}

const CASTS: Readonly<Record<string, string>> = {
  now: "bigint",
  slot: "smallint",
  due: "bigint",
  due_in: "bigint",
  ms: "bigint",
  value: "json",
  actor: "json",
  data: "json",
  statuses: "text[]",
  version: "bigint",
  fence: "bigint",
  touches: "bigint",
};

const EVENT_PARTS = ["actor", "reason", "data"] as const;

function eventSql(names: readonly string[], place: Places, from: string, columns: string): string {
  if (!names.includes("type")) return "";
  const given = EVENT_PARTS.filter((part) => names.includes(part));
  return `, event AS (
  INSERT INTO {schema}.history (id, seq, at, version, status, ${["type", ...given].join(", ")})
  SELECT ${columns}, ${["type", ...given].map(place).join(", ")} FROM ${from}
)`;
}

function nowSql(names: readonly string[], place: Places): string {
  return names.includes("now") ? place("now") : "{schema}.now_ms()";
}

export function shapeInsert(
  statements: Statements,
  operation: InsertOp,
  now: number | null,
  request: string,
): Shaped {
  const fields = insertFields(operation);
  const event = encodeEvent(operation.event);
  const parts = new Parts();
  parts.add("id", operation.record.id);
  parts.add("kind", fields.kind);
  parts.add("tenant_id", fields.tenant);
  parts.add("slot", fields.slot);
  parts.add("status", fields.status);
  parts.add("insert_request", request);
  parts.add("value", fields.value);
  parts.addIf("now", now);
  parts.addIf("due", fields.due);
  if (fields.ms !== null) {
    parts.add("lease_owner", fields.owner);
    parts.add("ms", fields.ms);
  }
  for (const [n, name] of KEY_NAMES.entries()) parts.addIf(`key_${name}`, fields.keys[n] ?? null);
  parts.addIf("type", event.type);
  for (const part of EVENT_PARTS) parts.addIf(part, event[part]);
  const { names, values } = parts;
  const statement = statements.shaped(`insert ${names.join(" ")}`, () => insertSql(names));
  return { statement, parameters: values, value: fields.value };
}

function insertSql(names: readonly string[]): string {
  const place = placesOf(names);
  const columns: [name: string, value: string][] = [
    ["created_at", "t.now"],
    ["updated_at", "t.now"],
  ];
  for (const name of names) {
    if (name === "now" || EVENT_PARTS.some((part) => part === name)) continue;
    if (name === "type") columns.push(["events", "1"]);
    else if (name === "due") columns.push(["due_at", place(name)]);
    else if (name === "ms") columns.push(["lease_expires_at", `t.now + ${place(name)}`], ["fence", "1"]);
    else columns.push([name, place(name)]);
  }
  return withoutComments(QUERIES.insertRecord)
    .replace("{names}", columns.map(([name]) => name).join(", "))
    .replace("{values}", () => columns.map(([, value]) => value).join(", "))
    .replace("{event}", () =>
      eventSql(names, place, "fresh", `${place("id")}, 1, created_at, 1, ${place("status")}`),
    )
    .replace("{now}", () => nowSql(names, place))
    .replace("{id}", () => place("id"));
}

export function shapeUpdate(
  statements: Statements,
  operation: UpdateOp,
  now: number | null,
  request: string,
): Shaped {
  const { guard, dueChange, due, leaseChange, owner, ms, mask, keys, status, value } =
    updateFields(operation);
  const event = encodeEvent(operation.event);
  const parts = new Parts();
  parts.add("id", operation.id);
  parts.add("request", request);
  parts.addIf("now", now);
  parts.addIf("statuses", guard.statuses);
  parts.addIf("version", guard.version);
  parts.addIf("fence", guard.fence);
  parts.addIf("touches", guard.touches);
  parts.addIf("status", status);
  if (dueChange === 1) parts.add("due", due);
  if (dueChange === 2) parts.add("due_in", due);
  if (leaseChange === 1) parts.add("lease_owner", owner);
  parts.addIf("ms", ms);
  for (const [n, name] of KEY_NAMES.entries()) if (mask & (1 << n)) parts.add(`key_${name}`, keys[n] ?? null);
  parts.addIf("value", value);
  parts.addIf("type", event.type);
  for (const part of EVENT_PARTS) parts.addIf(part, event[part]);
  const { names, values } = parts;
  const { free, not_due, is_due } = guard;
  const shape = `update ${names.join(" ")} ${leaseChange}${free ? " free" : ""}${not_due ? " not_due" : ""}${is_due ? " is_due" : ""}`;
  const statement = statements.shaped(shape, () => updateSql(names, leaseChange, guard));
  return { statement, parameters: values, value };
}

function updateSql(
  names: readonly string[],
  leaseChange: number,
  { free, not_due, is_due }: { readonly free: boolean; readonly not_due: boolean; readonly is_due: boolean },
): string {
  const place = placesOf(names);
  const has = (name: string): boolean => names.includes(name);
  const now = nowSql(names, place);
  const set = [
    "version = r.version + 1",
    `updated_at = ${now}`,
    // Three of them: each has nineteen characters and a comma.
    `update_requests = left(${place("request")} || ',' || r.update_requests, 60)`,
  ];
  if (has("status")) set.push(`status = ${place("status")}`);
  if (has("due")) set.push(`due_at = ${place("due")}`);
  if (has("due_in")) set.push(`due_at = ${now} + ${place("due_in")}`);
  if (leaseChange === 1) {
    set.push(
      `lease_owner = ${place("lease_owner")}`,
      `lease_expires_at = ${now} + ${place("ms")}`,
      "fence = r.fence + 1",
    );
  }
  if (leaseChange === 2)
    set.push(`lease_expires_at = CASE WHEN r.lease_expires_at IS NOT NULL THEN ${now} + ${place("ms")} END`);
  if (leaseChange === 3) set.push("lease_owner = NULL", "lease_expires_at = NULL");
  for (const name of names) if (name.startsWith("key_")) set.push(`${name} = ${place(name)}`);
  if (has("value")) set.push(`value = ${place("value")}`);
  if (has("type")) set.push("events = r.events + 1");
  const guard: string[] = [];
  if (has("statuses")) guard.push(`r.status = ANY (${place("statuses")})`);
  if (has("version")) guard.push(`r.version = ${place("version")}`);
  // The clock is read here and not once for the statement: one that waits for a row is judged by the time after.
  if (has("fence")) guard.push(`r.fence = ${place("fence")}`, `r.lease_expires_at > ${now}`);
  if (has("touches")) guard.push(`r.touches = ${place("touches")}`);
  if (free) guard.push(`(r.lease_expires_at IS NULL OR r.lease_expires_at <= ${now})`);
  if (not_due) guard.push(`(r.due_at IS NULL OR r.due_at > ${now})`);
  if (is_due) guard.push(`r.due_at <= ${now}`);
  const changed = [
    "r.events",
    ...ENVELOPE_COLUMNS.map((column) => `r.${column}`),
    ...(has("value") ? [] : ["r.value"]),
  ];
  return withoutComments(QUERIES.updateRecord)
    .replace("{set}", () => set.join(", "))
    .replace("{guard}", () => guard.map((condition) => ` AND ${condition}`).join(""))
    .replace("{changed}", changed.join(", "))
    .replace("{event}", () => eventSql(names, place, "changed", "id, events, updated_at, version, status"))
    .replace("{value}", has("value") ? "NULL::json" : "r.value")
    .replaceAll("{request}", () => place("request"))
    .replaceAll("{id}", () => place("id"))
    .replaceAll("{now}", () => now);
}
